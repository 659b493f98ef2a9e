"""A Report as a message for Slack: Block Kit's JSON, to be posted to a webhook as it is.

Names from telemetry and the incident's text are escaped: no mentions, links or formatting.
"""

import json
import re
from typing import Any

from tsg_agent.escape import slack as escape
from tsg_agent.models import Report
from tsg_agent.report.screen import EACH, LABELS
from tsg_agent.wording import one_line, sentence

HEADER, SECTION = 150, 3_000
"""Characters that Slack allows."""
_FORMAT = re.compile(r"[*~`]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
"""Formatting characters (bold, italic, strike, code), which a zero-width space disables."""


def to_slack(report: Report) -> str:
    """The message as JSON."""
    return json.dumps(slack_message(report), ensure_ascii=False, indent=2) + "\n"


def slack_message(report: Report) -> dict[str, Any]:
    """The conclusion in short: `text` (for notifications) and `blocks`."""
    p = report.parameters
    where = " · ".join(one_line(name) for name in (p.service_name, p.region, p.environment))
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": where[:HEADER], "emoji": False}}
    ]
    for line in report.brief:
        joined = "\n".join(f"• {_plain(item)}" for item in line.items) if line.asks in EACH else ""
        text = joined or _plain(sentence("; ".join(line.items)))
        words = f"*{LABELS[line.asks]}*{chr(10) if joined else '  '}{text}"
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": _cut(words), "verbatim": True}})
    foot = f"Proposals only, nothing was executed · investigation {_plain(report.id)}"
    blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": foot, "verbatim": True}]})
    return {"text": escape(report.headline), "blocks": blocks}


def _plain(text: str) -> str:
    return _FORMAT.sub(lambda found: f"\u200b{found.group()}\u200b", escape(one_line(text)))


def _cut(words: str) -> str:
    """Truncate to Slack's limit, without splitting an escape sequence."""
    return words if len(words) <= SECTION else re.sub(r"&\w*$", "", words[: SECTION - 1]) + "…"
