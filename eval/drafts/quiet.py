"""No incident: any cause is a false alarm."""

from typing import Any

from eval.cases import ExpectedGap
from eval.drafts.draft import FLAGS_AND_HARMLESS, GIFT_CARDS, NEW_VERSION, ROLLOUT, Draft
from tsg_agent.simulator.scenario import Fault, FaultKind, Flaky, Quirks

CLEAN = {"flaky": None, "background_errors": 0.0003}
UNKNOWN_START = (ExpectedGap(step=1, status="unknown_start"),)


def _quiet(name: str, title: str, /, **more: Any) -> Draft:
    return Draft(id=f"quiet-{name}", title=title, group="no incident", incident=False, **more)


QUIET: tuple[Draft, ...] = (
    _quiet("plain", "Nothing is wrong", report={"symptom": "a customer complains about errors"}, tags=("smoke",)),
    _quiet(
        "clean",
        "Nothing is wrong, and hardly anything ever fails",
        scenario=CLEAN,
        report={"hand": "email", "symptom": "somebody saw an error"},
    ),
    _quiet(
        "rollout",
        "A harmless rollout",
        scenario={"rollout": ROLLOUT},
        report={"hand": "chat", "symptom": "is it us?", "hints": ("3.15.0 just went out",)},
        innocent=(NEW_VERSION,),
        tags=("decoy",),
    ),
    _quiet(
        "flag",
        "A harmless flag change",
        scenario={"flags": FLAGS_AND_HARMLESS},
        report={"hand": "alert", "symptom": "5xx above objective"},
        innocent=(GIFT_CARDS,),
        tags=("decoy",),
    ),
    _quiet(
        "old-trouble",
        "A component that has failed for hours, and nothing else",
        faults=(Fault(kind=FaultKind.EXISTING, where={"service_component": "media"}, probability=0.2),),
        report={"symptom": "images fail", "hints": ("It was worse last week.",)},
        innocent=({"service_component": "media"},),
    ),
    _quiet(
        "loud",
        "A component that always fails half of its calls",
        scenario={"flaky": Flaky(traffic=0.02, failure=0.5)},
        report={"hand": "email", "symptom": "the log is full of exceptions"},
        innocent=({"service_component": "recommendations"},),
    ),
    _quiet(
        "sparse",
        "Hardly any traffic, nothing wrong",
        scenario={"requests_per_minute": 40},
        report={"symptom": "an error at night"},
        gaps=(ExpectedGap(step=2, status="insufficient_data"),),
    ),
    _quiet(
        "bursts",
        "Small bursts of errors, as on any day",
        scenario={"bursts": 4},
        report={"hand": "chat", "symptom": "errors for a minute, gone now"},
    ),
    _quiet(
        "tests-fail",
        "Test traffic fails a lot, real traffic does not",
        scenario={"quirks": Quirks(test_share=0.12, test_failure=0.8)},
        report={"hand": "alert", "symptom": "5xx above objective"},
    ),
    _quiet(
        "staging-fails",
        "Another environment and another service fail, not this one",
        scenario={"quirks": Quirks(staging_share=0.15, other_service_share=0.15)},
        report={"symptom": "errors on the dashboard"},
    ),
    _quiet(
        "redirects",
        "Many redirects, no failures",
        scenario={"quirks": Quirks(redirect_share=0.05)},
        report={"hand": "email", "symptom": "success rate below objective"},
    ),
    _quiet(
        "wrong-day",
        "A clean day; the report gives a window and no start",
        scenario=CLEAN | {"threshold": 99.0},
        report={"omit": ("start",), "window": True, "hand": "chat", "symptom": "was there something?"},
        parameters={"incident_start": "unknown"},
        gaps=UNKNOWN_START,
    ),
)
