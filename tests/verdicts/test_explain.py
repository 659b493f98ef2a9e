"""Explaining away, on counts made by hand."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pytest

from tests.verdicts.tables import Sides, candidates, counts, measurement, setting_of, table
from tsg_agent.evidence import Measurement, Table
from tsg_agent.evidence.dimensions import Dimension
from tsg_agent.evidence.measurement import Counts
from tsg_agent.models import Confidence
from tsg_agent.verdicts.explain import Explainer
from tsg_agent.verdicts.remainder import Key, Remainder
from tsg_agent.verdicts.rivals import Cell, Quarters, takes_over
from tsg_agent.verdicts.rules import rule

COMPONENT = Dimension(("service_component",), 10)
ENDPOINT = Dimension(("endpoint_path",), 7)
ERROR = Dimension(("error_category",), 10, error_only=True)
HEALTHY: Sides = ((10, 10_000), (5, 5_000))


@dataclass(frozen=True)
class Parts:
    """A source that knows the requests of one subject."""

    part: Measurement
    others: Mapping[Key, Measurement] = field(default_factory=dict)

    def measure(
        self, within: Mapping[str, str | None] | None = None, without: Collection[Key] = (), *, everywhere: bool = False
    ) -> Measurement:
        assert (within is not None or without) and not everywhere
        named = {name: value for name, value in (within or {}).items() if value is not None}
        return self.others.get(tuple(sorted(named.items())), self.part)

    def expect(self, within: Mapping[str, str | None], without: Collection[Key] = ()) -> None:
        assert self.measure(within, without)

    def total(self, within: Mapping[str, str | None], without: Collection[Key] = ()) -> Counts:
        return self.measure(within, without).total

    def expect_total(self, within: Mapping[str, str | None], without: Collection[Key] = ()) -> None:
        assert self.total(within, without)

    def runs_of(self, subject: Mapping[str, str], *, failed_only: bool = False) -> pa.Array:
        assert subject or failed_only
        return pa.array([], pa.string())


def explained(
    whole: Measurement, part: Measurement, others: Mapping[Key, Measurement] | None = None
) -> tuple[list[tuple[str, Confidence | None]], Remainder]:
    """Value and confidence of each cause, and what is left."""
    setting = setting_of(whole)
    pool = [(one, ruling) for one in candidates(whole).values() if (ruling := rule(one, setting)).confidence]
    remainder = Remainder(whole, None)
    causes, _ = Explainer(setting, Parts(part, others or {})).explain(pool, remainder)
    return [(" ".join(one.candidate.subject.values()), one.ruling.confidence) for one in causes], remainder


def test_what_is_left_is_judged_again() -> None:
    """The endpoint fails mostly in the zone; outside it is left with too little to be sure of."""
    zones = table({"a": ((5, 5_000), (1_000, 2_500)), "b": ((10, 10_000), (30, 5_000))})
    ends = table({"/x": ((3, 3_000), (360, 1_500)), "/y": ((12, 12_000), (670, 6_000))}, ENDPOINT)
    part_zone = table({"a": ((5, 5_000), (1_000, 2_500))})
    part_ends = table({"/x": ((1, 1_000), (346, 500)), "/y": ((4, 4_000), (654, 2_000))}, ENDPOINT)
    causes, _ = explained(measurement(zones, ends), measurement(part_zone, part_ends))
    assert causes == [("a", Confidence.CONFIRMED), ("/x", Confidence.SUSPECTED)]


@pytest.mark.parametrize(("failures", "confidence"), [(38, Confidence.SUSPECTED), (45, Confidence.CONFIRMED)])
def test_a_second_cause_must_be_beyond_chance_in_all_that_was_looked_at(failures: int, confidence: Confidence) -> None:
    """Thirty endpoints fail with the zone. Of the thirty without it, one that always fails has a bad hour."""
    zone: dict[str, Sides] = {"a": ((5, 30_000), (1_350, 15_000))}
    inside: dict[str, Sides] = {f"/a{number}": ((0, 1_000), (45, 500)) for number in range(30)}
    outside: dict[str, Sides] = {f"/b{number}": ((1, 8_600), (1, 4_300)) for number in range(29)}
    bad: Sides = ((24, 120), (failures, 90))
    rest: dict[str, Sides] = {"b": ((53, 249_520), (29 + failures, 124_790))}
    whole = measurement(table(zone | rest), table({**inside, **outside, "/bad": bad}, ENDPOINT))
    causes, _ = explained(whole, measurement(table(zone), table(inside, ENDPOINT)))
    assert causes == [("a", Confidence.CONFIRMED), ("/bad", confidence)]


def test_kinds_of_errors_say_what_fails_not_where() -> None:
    zones = table({"a": ((5, 5_000), (1_000, 2_500)), "b": ((160, 10_000), (200, 5_000))})
    kinds = counts([((15, 15_000), (1_100, 7_500)), ((150, 15_000), (100, 7_500))])
    errors = Table(ERROR, [("TIMEOUT",), ("OTHER",)], kinds, zones.whole, error_only=True)
    part_zone = table({"a": ((5, 5_000), (1_000, 2_500))})
    part_kinds = counts([((5, 5_000), (1_000, 2_500))])
    part_errors = Table(ERROR, [("TIMEOUT",)], part_kinds, part_zone.whole, error_only=True)
    causes, remainder = explained(measurement(zones, errors), measurement(part_zone, part_errors))
    assert [name for name, _ in causes] == ["a"]
    assert remainder.dismissed == {(("error_category", "TIMEOUT"),): "describes"}


def test_what_stands_out_only_with_a_clearer_suspects_failures_is_not_confirmed() -> None:
    """The endpoint is under the guide's threshold, so the component would be first; half of what fails in it is its."""
    one, other = {"a": ((2, 2_600), (17, 1_860)), "b": ((88, 22_200), (70, 15_900))}, {"a": ((1, 140), (9, 102))}
    left = {"/x": ((5, 1_350), (31, 1_005)), "/y": ((85, 23_450), (56, 16_755))}
    mine = {"/x": ((1, 140), (9, 102)), "/y": ((1, 2_460), (8, 1_758))}
    even = table({f"z{number}": ((36, 9_920), (35, 7_104)) for number in range(25)})
    whole = measurement(table(one, COMPONENT), table(left, ENDPOINT), even)
    parts = {
        (("service_component", "a"),): measurement(table({"a": one["a"]}, COMPONENT), table(mine, ENDPOINT)),
        (("endpoint_path", "/x"),): measurement(
            table({**other, "b": ((4, 1_210), (22, 903))}, COMPONENT), table({"/x": left["/x"]}, ENDPOINT)
        ),
    }
    causes, _ = explained(whole, whole, parts)
    assert causes == [("/x", Confidence.SUSPECTED)]


@pytest.mark.parametrize(("at_entry", "causes"), [(320, ["inner"]), (420, ["inner", "shop"])])
def test_the_entry_is_no_cause_where_it_only_passes_on_what_fails_behind_it(at_entry: int, causes: list[str]) -> None:
    """300 fail in the component behind it. 320 at the entry may be those; 420 are more than it can pass on."""
    inner: dict[str, Sides] = {"inner": ((0, 10_000), (300, 5_000))}
    shop: Sides = ((0, 10_000), (at_entry, 5_000))
    rest: dict[str, Sides] = {f"c{number}": ((5, 10_000), (5, 5_000)) for number in range(6)}
    whole = replace(measurement(table({**inner, "shop": shop, **rest}, COMPONENT)), entry_component="shop")
    found, remainder = explained(whole, measurement(table(inner, COMPONENT)))
    assert [name for name, _ in found] == causes
    assert remainder.dismissed == ({(("service_component", "shop"),): "passes_on"} if len(causes) == 1 else {})


NONE, BASE = Cell(0, 0, 0, 0), Cell(500, 500_000, 500, 500_000)


@pytest.mark.parametrize(("outside", "takes"), [(700, True), (2_500, False)])
def test_a_rival_with_less_than_half_of_the_excess_does_not_take_over(outside: float, takes: bool) -> None:
    """All of the rival fails, but most of the first's failures are elsewhere: there are two causes."""
    made = measurement(table({"a": ((5, 5_000), (600, 2_500)), "b": HEALTHY}), table({"/x": HEALTHY}, ENDPOINT))
    found = candidates(made)
    first_only = Cell(500, 500_000, outside, 500_000)
    cut = Quarters(Cell(0, 2_000, 1_800, 2_000), first_only, NONE, BASE, BASE, 30)
    assert cut.rival_z > 2 * max(cut.first_z, 1)
    assert takes_over(cut, found["a"], found["/x"], (2, 3)) is takes
