"""What is explained, since when, in which order: outcomes, parts of little traffic, inner calls, their direction."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.verdicts.made import (
    CLIENT_ERROR,
    MINUTES,
    RATE_LIMITED,
    START,
    UNKNOWN,
    Part,
    dimension_of,
    explained,
    explainer,
    made,
)  # fmt: skip
from tsg_agent.evidence.requests import DimensionCodes
from tsg_agent.models import Measure, Subject
from tsg_agent.statistics import Floats
from tsg_agent.verdicts import causes
from tsg_agent.verdicts.causes import Explained

ZONES = [{"availability_zone": f"z{n}"} for n in range(4)]


def zones(after: float = 0.4, before: float = 0.01, per_minute: float = 20, **changes: Any) -> list[Part]:
    return [
        Part(zone, per_minute, before, after if place == 0 else before, **changes) for place, zone in enumerate(ZONES)
    ]


def subjects(one: Explained) -> list[Subject]:
    return [found.subject for found in one.found]


@pytest.mark.parametrize(
    ("changes", "measure"),
    [
        ({}, Measure.SERVER_ERRORS),
        ({"answer": RATE_LIMITED}, Measure.RATE_LIMITED),
        ({"answer": CLIENT_ERROR}, Measure.CLIENT_ERRORS),
        ({"answer": UNKNOWN}, Measure.UNANSWERED),
        ({"slow": True}, Measure.SLOW),
        ({"retried": True}, Measure.RETRIES),
    ],
    ids=["5xx", "429", "4xx", "no status", "slow", "retries"],
)
def test_each_outcome_is_searched_as_itself(changes: dict[str, Any], measure: Measure) -> None:
    one = explained(made(*zones(**changes)))
    assert subjects(one) == [ZONES[0]]
    assert one.found[0].measure is measure
    assert abs(one.found[0].moment.start - START) <= 1


def test_what_never_says_how_it_was_answered_is_in_no_share() -> None:
    """Of the other outcomes; those that get no answer are one of their own."""
    silent = Part({"availability_zone": "d"}, 20, 1, 1, answer=UNKNOWN)
    one = explained(made(*zones(), silent))
    assert [(found.subject, found.measure) for found in one.found] == [(ZONES[0], Measure.SERVER_ERRORS)]
    for with_it, without in zip(
        made(*zones(), silent).series(Measure.SERVER_ERRORS), made(*zones()).series(Measure.SERVER_ERRORS), strict=True
    ):
        assert with_it.tolist() == without.tolist()


def both(outcome: dict[str, Any], where: int) -> list[Part]:
    """A zone fails with 5xx; another outcome rises in a zone too."""
    more = [
        replace(part, **outcome, after=0.4 if place == where else 0.0, before=0.0) for place, part in enumerate(zones())
    ]
    return [*zones(), *more]


@pytest.mark.parametrize("outcome", [{"slow": True}, {"retried": True}], ids=["slow", "retries"])
def test_slowness_and_retries_of_the_requests_that_fail_are_symptoms(outcome: dict[str, Any]) -> None:
    one = explained(made(*both(outcome, 0)))
    assert [(found.subject, found.measure) for found in one.found] == [(ZONES[0], Measure.SERVER_ERRORS)]


def test_retries_elsewhere_are_no_cause_beside_what_fails() -> None:
    """What fails is sent again, wherever that is counted."""
    one = explained(made(*both({"retried": True}, 2)))
    assert [(found.subject, found.measure) for found in one.found] == [(ZONES[0], Measure.SERVER_ERRORS)]


def test_slowness_elsewhere_is_a_cause_of_its_own() -> None:
    one = explained(made(*both({"slow": True}, 2)))
    assert [(found.subject, found.measure) for found in one.found] == [
        (ZONES[0], Measure.SERVER_ERRORS),
        (ZONES[2], Measure.SLOW),
    ]


def test_a_part_of_little_traffic_that_does_not_move_the_service_is_found_all_the_same() -> None:
    """A canary of 300 requests in 100,000: the service's share does not show it."""
    old = Part({"service_version": "1"}, 600, 0.03, 0.03)
    canary = Part({"service_version": "2"}, 300 / (MINUTES - START), 0.0, 0.35, since=START)
    made_ = made(old, canary)
    assert explainer(made_).moment(Measure.SERVER_ERRORS, np.zeros(len(made_), bool)) is None
    assert subjects(explained(made_)) == [{"service_version": "2"}]


def test_a_new_part_of_little_traffic_is_found_without_a_reported_start() -> None:
    old = Part({"service_version": "1"}, 600, 0.03, 0.03)
    canary = Part({"service_version": "2"}, 300 / (MINUTES - START), 0.0, 0.35, since=START)
    one = explained(made(old, canary), reported=None)
    assert subjects(one) == [{"service_version": "2"}]
    assert not one.found[0].faint


def test_what_is_short_of_chance_by_little_is_a_suspect_and_by_much_is_nothing() -> None:
    """As the rise grows from nothing, a description is nothing, then faint, then found."""
    seen = []
    for after in (0.02, 0.05, 0.055, 0.06, 0.065, 0.07, 0.075, 0.08, 0.085, 0.09, 0.1, 0.15):
        found = explained(made(*zones(after=after, before=0.02, per_minute=5))).found
        seen.append("nothing" if not found else "faint" if found[0].faint else "found")
        assert not found or found[0].subject == ZONES[0]
    order = ["nothing", "faint", "found"]
    assert seen == sorted(seen, key=order.index)
    assert set(seen) == set(order)


@pytest.mark.parametrize("reported", [None, START - 30, START + 10, START + 20, START + 30, START + 45])
def test_the_reported_start_changes_no_cause(reported: float | None) -> None:
    one = explained(made(*zones(after=0.1)), reported=reported)
    assert subjects(one) == [ZONES[0]]
    assert abs(one.found[0].moment.start - START) <= 2


def test_an_exact_start_is_taken_at_its_word() -> None:
    one = explained(made(*zones(after=0.1)), reported=START + 20, exact=True)
    assert one.found[0].moment.start == START + 20
    assert explainer(made(*zones(after=0.1)), reported=START + 20, exact=True).sharper(one.found[0]).start == START + 20


def test_a_causes_own_series_is_sharper_than_the_services() -> None:
    """The other zones have a burst just before, which blurs the service's start; the zone has none."""
    noisy = [replace(part, after=0.06, start=START - 6, end=START) for part in zones()[1:]]
    search = explainer(made(zones(after=0.3)[0], *noisy), reported=None)
    (found,) = search.explain().found
    assert (found.subject, found.moment.start) == (ZONES[0], START - 6)
    assert search.sharper(found).start == START


# Inner calls: rows are calls of components to each other.

CHAIN = {"shop": 0.3, "cart": 0.3, "db": 0.3, "mail": 0.01}


def chain(per_minute: float = 20, **shares: float) -> list[Part]:
    return [Part({"service_component": name}, per_minute, 0.01, share) for name, share in (CHAIN | shares).items()]


def test_the_entry_is_no_candidate_and_its_series_is_the_services() -> None:
    search = explainer(made(*chain(shop=0.35, cart=0.01)))
    assert search.entry is not None
    assert search.entry.any()
    assert subjects(search.explain()) == [{"service_component": "db"}]


def test_inner_calls_that_fail_while_the_entry_does_not_have_no_moment_of_the_service() -> None:
    """With the gate at the entry a quiet service blames nothing that its customers do not see."""
    search = explainer(made(*chain(shop=0.01, cart=0.01, db=0.05)))
    assert search.moment(Measure.SERVER_ERRORS, np.zeros(len(search.requests), bool)) is None


def test_of_components_that_fail_alike_all_are_told_without_a_map_of_calls() -> None:
    names = [one["service_component"] for one in subjects(explained(made(*chain())))]
    assert sorted(names) == ["cart", "db"]


CALLS = frozenset({("shop", "cart"), ("cart", "db"), ("shop", "mail")})


def test_with_a_map_of_calls_the_failing_callee_is_what_failed_and_its_callers_pass_on() -> None:
    search = explainer(made(*chain(cart=0.4)), calls=CALLS)
    assert subjects(search.explain()) == [{"service_component": "db"}]
    assert (("service_component", "cart"),) in search.passing_on


def test_a_caller_that_fails_less_than_what_it_calls_is_no_second_cause() -> None:
    """It is not above the others before the callee's requests are explained, and fails for the callee all the same."""
    shares = {"shop": 0.02, "cart": 0.17, "mail": 0.01, "db": 0.35, "feed": 0.1}
    parts = [Part({"service_component": name}, 30, 0.01, share) for name, share in shares.items()]
    search = explainer(made(*parts), calls=frozenset({("cart", "db"), ("feed", "cart"), ("shop", "mail")}))
    assert subjects(search.explain()) == [{"service_component": "db"}]
    assert search.passing_on == {(("service_component", name),) for name in ("cart", "feed")}


def test_a_version_of_most_inner_calls_that_fails_no_more_than_the_others_is_not_blamed() -> None:
    """Callers fail too, and their rows are of some version: more of them than the failing callee has requests."""
    parts = [
        Part({"service_component": name, "service_version": version}, per_minute * share, 0.01, failing)
        for name, per_minute, failing in (("shop", 60, 0.133), ("cart", 30, 0.27), ("db", 20, 0.4))
        for version, share in (("2.0", 0.8), ("1.9", 0.2))
    ]
    assert subjects(explainer(made(*parts), calls=CALLS).explain()) == [{"service_component": "db"}]


def test_a_caller_that_fails_while_its_callees_are_well_is_the_cause() -> None:
    search = explainer(made(*chain(db=0.01)), calls=CALLS)
    assert subjects(search.explain()) == [{"service_component": "cart"}]
    assert search.passing_on == set()


def test_a_callee_that_never_worked_is_what_its_caller_does_wrong() -> None:
    """The caller asks for what is not there, and never was: in none of the requests before."""
    parts = [part for part in chain() if part.values["service_component"] != "db"]
    never = Part({"service_component": "invalid"}, 5, 0.0, 1.0, since=START)
    search = explainer(made(*parts, never), calls=CALLS | {("cart", "invalid")})
    assert {"service_component": "cart"} in subjects(search.explain())
    assert (("service_component", "cart"),) not in search.passing_on


def test_a_component_that_calls_itself_is_not_its_own_excuse() -> None:
    search = explainer(made(*chain(cart=0.01)), calls=CALLS | {("db", "db")})
    assert subjects(search.explain()) == [{"service_component": "db"}]


@pytest.mark.parametrize("healthy", ["edge", None])
@pytest.mark.parametrize("before", [0.01, 0.0])
def test_a_name_that_only_failures_carry_describes_them_and_is_no_place(healthy: str | None, before: float) -> None:
    """The component of an error: whoever answers well is the edge, or names none but for a few."""
    requests = made(*zones(before=before), Part({"availability_zone": "z1"}, 1, 0.2, 0.2))
    names = ["auth", "edge", "jobs", "old"]
    codes = np.full(len(requests), names.index(healthy) if healthy else -1)
    codes[::50] = names.index("auth")
    failed = np.flatnonzero(requests.failed(Measure.SERVER_ERRORS))
    codes[failed] = names.index("jobs")
    codes[failed[requests.minute[failed] < START][::2]] = names.index("old")
    component = DimensionCodes(dimension_of("service_component"), [(name,) for name in names], codes)
    found = subjects(explained(replace(requests, columns=[*requests.columns, component])))
    assert found == [ZONES[0]]


def test_a_name_describes_failures_though_most_of_them_carry_that_of_healthy_requests() -> None:
    """Nine of ten errors say "edge" as what went well does; the others say which part of the code it was."""
    requests = made(*zones(before=0.05))
    names = ["edge", "auth", "jobs", "mail"]
    codes = np.zeros(len(requests), int)
    failed = np.flatnonzero(requests.failed(Measure.SERVER_ERRORS))
    before = failed[requests.minute[failed] < START]
    codes[before[::10]] = np.arange(len(before[::10])) % 3 + 1
    codes[failed[requests.minute[failed] >= START]] = names.index("jobs")
    component = DimensionCodes(dimension_of("service_component"), [(name,) for name in names], codes)
    assert subjects(explained(replace(requests, columns=[*requests.columns, component]))) == [ZONES[0]]


def test_one_place_that_never_works_makes_its_column_no_names_of_failures() -> None:
    """An endpoint that always fails, and a new one that only fails: both are places."""
    paths = [Part({"endpoint_path": path}, 20, 0.01, 0.01) for path in ("/a", "/b", "/c")]
    parts = [
        *paths,
        Part({"endpoint_path": "/dead"}, 2, 1.0, 1.0),
        Part({"endpoint_path": "/new"}, 6, 1.0, 1.0, since=START),
    ]
    assert {"endpoint_path": "/new"} in subjects(explained(made(*parts)))


def test_the_series_of_many_values_are_looked_at_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """By minute over months those of all values together fill the memory."""
    path = [{"endpoint_path": f"/{n}"} for n in range(60)]
    parts = [Part(one, 4, 0.05, 0.6 if place == 41 else 0.05) for place, one in enumerate(path)]
    requests = made(Part({"endpoint_path": "/"}, 4_000, 0.03, 0.03), *parts)
    seen: list[int] = []
    real = causes.unevenness

    def unevenness(failures: Floats, asked: Floats) -> Floats:
        seen.append(failures.size)
        return real(failures, asked)

    monkeypatch.setattr(causes, "unevenness", unevenness)
    nothing = np.zeros(len(requests), bool)
    at_once = explainer(requests).moment_of_a_part(Measure.SERVER_ERRORS, nothing)
    assert at_once is not None and seen == [61 * MINUTES]
    monkeypatch.setattr(causes, "MOST_CELLS", 7 * MINUTES)
    assert explainer(requests).moment_of_a_part(Measure.SERVER_ERRORS, nothing) == at_once
    assert max(seen[1:]) == 7 * MINUTES and sum(seen[1:]) == seen[0]


@pytest.mark.parametrize("slow", [False, True])
def test_whether_a_name_describes_failures_is_told_by_all_requests_and_outcomes(slow: bool) -> None:
    """A third records no zone, and failed nowhere before; or what fails for one client is slow: each is asked alone."""
    if slow:
        odd = Part({"client_type": "ios"}, 20, 0.0, 0.5)
        late = Part({"client_type": "web"}, 20, 0.0, 0.5, slow=True)
        requests = made(*zones(before=0.01), odd, late)
    else:
        requests = made(*zones(before=0.01), Part({}, 40, 0.0, 0.3))
    failed = requests.failed(Measure.SERVER_ERRORS) | requests.failed(Measure.SLOW)
    component = DimensionCodes(dimension_of("service_component"), [("edge",), ("jobs",)], np.where(failed, 1, 0))
    found = subjects(explained(replace(requests, columns=[*requests.columns, component])))
    assert found and {"service_component": "jobs"} not in found
