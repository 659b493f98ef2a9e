"""Named demonstration incidents, each with its true answer for tests to compare with."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from tsg_agent.errors import ParameterError
from tsg_agent.models import Model, Subject
from tsg_agent.simulator.generate import generate, write
from tsg_agent.simulator.incident import IncidentReport, incident_text
from tsg_agent.simulator.scenario import DEFAULT_FLAGS, Fault, FaultEffect, FaultKind, Flag, Flaky, Rollout, Scenario


class GroundTruth(Model):
    """A true cause: the guide's step for it, and its subject."""

    step: int
    subject: Subject


class Demo(Model):
    """A demonstration incident. `answers` and `innocent` are for tests only: no investigation reads them."""

    name: str
    title: str
    scenario: Scenario
    report: IncidentReport = IncidentReport()
    answers: tuple[GroundTruth, ...] = Field((), description="empty = there is no cause to be found")
    innocent: tuple[Subject, ...] = Field((), description="what must not be blamed, though it looks guilty")


START = Scenario().incident_start

CHECKOUT = Demo(
    name="checkout",
    title="Payments fail; a version that was rolled out at the same minute is the cause",
    scenario=Scenario(
        name="checkout",
        seed=20260310,
        rollout=Rollout(version="3.15.0", ramp_minutes=6, share=0.6),
        flaky=Flaky(traffic=0.015, failure=0.5),
        flags=(
            *DEFAULT_FLAGS,
            Flag(name="gift_cards", values={"on": 0.4, "off": 0.6}, start=START - timedelta(minutes=4), before="off"),
        ),
        faults=(
            Fault(kind=FaultKind.VERSION, where={"service_version": "3.15.0"}, probability=0.14),
            Fault(
                kind=FaultKind.VERSION,
                where={"service_version": "3.15.0", "service_component": "payments"},
                probability=0.45,
                exception_type="TimeoutException",
            ),
        ),
    ),
    report=IncidentReport(
        symptom="customers cannot pay, and the checkout fails for many",
        hints=(
            "The payment team is looking at the card processor.",
            "Most exceptions in the log come from recommendations calling the vendor feed.",
            "gift_cards was switched on shortly before.",
        ),
    ),
    answers=(GroundTruth(step=2, subject={"service_version": "3.15.0"}),),
    innocent=(
        {"service_component": "recommendations"},
        {"flag_name": "gift_cards", "flag_value": "on"},
        {"scenario_name": "payment_processing"},
    ),
)

BAD_SHARD = Demo(
    name="bad-shard",
    title="One shard fails, beside a harmless rollout at the same minute",
    scenario=Scenario(
        name="bad-shard",
        seed=7,
        rollout=Rollout(version="3.15.0", ramp_minutes=5, share=0.5),
        faults=(Fault(kind=FaultKind.PARTITION, where={"shard_id": "shard-07"}, probability=0.35),),
    ),
    report=IncidentReport(
        hand="chat",
        symptom="some customers get errors on every page, others none at all",
        hints=("we did roll out 3.15.0 at that time", "rolling back would be the safe thing?"),
    ),
    answers=(GroundTruth(step=5, subject={"shard_id": "shard-07"}),),
    innocent=({"service_version": "3.15.0"},),
)

BAD_FLAG = Demo(
    name="flag",
    title="A flag value that was given to a third of the requests breaks a quarter of them",
    scenario=Scenario(
        name="flag",
        seed=11,
        flags=(
            *DEFAULT_FLAGS,
            Flag(name="one_page_checkout", values={"on": 0.3, "off": 0.7}, start=START, before="off"),
        ),
        faults=(
            Fault(kind=FaultKind.FLAG, where={"flag_name": "one_page_checkout", "flag_value": "on"}, probability=0.25),
        ),
    ),
    report=IncidentReport(hand="alert", symptom="5xx above objective", start_words="since"),
    answers=(GroundTruth(step=3, subject={"flag_name": "one_page_checkout", "flag_value": "on"}),),
)

WORKFLOW = Demo(
    name="workflow",
    title="Payments are not authorized, behind answers of 200",
    scenario=Scenario(
        name="workflow",
        seed=13,
        faults=(
            Fault(
                kind=FaultKind.WORKFLOW,
                where={"scenario_name": "payment_processing", "workflow_step": "payment_authorization"},
                effect=FaultEffect.WORKFLOW_FAILURE,
                probability=0.35,
                compensation=0.3,
            ),
        ),
    ),
    report=IncidentReport(hand="email", symptom="orders are charged but never confirmed", start_words="started at"),
    answers=(GroundTruth(step=9, subject={"scenario_name": "payment_processing"}),),
)

OUTAGE = Demo(
    name="outage",
    title="Everything fails alike: no dimension is the cause",
    scenario=Scenario(name="outage", seed=17, faults=(Fault(kind=FaultKind.OUTAGE, probability=0.45),)),
    report=IncidentReport(hand="alert", symptom="availability down", start_words="since", time_style="plain"),
)

QUIET = Demo(
    name="quiet",
    title="Nothing is wrong",
    scenario=Scenario(name="quiet", seed=19),
    report=IncidentReport(hand="ticket", symptom="a customer complains about errors"),
)

DEMOS = (CHECKOUT, BAD_SHARD, BAD_FLAG, WORKFLOW, OUTAGE, QUIET)


def demo_named(name: str) -> Demo:
    """The demonstration of this name. Raises ParameterError for an unknown one."""
    for demo in DEMOS:
        if demo.name == name:
            return demo
    raise ParameterError(f"no demonstration {name!r};", fix=f"known: {', '.join(demo.name for demo in DEMOS)}")


def write_demo(demo: Demo, folder: Path) -> Path:
    """Write `incident.md` and `telemetry/<table>.parquet` into a folder; returns the path of incident.md."""
    write(generate(demo.scenario), folder / "telemetry")
    path = folder / "incident.md"
    path.write_text(incident_text(demo.scenario, demo.report), encoding="utf-8")
    return path
