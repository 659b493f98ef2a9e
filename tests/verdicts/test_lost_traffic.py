"""Requests that stop coming: the service's, or those of one that asks."""

import pytest

from tests.verdicts.made import MINUTES, START, Part, judged, made
from tsg_agent.models import Judgement, Subject
from tsg_agent.verdicts.lost_traffic import lost_traffic

TV, WEB = {"client_type": "tv"}, {"client_type": "web"}


def judgement(*parts: Part) -> Judgement:
    return judged(made(*parts))


def lost(*parts: Part) -> Subject | None:
    traffic = judgement(*parts).traffic
    return None if traffic is None else traffic.subject


def stops(values: dict[str, str], per_minute: float, left: float = 0.0, at: int = START) -> list[Part]:
    """A part that comes until a minute, and after it a few."""
    return [
        Part(values, per_minute, until=at),
        *([Part(values, left, since=at)] if left else []),
    ]


def test_requests_of_one_client_that_stop_are_a_finding_of_their_own() -> None:
    found = judgement(*stops(TV, 8, 0.5), Part(WEB, 60))
    assert found.traffic is not None
    assert found.traffic.subject == TV
    assert (found.traffic.before, found.traffic.after) == (8, pytest.approx(0.5, abs=0.1))
    assert not found.causes


def test_requests_of_the_whole_service_go_before_those_of_a_part() -> None:
    assert lost(*stops(TV, 8), *stops(WEB, 60, 2)) == {}


def test_what_others_took_over_is_not_lost() -> None:
    """One client's requests come under a new name."""
    assert lost(*stops(TV, 8), Part({"client_type": "tv-2"}, 8, since=START), Part(WEB, 60)) is None


def test_what_others_gain_over_hours_is_not_what_one_lost_at_once() -> None:
    morning = [Part(WEB, 30 + n, since=at, until=at + 10) for n, at in enumerate(range(0, MINUTES, 10))]
    assert lost(*stops(TV, 8, 0.5), *morning) == TV


def test_clients_that_are_replaced_over_hours_are_not_lost() -> None:
    steps = range(0, MINUTES, 10)
    old = [Part(TV, 12 * (1 - n / len(steps)) ** 2, since=at, until=at + 10) for n, at in enumerate(steps)]
    new = [Part({"client_type": "tv-2"}, 12 * n / len(steps), since=at, until=at + 10) for n, at in enumerate(steps)]
    assert lost(*old, *new, Part(WEB, 60)) is None


def test_what_operators_move_is_not_lost() -> None:
    """An old version, a zone that is drained: their share is small beside the hum of the rest."""
    for name in ("service_version", "availability_zone", "shard_id"):
        assert lost(*stops({name: "1"}, 2), Part({name: "2"}, 60)) is None


def test_a_zone_whose_requests_no_other_took_is_lost() -> None:
    assert lost(*stops({"availability_zone": "1"}, 12), Part({"availability_zone": "2"}, 24)) == {
        "availability_zone": "1"
    }
    taken = [Part({"availability_zone": "2"}, 24, until=START), Part({"availability_zone": "2"}, 36, since=START)]
    assert lost(*stops({"availability_zone": "1"}, 12), *taken) is None


@pytest.mark.parametrize(("moved", "expected"), [(0.0, {"availability_zone": "1"}), (12.0, None)])
def test_a_zone_is_lost_where_it_is_plain_of_its_instances(moved: float, expected: Subject | None) -> None:
    """Beside the restless other zone it is not plain by itself; an instance's others lost the rest of the zone."""
    parts = [part for number in range(4) for part in stops({"availability_zone": "1", "instance_id": f"1-{number}"}, 3)]
    for at in range(0, MINUTES, 2):
        values = {"availability_zone": "2", "instance_id": f"2-{at // 2 % 4}"}
        more = moved if at >= START else 0.0
        parts.append(Part(values, 60 + more + (12 if at // 2 % 3 == 0 else -6), since=at, until=at + 2))
    assert lost(*parts) == expected


def test_of_two_values_the_one_that_lost_more_is_told_and_of_the_same_requests_both() -> None:
    api = {"api_version": "v1"}
    assert lost(*stops(TV | api, 8), *stops(WEB | api, 2), Part(WEB | {"api_version": "v2"}, 60)) == api
    assert lost(*stops(TV | api, 8), Part(WEB | {"api_version": "v2"}, 60)) == TV | api


def test_a_fall_that_all_share_is_nobodys() -> None:
    """An evening: everybody asks a fifth of what they did, and one even less."""
    evening = [*stops(WEB, 60, 24), *stops(TV, 8, 1)]
    assert lost(*evening) is None


def test_a_client_that_comes_and_goes_is_usual() -> None:
    """A batch every half an hour."""
    batches = [Part(TV, 12, since=at, until=at + 8) for at in range(0, START, 30)]
    assert lost(*batches, Part(WEB, 60)) is None


def test_where_a_cause_is_confirmed_what_does_not_come_is_its_doing() -> None:
    broken = Part({"client_type": "ios"}, 30, 0.0, 0.5)
    assert lost(*stops(TV, 8), broken, Part(WEB, 60)) is None


def test_requests_of_less_than_a_minute_tell_no_fall() -> None:
    assert lost_traffic(made(Part(WEB, 60)), None, 0, parts=True) is None


def test_a_start_at_which_requests_stopped_coming_is_not_doubted() -> None:
    assert not any("doubted" in note for note in judgement(*stops(WEB, 60, 2)).notes)
    assert any("doubted" in note for note in judgement(Part(WEB, 60)).notes)
