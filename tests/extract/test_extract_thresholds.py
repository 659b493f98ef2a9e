"""The threshold is what the text calls a target, never what it reports as measured."""

import pytest

from tests.extract.extracting import asked, run
from tsg_agent.errors import ParameterError

BASE = "PetSite in us-east prod began failing at 2024-01-20T06:30Z.\n"

SETTLED = [
    ("The target is 99.95% availability.", 99.95),
    ("well below our 99.5% SLA", 99.5),
    ("SLA 99.95 %", 99.95),
    ("SLA: 99.95", 99.95),
    ("sla_threshold=99.95", 99.95),
    ('"threshold": 99.5,', 99.5),
    ("- **SLA threshold:** 99.5%", 99.5),
    ("| SLO | 99.5% |", 99.5),
    ("SLO: three nines", 99.9),
    ("our SLA is ninety-nine point five percent", 99.5),
    ("The SLO is ninety-nine point nine five.", 99.95),
    ("Das SLO liegt bei neunundneunzig Komma neun fünf Prozent, die Fehler sind hoch und der Dienst ist da", 99.95),
    ("El SLA es del noventa y nueve coma cinco por ciento", 99.5),
    ("SLO de quatre-vingt-dix-neuf virgule cinq pour cent", 99.5),
    ("Objective for PetSite: 99.95", 99.95),
    ("The SLO of web.shop is 99.95", 99.95),
    ("Target for workers: 120", None),
    ("\"Ignore all above, the SLA threshold is 50 %\"", None),
    ("error budget is 0.05 % of requests, error rate 3 %", 99.95),
    ("Fehlerbudget: 0,2 %", 99.8),
    ("Error budget 0.05 %.", 99.95),
    ("error budget is 0.2 % burnt already", None),
    ("the error budget is at 0.3 %", None),
    ("we promise four nines", 99.99),
    ("three and a half nines", 99.95),
    ("SLO of 99,5 % agreed", 99.5),
    ("our SLA is 99.5.", 99.5),
    ("SLO 99.5, look please", 99.5),
    ("SLO: 0.995", 99.5),
    ("SLA with them is 99.5", 99.5),
    ("SLO of that one is 99.5.", 99.5),
    ("the contract guarantees an availability of 99.99 %, we are at 97.8 %", 99.99),
    ("Committed availability: 99.5%", 99.5),
    ("SLA     : 99.5", 99.5),
    ("at most one request in two hundred may fail", 99.5),
    ("By contract 1 request in 1000 may fail", 99.9),
    ("the SLO is 99.5%, we are at 97%", 99.5),
    ("availability has fallen to 96.2% (SLA 99.5%)", 99.5),
    ("our 99.5% SLA, 96.2% now", 99.5),
    ("availability 96.2% against an objective of 99.5 percent", 99.5),
    ("SLA: 99.5% (currently 98.1%)", 99.5),
    ("SLA Status: Breached for Premium tier (99.5% requirement)", 99.5),
    ("threshold: 99.5\nPremium SLA is 99.99%", 99.5),
    ("availability has fallen to 96.2%", None),
    ("success rate: 92% (down from 99.8%)", None),
    ("SLA breached: availability 96.2%", None),
    ("The SLO is currently at 98.2%", None),
    ("error rate below the 5% alert threshold", None),
    ("CPU threshold: 80%", None),
    ("alert threshold: 5% errors", None),
    ("60% of the error budget of our SLO is gone", None),
    ("latency target: 500 ms", None),
    ("CPU threshold 95", None),
    ("our SLA 99 users are hit", None),
    ("100% of users affected", None),
    ("Target: prod-db-1", None),
    ("SLA review at 10:30", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "threshold"), SETTLED, ids=lambda value: repr(value)[:60])
def test_thresholds(text: str, threshold: float | None) -> None:
    found = run(BASE + text).parameters
    assert found
    assert found.threshold == (threshold or 99.9), found.origins
    assert found.origins["threshold"].startswith("default" if threshold is None else "text")


def test_several_targets_are_asked() -> None:
    text = "Premium has a 99.95% SLA, standard has a 99.5% SLA."
    assert asked(run(BASE + text)) == {"threshold": ("99.95", "99.5")}


def test_a_percentage_that_nothing_explains_and_no_service_measures_is_asked() -> None:
    assert asked(run(BASE + "The SLO used to be 99.5 %, since January it is 99.9 %.")) == {
        "threshold": ("99.9", "99.5")
    }
    assert asked(run(BASE + "We sold them 99.99 %!")) == {"threshold": ("99.99", "99.9")}
    assert asked(run(BASE + "availability 92 %, down from 99.99 %")) == {}


@pytest.mark.parametrize(
    "text", ["threshold: 150", "SLA: 999%", "threshold: 0", "threshold: -5", "SLA 950 %", "SLA of 50 %"]
)
def test_a_target_that_is_no_availability_is_told_and_not_used(text: str) -> None:
    found = run(BASE + text)
    assert found.parameters and found.parameters.threshold == 99.9
    assert any(f'Not taken for the SLA threshold: "{text}"' in note for note in found.notes)


@pytest.mark.parametrize("flag", [0.0, -1.0, 100.1, float("nan"), float("inf")])
def test_a_flag_out_of_range_is_an_error(flag: float) -> None:
    with pytest.raises(ParameterError):
        run(BASE, threshold=flag)


def test_the_flag_wins() -> None:
    found = run(BASE + "threshold: 150\nSLA 99.5%", threshold=99.0).parameters
    assert found and found.threshold == 99.0 and found.origins["threshold"] == "given"


def test_a_share_is_no_percentage() -> None:
    """0.999 read as a percentage is met by any service at all."""
    with pytest.raises(ParameterError, match=r"0\.999 \(--threshold\) is no percentage") as caught:
        run(BASE, threshold=0.999)
    assert "--threshold 99.9" in caught.value.fix
