"""The conclusion in short says a thing once."""

from tests.samples import judgement, report, verdict
from tsg_agent.models import Group, Mention, Rate, Reach, Report, Visible

MANY, FEW, NONE = Rate(failures=90, requests=900), Rate(failures=9, requests=900), Rate(failures=0, requests=900)


def seen(column: str, value: str, after: Rate = MANY) -> Visible:
    return Visible(subject={column: value}, step=7, label="x", before=FEW, after=after)


def line(made: Report, asks: str) -> list[str]:
    return next(one.items for one in made.brief if one.asks == asks)


def test_names_of_the_same_requests_have_one_figure() -> None:
    cause = verdict(
        2,
        "REGRESSION_DETECTED",
        {"service_version": "2"},
        also_visible_in=[
            seen("service_component", "cart"),
            seen("endpoint_path", "/cart"),
            seen("customer_tier", "FREE", FEW),
        ],
    )
    assert line(report(judgement(cause)), "shows") == [
        "component cart and endpoint /cart 10 %",
        "customer tier FREE 1 %",
    ]


def test_who_is_hit_most_is_not_seen_once_more() -> None:
    tiers = [
        Group(subject={"customer_tier": tier}, before=NONE, after=after, stands_out=after is MANY)
        for tier, after in (("FREE", MANY), ("GOLD", FEW))
    ]
    cause = verdict(
        2,
        "REGRESSION_DETECTED",
        {"service_version": "2"},
        also_visible_in=[seen("customer_tier", "FREE"), seen("customer_tier", "GOLD", FEW)],
    )
    made = report(judgement(cause, reach=Reach(tiers=tiers)))
    assert line(made, "hit") == ["most of all customer tier FREE (10 %)"]
    assert line(made, "shows") == ["customer tier GOLD 1 %"]


def test_suspicions_with_one_answer_stand_together() -> None:
    alike = [Mention(words=words, kind="cache") for words in ("the cache", "DNS")]
    made = report(judgement(mentioned=alike))
    assert line(made, "suspected") == ["the cache and DNS: not in this telemetry, nothing names it"]
