"""Each suspicion's answer: yes; perhaps; no, because; or not in this telemetry."""

import pytest

from tests.samples import bad_version, contrast, dismissed, judgement, onset, report, suspect, two_that_are_over
from tsg_agent.models import Mention, Rate, Reply, Report


def answers(made: Report) -> dict[str, tuple[str, str]]:
    return {one.words: (one.answer.value, one.because) for one in made.suspicions}


def test_the_cause_what_meets_it_what_always_failed_and_what_is_not_there() -> None:
    assert answers(bad_version()) == {
        "3.15.0": ("yes", "it is cause 1, confirmed"),
        "premium customers": ("no", "it meets version 3.15.0"),
        "recommendations": ("no", "5.1 % fail there, 0.3 % before"),
        "the cache": ("not in this telemetry", "nothing names it"),
    }


def test_an_answer_cites_its_rows() -> None:
    assert bad_version().suspicions[0].evidence == ["E2.1", "M.1"]


@pytest.mark.parametrize(
    ("after", "before", "rest", "because"),
    [
        ((3, 1_000), (2, 1_000), (500, 9_000), "0.3 % fail there, 5.6 % of the rest"),
        ((50, 1_000), (48, 1_000), (9, 9_000), "5 % fail there, 4.8 % before"),
        ((1, 4), None, (9, 9_000), "1 of 4 fail there, 0.1 % of the rest"),
    ],
)
def test_what_nobody_noticed_is_answered_with_its_figures(
    after: tuple[int, int], before: tuple[int, int] | None, rest: tuple[int, int], because: str
) -> None:
    rates = [None if one is None else Rate(failures=one[0], requests=one[1]) for one in (after, before, rest)]
    seen = Mention(
        words="s-09", kind="shard", subject={"shard_id": "s-09"}, after=rates[0], before=rates[1], rest=rates[2]
    )
    made = report(judgement(mentioned=[seen]))
    assert answers(made) == {"s-09": ("no", because)}


def test_a_suspect_is_perhaps() -> None:
    shard = suspect(5, "X", {"shard_id": "s-07"}, onset=onset(), contrast=contrast())
    made = report(judgement(shard, mentioned=[Mention(words="s-07", kind="shard", subject={"shard_id": "s-07"})]))
    assert answers(made)["s-07"] == ("perhaps", "it is suspected, not confirmed")


def test_where_no_verdict_was_made_nobody_knows() -> None:
    seen = Mention(words="s-07", kind="shard", subject={"shard_id": "s-07"})
    made = report(judgement(mentioned=[seen], unmade="no status"))
    assert answers(made)["s-07"] == ("perhaps", "no verdict could be made")


def test_a_dismissal_says_its_reason_where_figures_do_not() -> None:
    gone = dismissed(10, "X", {"service_component": "proxy"}, "passes_on", "it passes on", onset=onset())
    seen = Mention(words="proxy", kind="component", subject={"service_component": "proxy"})
    made = report(judgement(rejected=(gone,), mentioned=[seen]))
    assert made.suspicions[0].answer is Reply.NO
    assert made.suspicions[0].because.startswith("it passes on what fails behind it (")


def test_fewer_than_ten_are_counts() -> None:
    assert "1 of 4" in answers(two_that_are_over())["s-09"][1]
