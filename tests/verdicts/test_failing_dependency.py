"""A dependency that only failures name, behind the interfaces that call it."""

from dataclasses import replace

import numpy as np
import pytest

from tests.verdicts.made import START, Part, dimension_of, judged, made
from tsg_agent.evidence.requests import DimensionCodes, Requests
from tsg_agent.models import Measure, Subject

PATHS = ("/join", "/rate", "/chat", "/shop")
STORE = {"dependency_name": "store"}


def failing(*broken: str, name: str = "endpoint_path") -> Requests:
    return made(*(Part({name: path}, 30, 0.02, 0.3 if path in broken else 0.02) for path in PATHS))


def naming(requests: Requests, usual: str, since: dict[str, str]) -> list[Subject]:
    """What is found where failures name a dependency: before the start, and since then by their endpoint."""
    about, names = requests.columns[0], ["queue", "store", "cache"]
    codes = np.full(len(requests), -1)
    failed = requests.failed(Measure.SERVER_ERRORS)
    codes[failed] = names.index(usual)
    for path, name in since.items():
        mine = about.codes == about.values.index((path,))
        codes[mine & failed & (requests.minute >= START)] = names.index(name)
    column = DimensionCodes(dimension_of("dependency_name"), [(one,) for one in names], codes)
    judgement = judged(replace(requests, columns=[*requests.columns, column]))
    return [cause.subject for cause in judgement.causes]


@pytest.mark.parametrize("broken", [("/join", "/rate"), ("/join",)])
def test_endpoints_whose_failures_name_one_dependency_are_that_dependencys(broken: tuple[str, ...]) -> None:
    assert naming(failing(*broken), "queue", dict.fromkeys(broken, "store")) == [STORE]


def test_it_is_seen_in_them() -> None:
    requests = failing("/join", "/rate")
    codes = np.where(requests.failed(Measure.SERVER_ERRORS), np.where(requests.minute >= START, 1, 0), -1)
    column = DimensionCodes(dimension_of("dependency_name"), [("queue",), ("store",)], codes)
    (cause,) = judged(replace(requests, columns=[*requests.columns, column])).causes
    assert {"endpoint_path": "/join"} in [seen.subject for seen in cause.also_visible_in]
    assert cause.onset.after is not None and cause.onset.after.requests > cause.onset.after.failures


def test_what_failures_always_named_says_nothing() -> None:
    assert naming(failing("/join"), "store", {"/join": "store"}) == [{"endpoint_path": "/join"}]


def test_endpoints_that_call_different_things_stay_two_causes() -> None:
    broken = failing("/join", "/rate")
    assert len(naming(broken, "queue", {"/join": "store"})) == 2
    found = naming(broken, "queue", {"/join": "store", "/rate": "cache"})
    assert sorted(one["dependency_name"] for one in found) == ["cache", "store"]


def test_failures_of_which_half_name_it_are_not_its() -> None:
    requests = failing("/join")
    codes = np.where(requests.failed(Measure.SERVER_ERRORS), np.where(requests.minute >= START, 1, 0), -1)
    codes[np.flatnonzero(codes == 1)[::2]] = 2
    column = DimensionCodes(dimension_of("dependency_name"), [("queue",), ("store",), ("cache",)], codes)
    (cause,) = judged(replace(requests, columns=[*requests.columns, column])).causes
    assert cause.subject == {"endpoint_path": "/join"}


@pytest.mark.parametrize("name", ["availability_zone", "client_type", "service_version"])
def test_who_and_where_stays_the_cause(name: str) -> None:
    """Others call the same dependency, and are well."""
    assert naming(failing("/join", name=name), "queue", {"/join": "store"}) == [{name: "/join"}]
