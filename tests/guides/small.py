"""A small guide around one query, of which a test changes what it is about."""

from tsg_agent.guides import WrittenGuide, parse_guide

TABLES = """tables:
  payments:
    key: payment_id
    columns: {payment_id: text, paid_at: timestamp, site: text, card: text, declined: boolean, code: integer,
              took_ms: number, buyer: text, release: text}
  terminals:
    columns: {terminal_id: text, payment_id: text, seen_at: timestamp, site: text, temperature: number,
              paid_at: timestamp}
"""
PARAMETERS = """- `start_time`: start of the window (UTC)
- `end_time`: end of the window (UTC)
- `site`: the shop's site
"""
WINDOW = "WHERE paid_at BETWEEN {start_time} AND {end_time} AND site = {site}"
BY_CARD = f"SELECT card, COUNT(*) AS n FROM payments {WINDOW} GROUP BY card ORDER BY card"
STATES = (
    f"SELECT card, AVG(took_ms) AS mean_ms, CASE WHEN AVG(took_ms) > 3000 THEN 'STUCK' WHEN AVG(took_ms) > 1000 THEN "
    f"'SLOW' ELSE 'FAST' END AS state FROM payments {WINDOW} GROUP BY card ORDER BY card"
)
SAYS = "STUCK and SLOW cards: ask the bank. Proceed to Step 3."


def text_of(
    sql: str = BY_CARD,
    says: str = "Proceed to Step 3.",
    *,
    parameters: str = PARAMETERS,
    begin: str = "Proceed to Step 2.",
    tables: str = TABLES,
    end: str = "This is the final outcome.",
    matter: str = "",
) -> str:
    return f"""---
{tables}{matter}---
# Payments

## Step 1 - Ask

Collect the parameters:
{parameters}
{begin}

## Step 2 - Look

<PLUGIN_1>
{sql}
</PLUGIN_1>

{says}

## Step 3 - End

{end}
"""


def guide_of(sql: str = BY_CARD, says: str = "Proceed to Step 3.", **parts: str) -> WrittenGuide:
    return parse_guide(text_of(sql, says, **parts))
