"""What was dismissed is told in short: what stands out first, what is like the rest in a line."""

from tests.samples import contrast, dismissed, judgement, onset, report
from tsg_agent.models import Report, Verdict
from tsg_agent.report.html import to_html
from tsg_agent.report.markdown import to_markdown
from tsg_agent.report.ruled_out import in_short


def looked_at(step: int, subject: dict[str, str], failed: int, why: str = "no_contrast") -> Verdict:
    """Of 1,000 requests after the start, and of the rest 100 of 1,000."""
    return dismissed(
        step, "X", subject, why, f"{failed} of them", onset=onset("new", (0, 1_000), (failed, 1_000)),
        contrast=contrast((100, 1_000)), evidence=[],
    )  # fmt: skip


def made(*found: Verdict) -> Report:
    return report(judgement(rejected=found))


def test_what_is_like_the_rest_is_one_line_and_the_flags_among_it_have_their_names() -> None:
    flags = [looked_at(3, {"flag_name": one, "flag_value": value}, 107) for one in "ab" for value in ("on", "off")]
    shards = [looked_at(5, {"shard_id": str(i)}, 95 + i) for i in range(15)]
    whole = made(looked_at(10, {"service_component": "vendor"}, 520), *flags, *shards)
    assert in_short(whole.rejected) == [
        "Component vendor: 520 of them.",
        "Flags a and b: 10.7 % of requests failed (5xx), none more than 0.7 points above the rest.",
        "Shards 0, 1, 2 and 12 more: 9.5 % to 10.9 % of requests failed (5xx), "
        "none more than 0.9 points above the rest.",
    ]
    assert "Shard 3" not in to_markdown(whole)
    assert all(f"hard {i}:" in to_html(whole) for i in range(15))


def test_what_stands_out_is_told_by_itself_also_where_the_rest_is_no_measure() -> None:
    apart = [looked_at(5, {"shard_id": "s"}, 140), looked_at(5, {"shard_id": "u"}, 90, "unchanged")]
    version = looked_at(2, {"service_version": "2"}, 100)
    told = ["Shard s: 140 of them.", "Shard u: 90 of them.", "Version 2: 100 of them."]
    assert in_short(made(*apart, version).rejected) == told


def test_the_same_requests_under_more_names_are_one_line() -> None:
    names = [{"service_component": "vendor"}, {"dependency_name": "feed"}, {"endpoint_path": "/feed"}]
    lines = in_short(made(*(looked_at(10, one, 520) for one in names)).rejected)
    assert lines == ["Component vendor: 520 of them. The same figures: dependency feed and endpoint /feed."]


def test_what_is_left_out_is_counted() -> None:
    found = [looked_at(5, {"shard_id": str(i)}, 900 - i) for i in range(20)]
    *lines, more = in_short(made(*found).rejected)
    assert len(lines) == 12
    assert more == "8 more that stood out less: in the HTML report and in the JSON."
    assert len(in_short(made(*found).rejected, most=None)) == 20
