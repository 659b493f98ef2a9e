"""What people suspect in the made incidents' reports: right, wrong, and about things that no telemetry has.

Drawn by the incident's name alone, so deterministic; at least half of the incidents have some.
"""

from dataclasses import dataclass

from eval.cases import ExpectedReply
from eval.drafts import Draft
from eval.draws import Draws
from tsg_agent.simulator.incident import IncidentReport

SHARE, RIGHT = 0.7, 0.6
"""Share of incidents with suspicions; of those with a nameable cause, share with a right one."""
SENTENCES = {
    "service_version": "Could it be version {}?",
    "flag_name": "{} looks suspicious to me.",
    "shard_id": "I think {} is bad.",
    "partition_id": "I think {} is bad.",
    "availability_zone": "My money is on {}.",
    "datacenter": "My money is on {}.",
    "load_balancer_id": "Is {} healthy?",
    "instance_type": "It may be the {} machines.",
    "endpoint_path": "Is it only {}?",
    "service_component": "Somebody said it is the {} component.",
    "dependency_name": "Is {} down again?",
    "customer_tier": "It seems to be {} customers above all.",
    "tenant_category": "It seems to be {} tenants above all.",
    "client_type": "Is it only {} clients?",
    "product_id": "Is it only {}?",
}
"""How a suspicion of one value is said, by its column."""
INNOCENT = (
    ("dependency_name", "mail-relay"),
    ("dependency_name", "tax-service"),
    ("service_component", "notifications"),
    ("flag_name", "fast_search"),
)
"""Subjects that no draft has a fault of."""
ABSENT = (
    ("Is it DNS?", "DNS"),
    ("Is it the network again?", "network"),
    ("Has a certificate run out?", "certificate"),
    ("Did somebody restart the CDN?", "CDN"),
    ("Was version 3.16.0 not planned for today?", "3.16.0"),
    ("The flag dark_mode was to be switched on this week.", "dark_mode"),
)
BY_HAND = {
    "wrong-hints": (("DNS", "not in this telemetry"), ("us-east-1b", "no"), ("3.14.2", "no")),
    "decoy-rollout": (("3.15.0", "no"),),
    "decoy-flag": (("gift_cards", "no"),),
}
"""Answers to suspicions that are written in the drafts themselves."""


@dataclass(frozen=True)
class Suspected:
    """Sentences of a report, and the right answers to what they bring up."""

    hints: tuple[str, ...] = ()
    replies: tuple[ExpectedReply, ...] = ()


def suspected(draft: Draft, subjects: list[dict[str, str]]) -> Suspected:
    """What is suspected in a draft's report. `subjects`: its true causes'."""
    if draft.report.get("hints"):
        return Suspected((), tuple(ExpectedReply(words=w, answer=a) for w, a in BY_HAND.get(draft.id, ())))
    draws = Draws(0, f"{draft.id}/suspected")
    if not draws.chance(SHARE):
        return Suspected()
    said: list[tuple[str, ExpectedReply]] = []
    named = [one for one in subjects if set(one) & set(SENTENCES) and len(one) == 1 + ("flag_value" in one)]
    if named and draws.chance(RIGHT):
        column, value = next((name, value) for name, value in named[0].items() if name in SENTENCES)
        said.append((SENTENCES[column].format(value), ExpectedReply(words=value, answer="yes")))
    if not said or draws.chance(0.5):
        said.append(_wrong(draft, draws))
    return Suspected(tuple(sentence for sentence, _ in said), tuple(reply for _, reply in said))


def _wrong(draft: Draft, draws: Draws) -> tuple[str, ExpectedReply]:
    """A wrong suspicion: an innocent subject, or one without telemetry."""
    quirks = draft.made(0).quirks
    lacking = {name.rpartition(".")[2] for names in quirks.missing_columns.values() for name in names}
    flagless = "feature_flags" in quirks.missing_tables
    known = [
        (column, value)
        for column, value in INNOCENT
        if column not in lacking and not (column == "flag_name" and flagless)
    ]
    if known and draws.chance(0.6):
        column, value = draws.one(known)
        return SENTENCES[column].format(value), ExpectedReply(words=value, answer="no")
    sentence, words = draws.one(ABSENT)
    return sentence, ExpectedReply(words=words, answer="not in this telemetry")


def told(draft: Draft, subjects: list[dict[str, str]]) -> IncidentReport:
    """A draft's report with what people suspect in it."""
    report = draft.told()
    return report.model_copy(update={"hints": (*report.hints, *suspected(draft, subjects).hints)})
