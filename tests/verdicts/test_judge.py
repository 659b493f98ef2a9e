"""All verdicts of one investigation, on requests made by hand: what is told of a cause and of its start, in order."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests import samples
from tests.samples import START as AT
from tests.samples import finding
from tests.verdicts.judging import confirmed, shadows
from tests.verdicts.made import CLIENT_ERROR, MINUTES, START, Part, dimension_of, evidence, judged, made
from tsg_agent.evidence import measurement
from tsg_agent.evidence.requests import DimensionCodes
from tsg_agent.models import Confidence, Judgement, Measure, Mention, Onset, OnsetKind, Rate, Tier, Verdict
from tsg_agent.verdicts import judge, ledger
from tsg_agent.verdicts.mentioned import with_mentions
from tsg_agent.verdicts.value_labels import key_of
from tsg_agent.verdicts.verdict import told_alike

OLD, NEW = {"service_version": "1.9.0"}, {"service_version": "1.10.0"}


def zones(after: float = 0.4, per_minute: float = 20, **changes: Any) -> list[Part]:
    return [
        Part(
            {"availability_zone": f"z{n}", "load_balancer_id": f"lb{n % 2}"},
            per_minute,
            0.01,
            after if n == 1 else 0.01,
            **changes,
        )
        for n in range(1, 7)
    ]


Z1 = {"availability_zone": "z1"}


def canary(after: float, requests: float = 300, **values: str) -> list[Part]:
    return [
        Part({**OLD, **values}, 100, 0.005, 0.005),
        Part({**NEW, **values}, requests / (MINUTES - START), 0.0, after, since=START),
    ]


@pytest.mark.parametrize(("after", "requests"), [(0.35, 300), (0.08, 2_000)], ids=["a canary", "under ten points"])
def test_a_new_version_is_confirmed_and_has_one_to_return_to(after: float, requests: float) -> None:
    """300 requests are under the guide's minimum, 8 % under its ten points: neither is a rule of the verdict."""
    (cause,) = confirmed(judged(made(*canary(after, requests))))
    assert (cause.subject, cause.tier, cause.onset.kind) == (NEW, Tier.POTENTIAL, OnsetKind.APPEARED)
    assert (cause.detail["roll_back_to"], cause.detail["newest"]) == ("1.9.0", True)
    assert cause.onset.before is not None
    assert cause.onset.before.percent == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("old", ["0c77d21", "f00dfee"])
def test_versions_that_are_no_numbers_are_labelled_and_rolled_back_by_when_they_were_first_seen(old: str) -> None:
    """Whatever their letters: e41f9ab sorts after the one and before the other."""
    parts = [
        Part({"service_version": old}, 100, 0.005, 0.005),
        Part({"service_version": "e41f9ab"}, 40, 0.0, 0.35, since=START),
        Part({"service_version": "a90210b"}, 30, 0.005, 0.005),
    ]
    (cause,) = confirmed(judged(made(*parts)))
    assert (cause.label, cause.detail["newest"]) == ("REGRESSION_DETECTED", True)
    assert cause.detail["roll_back_to"] == old, "the busier of the two that were there from the beginning"
    assert dict(cause.subject) == {"service_version": "e41f9ab"}


def test_a_version_is_not_rolled_back_to_one_as_bad() -> None:
    parts = [
        Part({"service_version": version}, 40, 0.01, share) for version, share in (("1.8.0", 0.3), ("1.10.0", 0.4))
    ]
    others = Part({"availability_zone": "z9"}, 100, 0.01, 0.01)
    judgement = judged(made(*parts, others))
    for cause in judgement.causes:
        assert cause.detail.get("roll_back_to") is None


def test_a_flag_names_its_other_values() -> None:
    parts = [
        Part({"flag pay": value}, 30, 0.01, share) for value, share in (("on", 0.3), ("off", 0.01), ("half", 0.01))
    ]
    (cause,) = confirmed(judged(made(*parts)))
    assert cause.subject == {"flag_name": "pay", "flag_value": "on"}
    assert (cause.detail["leave_value"], sorted(cause.detail["other_values"])) == ("on", ["half", "off"])
    assert (cause.step, cause.tier) == (3, Tier.POTENTIAL)


def test_where_the_zone_rises_its_load_balancer_is_blast_radius() -> None:
    (cause,) = confirmed(judged(made(*zones())))
    assert cause.subject == Z1
    (seen,) = [one for one in cause.also_visible_in if one.subject == {"load_balancer_id": "lb1"}]
    assert seen.after is not None and seen.without is not None
    assert (seen.after.percent > 10, seen.without.percent < 2) == (True, True)
    assert {"load_balancer_id": "lb0"} not in shadows(cause)


def test_the_blast_radius_is_by_size() -> None:
    """All of the shard's requests are in its zone, most are to one endpoint, more than half by one client."""
    parts = []
    for n in range(8):
        share = 0.5 if n == 0 else 0.005
        for endpoint, client in (("/a", "web"), ("/a", "ios"), ("/b", "web"), ("/b", "ios")):
            much = (2 if endpoint == "/a" else 1) * (1.5 if client == "web" else 1)
            values = {
                "shard_id": f"s{n}",
                "availability_zone": f"z{n // 2}",
                "endpoint_path": endpoint,
                "client_type": client,
            }
            parts.append(Part(values, 3 * (much if n == 0 else 7.5 / much), 0.005, share))
    (cause,) = confirmed(judged(made(*parts)))
    assert cause.subject == {"shard_id": "s0"}
    assert shadows(cause) == [{"availability_zone": "z0"}, {"endpoint_path": "/a"}, {"client_type": "web"}]


def test_of_a_dimension_a_few_values_of_the_blast_radius_are_told_and_none_is_dismissed() -> None:
    """Most requests of four of the six instances are of the zone, and few of them are elsewhere."""
    parts = [
        Part({"availability_zone": f"z{n}", "instance_id": f"i{m}"}, 8 if (n == 1) == (m < 4) else 1, 0.01,
             0.4 if n == 1 else 0.01)
        for n in range(1, 5) for m in range(6)
    ]  # fmt: skip
    judgement = judged(made(*parts))
    (cause,) = confirmed(judgement)
    assert cause.subject == Z1
    assert len(shadows(cause)) == 2
    assert not [one for one in judgement.rejected if "instance_id" in one.subject and one.dismissal == "lower_ranked"]


def test_the_start_is_measured_and_told_beside_the_reported_one() -> None:
    for minutes in (-30, 0, 10, 20, 30, 45):
        reported = AT + timedelta(minutes=minutes)
        start = judged(made(*zones()), incident_start=reported).start
        assert (start.measured, start.reported, start.doubted) == (AT, reported, False)
        assert start.earliest is not None and start.latest is not None
        assert start.earliest <= AT <= start.latest
        assert (start.measure, start.ended) == (Measure.SERVER_ERRORS, None)


def test_without_a_reported_start_it_is_measured_all_the_same() -> None:
    start = judged(made(*zones()), incident_start=None).start
    assert (start.measured, start.reported) == (AT, None)


def test_an_incident_that_is_over_has_an_end() -> None:
    start = judged(made(*zones(end=START + 30))).start
    assert start.ended is not None
    assert abs(start.ended - AT - timedelta(minutes=30)) <= timedelta(minutes=1)


def test_the_measured_start_is_that_of_the_first_causes_own_failures() -> None:
    """The service's own series is blurred by a burst elsewhere just before."""
    noisy = [replace(part, after=0.05, start=START - 12, end=START - 8) for part in zones()[1:]]
    assert judged(made(zones(after=0.3)[0], *noisy)).start.measured == AT


def test_a_quiet_service_has_no_cause_and_the_start_is_doubted() -> None:
    judgement = judged(made(*zones(after=0.01)))
    assert judgement.causes == []
    assert (judgement.start.measured, judgement.start.doubted, judgement.start.reported) == (None, True, AT)
    assert not any(gate.open for gate in judgement.gates)
    unsaid = judged(made(*zones(after=0.01)), incident_start=None)
    assert not unsaid.start.doubted
    assert "Nothing in the window shows when the incident began" in " ".join(unsaid.notes)


def test_what_explains_more_comes_first_whatever_the_guide_calls_it() -> None:
    """A zone that loses more requests than a version does: the tier no longer orders causes."""
    parts = [replace(part, values={**part.values, **OLD}) for part in zones(after=0.6, per_minute=40)]
    parts.append(Part({**NEW, "availability_zone": "z2"}, 10, 0.01, 0.3))
    causes = confirmed(judged(made(*parts)))
    assert [cause.subject for cause in causes] == [Z1, NEW]
    assert [cause.tier for cause in causes] == [Tier.SYMPTOM, Tier.POTENTIAL]


def test_what_fails_comes_before_what_is_slow() -> None:
    slow = [
        replace(part, slow=True, after=0.9 if part.values["availability_zone"] == "z3" else 0.0, before=0.0)
        for part in zones(per_minute=60)
    ]
    causes = confirmed(judged(made(*zones(after=0.2), *slow)))
    assert [cause.measure for cause in causes] == [Measure.SERVER_ERRORS, Measure.SLOW]


def test_a_suspect_comes_last_and_says_what_it_is_short_of() -> None:
    """A zone that is new: nothing shows that it ever worked."""
    parts = [*zones(after=0.2), Part({"availability_zone": "z9"}, 40, 0.0, 0.5, since=START)]
    causes = judged(made(*parts)).causes
    assert [cause.subject for cause in causes] == [Z1, {"availability_zone": "z9"}]
    assert [cause.confidence for cause in causes] == [Confidence.CONFIRMED, Confidence.SUSPECTED]
    assert causes[1].shortfalls == ["it had no requests before to compare with: nothing shows that it ever worked"]


def test_where_the_entry_shows_nothing_an_inner_component_is_a_suspect_at_most() -> None:
    parts = [
        Part({"service_component": name}, 20, 0.01, share)
        for name, share in {"shop": 0.01, "cart": 0.01, "db": 0.2}.items()
    ]
    judgement = judged(made(*parts), service_name="shop")
    assert not confirmed(judgement)
    for cause in judgement.causes:
        assert any("the service as a whole shows no change of its own" in words for words in cause.shortfalls)


def test_requests_that_do_not_record_a_causes_dimension_cannot_be_confirmed_beside_it() -> None:
    """Half of the shard's requests do not say their shard: they may be the ones that fail in its zone."""
    parts = []
    for n in range(4):
        share = 0.5 if n == 0 else 0.01
        parts += [
            Part({"shard_id": f"s{n}", "availability_zone": f"z{n}"}, 20, 0.01, share),
            Part({"availability_zone": f"z{n}"}, 20, 0.01, share),
        ]
    causes = judged(made(*parts)).causes
    assert len([cause for cause in causes if cause.confidence is Confidence.CONFIRMED]) == 1
    for cause in causes[1:]:
        assert "its requests do not record the" in cause.shortfalls[-1]


def test_names_of_the_same_requests_are_told_with_the_cause() -> None:
    parts = [
        Part({"availability_zone": f"z{n}", "shard_id": f"s{n}"}, 20, 0.01, 0.4 if n == 1 else 0.01)
        for n in range(1, 5)
    ]
    (cause,) = confirmed(judged(made(*parts)))
    assert [*cause.subject.values(), *cause.detail["same_requests"][0].values()] in (["z1", "s1"], ["s1", "z1"])


def test_what_was_considered_is_told_with_its_figures_best_first() -> None:
    considered = judged(made(*zones())).considered
    assert considered[0].subject == Z1
    assert len(considered) <= 10
    assert [one.score for one in considered] == sorted((one.score for one in considered), reverse=True)
    first = considered[0]
    assert first.excess == pytest.approx(0.39 * 20 * (MINUTES - START), rel=0.03)
    assert first.rest.requests == 5 * 20 * (MINUTES - START)


def test_every_figure_that_a_cause_cites_is_among_the_measured() -> None:
    judgement = judged(made(*zones()))
    held = {row.id: row for row in judgement.measured}
    for one in (*judgement.causes, *judgement.rejected):
        row = held[one.evidence[-1]]
        assert (row.subject, row.after) == (one.subject, one.onset.after)


def test_what_the_text_brings_up_is_a_measured_row_and_has_no_second_one() -> None:
    zones_named = [Mention(words=one, kind="zone", subject={"availability_zone": one}) for one in ("z1", "z3")]
    judgement = with_mentions([*zones_named, Mention(words="DNS", kind="DNS")], judge(evidence(made(*zones()))))
    rows = {row.id: row for row in judgement.measured}
    cause, even, absent = judgement.mentioned
    assert cause.cited in judgement.causes[0].evidence
    assert (rows[even.cited].subject, rows[even.cited].after) == ({"availability_zone": "z3"}, even.after)
    assert not absent.cited
    assert len({(key_of(row.subject), row.measure) for row in rows.values()}) == len(rows)


def test_a_cause_is_drawn_beside_the_service() -> None:
    series = judged(made(*zones())).series
    assert [one.subject for one in series[:2]] == [{}, Z1]
    assert sum(point.failures for point in series[1].points) == pytest.approx(0.4 * 20 * 55 + 0.01 * 20 * 120, abs=3)


def test_a_window_until_long_after_the_telemetry_counts_no_more_buckets() -> None:
    """An incident of months ago, looked at until now."""
    plain = evidence(made(*zones()))
    until = plain.parameters.end_time
    later = plain.parameters.model_copy(update={"end_time": until + timedelta(days=400)})
    late = judge(replace(plain, parameters=later, until=until))
    assert late.measurement.grid.count < 100
    assert [one.subject for one in late.judgement.causes] == [one.subject for one in judge(plain).judgement.causes]


def test_a_chart_of_a_long_window_draws_several_buckets_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = judged(made(*zones())).series[0].points
    monkeypatch.setattr(ledger, "POINTS", 10)
    drawn = judged(made(*zones()))
    points = drawn.series[0].points
    assert 5 < len(points) <= 11 < len(whole)
    assert sum(one.requests for one in points) == sum(one.requests for one in whole)
    assert sum(one.failures for one in points) == sum(one.failures for one in whole)
    assert drawn.start is not None and drawn.start.measured in [one.time for one in points]


def test_redirects_and_unknown_answers_are_noted() -> None:
    requests = made(*zones())
    kind = requests.kind.copy()
    kind[::50] = 8  # a redirect
    kind[1::50] = 0  # no status
    notes = " ".join(judged(replace(requests, kind=kind)).notes)
    assert "2 % of requests were redirects (3xx)" in notes
    assert "2 % of requests do not say how they were answered" in notes


def test_a_broken_workflow_takes_the_place_of_a_description_by_its_name() -> None:
    """Its requests fail and so do its runs: the step where they fail is what is broken."""
    parts = [
        Part({"endpoint_path": path, "client_type": client}, 10, 0.01, 0.01)
        for path in ("/pay", "/look")
        for client in ("web", "ios")
    ]
    requests = made(*parts, runs=True)
    path, _ = requests.columns
    names = np.where(path.codes == [value for (value,) in path.values].index("/pay"), "paying", "looking")
    names[::2] = "other"
    late = (requests.second >= 60 * START) & (names == "paying") & (np.arange(len(names)) % 5 < 2)
    requests = replace(requests, kind=np.where(late, 20, requests.kind).astype(np.int8))
    given = evidence(requests)
    begin = given.parameters.start_time.replace(tzinfo=None)
    runs = pd.DataFrame({
        "scenario_name": names, "correlation_id": requests.runs.to_pylist(),
        "timestamp": np.datetime64(begin, "us") + requests.second.astype("timedelta64[s]"),
        "failed": requests.kind == 20,
    })  # fmt: skip
    rows = [{"scenario_name": "paying", "business_criticality": "CRITICAL",
             "workflow_status": "CRITICAL_SCENARIO_FAILING",
             "failed_runs": 9, "uncompensated_runs": 3, "affected_users": 5}]  # fmt: skip
    judgement = judge(replace(given, runs=runs, findings=[finding(9, *rows)])).judgement
    (cause,) = confirmed(judgement)
    assert cause.subject == {"scenario_name": "paying"}
    assert (cause.detail["uncompensated"], cause.detail["affected_users"]) == (3, 5)
    assert (cause.measure, cause.tier, cause.step) == (Measure.WORKFLOW_FAILURES, Tier.DEFINITIVE, 9)
    assert cause.label == "CRITICAL_SCENARIO_FAILING"


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({}, True),
        ({"failures": 62}, False),
        ({"requests": 470}, False),
        ({"subject": {"dependency_name": "b"}}, False),
        ({"confidence": Confidence.SUSPECTED}, False),
        ({"measure": Measure.SLOW}, False),
    ],
)
def test_places_with_as_many_failures_in_as_many_requests_are_told_alike(other: dict[str, Any], told: bool) -> None:
    def place(failures: int = 63, requests: int = 484, **changes: Any) -> Verdict:
        seen = Onset(kind=OnsetKind.NEW, after=Rate(failures=failures, requests=requests))
        return samples.verdict(10, "URGENT", **({"subject": {"service_component": "b"}, "onset": seen} | changes))

    first = place(requests=482, subject={"service_component": "a"})
    one, two = told_alike([first, place(**other)])
    assert ("alike" in one.detail, "alike" in two.detail) == (told, told)
    assert not told or one.detail["alike"] == [{"service_component": "b"}]


def test_components_of_one_chain_of_calls_are_told_alike() -> None:
    """Each fails in as many of as many calls: without a map of calls nothing says where it begins."""
    parts = [
        Part({"service_component": name}, 20, 0.01, share)
        for name, share in {"shop": 0.3, "cart": 0.3, "db": 0.3, "mail": 0.01}.items()
    ]
    requests = made(*parts)
    judgement: Judgement = judged(requests, service_name="shop")
    causes = confirmed(judgement)
    assert {cause.subject["service_component"] for cause in causes} == {"cart", "db"}


def test_the_order_of_rows_does_not_matter() -> None:
    requests = made(*zones(), *canary(0.3))
    order = np.random.default_rng(3).permutation(len(requests))
    columns = [replace(column, codes=column.codes[order]) for column in requests.columns]
    mixed = replace(
        requests,
        second=requests.second[order],
        kind=requests.kind[order],
        latency=requests.latency[order],
        columns=columns,
    )
    assert judged(mixed) == judged(requests)


def test_buckets_that_are_longer_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurement, "MOST_CELLS", 120)
    told = judged(made(*zones()))
    assert "The window is long: counts, and the incident's end, are to 15 minutes." in told.notes
    assert [one.subject for one in told.causes] == [Z1]
    monkeypatch.undo()
    assert not any("is long" in note for note in judged(made(*zones())).notes)


def test_a_cause_that_began_later_says_since_when() -> None:
    """Two faults that share nothing, the second three quarters of an hour after the first."""
    parts = [replace(part, values=part.values | {"client_type": "web"}) for part in zones()]
    parts += [
        replace(part, values=part.values | {"client_type": "ios"}, per_minute=5, after=0.5, start=START + 40)
        for part in zones()[1:]
    ]
    first, second = confirmed(judged(made(*parts)))
    assert (first.subject, first.began) == (Z1, None)
    assert second.subject == {"client_type": "ios"}
    assert second.began is not None
    assert abs(second.began - AT - timedelta(minutes=40)) <= timedelta(minutes=2)


def test_where_nothing_began_a_name_that_only_failures_carry_is_called_one() -> None:
    requests = made(*zones(after=0.01))
    codes = np.where(requests.failed(Measure.SERVER_ERRORS), 1, 0)
    column = DimensionCodes(dimension_of("service_component"), [("edge",), ("jobs",)], codes)
    found = judged(replace(requests, columns=[*requests.columns, column]), incident_start=None)
    (jobs,) = (one for one in found.rejected if one.subject == {"service_component": "jobs"})
    assert jobs.dismissal == "describes"


def test_of_two_outcomes_the_one_that_costs_more_requests_comes_first() -> None:
    """Bursts of 5xx all the time make what explains them less certain, and no less of a loss."""
    bursts = [
        Part({"shard_id": "c"}, 60, 0, 0.08, start=n, end=n + 5, since=n, until=n + 20) for n in range(0, MINUTES, 20)
    ]
    failing, refused = Part({"shard_id": "a"}, 30, 0, 0.4), Part({"shard_id": "b"}, 10, 0, 0.9, answer=CLIENT_ERROR)
    first, second = judged(made(*bursts, failing, refused)).causes
    assert (first.subject, second.subject) == ({"shard_id": "a"}, {"shard_id": "b"})
