"""The bound on invariances: changes of the telemetry that carry no information must not change the conclusion."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from eval.bounds.bound import Bound, Row, Setup, at_least, here, missed
from eval.cache import telemetry_of
from eval.cases import Case, load_all
from eval.conclusion import Concluded, concluded
from eval.rows import FLAGS, LOG, PRODUCTS
from tsg_agent.simulator.randomness import RandomStream

Tables: TypeAlias = dict[str, pa.Table]
REQUESTED = (LOG, FLAGS, PRODUCTS)
"""Tables with a request_id."""
HEAVIEST = 3


def reordered(tables: Tables) -> Tables:
    """Shuffle the rows of every table."""
    return {
        name: table.take(pa.array(np.argsort(RandomStream(1, f"order/{name}").uniform(np.arange(table.num_rows)))))
        for name, table in tables.items()
    }


def doubled(tables: Tables) -> Tables:
    """Duplicate every request, its flags and its product, under a new id."""
    return tables | {
        name: pa.concat_tables([tables[name], _renamed(tables[name], "-b")]) for name in REQUESTED if name in tables
    }


def tested(tables: Tables) -> Tables:
    """Add a copy of every tenth request as failing test traffic."""
    log = tables[LOG]
    some = log.take(pa.array(np.arange(0, log.num_rows, 10)))
    failing = pa.array(np.full(some.num_rows, 500), log["status_code"].type)
    flag = log["is_test_traffic"].type if "is_test_traffic" in log.column_names else pa.bool_()
    some = _with(_renamed(some, "-t"), {"status_code": failing, "is_test_traffic": _filled(True, some, flag)})
    if "is_test_traffic" not in log.column_names:
        log = _with(log, {"is_test_traffic": _filled(False, log, flag)})
    return tables | {LOG: pa.concat_tables([log, some])}


def weighted(tables: Tables) -> Tables:
    """Add a weight column of 1 to 3; NULL in some rows of weight 1, to which it is equivalent."""
    weight = _weights(tables[LOG])
    column = pa.array(weight.astype(np.float64), mask=(np.arange(len(weight)) % 4 == 0) & (weight == 1))
    return tables | {LOG: _with(tables[LOG], {"weight": column})}


def repeated(tables: Tables) -> Tables:
    """Repeat each request, its flags and its product as often as its weight, under new ids."""
    ids, weight = tables[LOG]["request_id"], _weights(tables[LOG])
    result = dict(tables)
    for copy in range(1, HEAVIEST):
        heavy = pa.chunked_array([ids.combine_chunks().filter(pa.array(weight > copy))])
        for name in REQUESTED:
            if name in tables:
                rows = tables[name].filter(pa.compute.is_in(tables[name]["request_id"], heavy.combine_chunks()))
                result[name] = pa.concat_tables([result[name], _renamed(rows, f"-{copy}")])
    return result


def _weights(log: pa.Table) -> Any:
    return 1 + RandomStream(1, "weight").choice(np.arange(log.num_rows), [0.6, 0.25, 0.15])


def _renamed(table: pa.Table, suffix: str) -> pa.Table:
    return _with(table, {"request_id": pa.compute.binary_join_element_wise(table["request_id"], suffix, "")})


def _filled(value: bool, table: pa.Table, kind: pa.DataType) -> pa.Array:
    return pa.array(np.full(table.num_rows, int(value))).cast(kind)


def _with(table: pa.Table, columns: dict[str, Any]) -> pa.Table:
    for name, values in columns.items():
        at = table.column_names.index(name) if name in table.column_names else -1
        table = table.append_column(name, values) if at < 0 else table.set_column(at, name, values)
    return table


def unchanged(tables: Tables) -> Tables:
    """The identity."""
    return tables


PAIRS: tuple[tuple[str, Callable[[Tables], Tables], Callable[[Tables], Tables]], ...] = (
    ("rows in another order", unchanged, reordered),
    ("every request twice, with new ids", unchanged, doubled),
    ("failing test traffic beside it", unchanged, tested),
    ("weights instead of repeated rows", repeated, weighted),
)


@dataclass(frozen=True)
class Changed:
    """An incident and a change of its tables."""

    case: Case
    change: Callable[[Tables], Tables]
    cache: Path
    scratch: Path


def invariances(setup: Setup) -> list[Row]:
    """Share of incidents with equal conclusions (see `said`) for each pair of changes."""
    cases = [case for case in load_all() if case.recipe and not case.recipe.scenario.quirks.duplicate_share]
    cases = cases[:: 12 if setup.quick else 3]
    rows = []
    for name, one, other in PAIRS:
        work = [Changed(case, change, setup.cache, setup.scratch) for case in cases for change in (one, other)]
        answers = setup.each(work, partial(_put, settings=setup.settings))
        same = [said(a) == said(b) and not a.error for a, b in zip(answers[::2], answers[1::2], strict=True)]
        what = f"{name} ({len(cases)}): the same conclusion"
        rows.append(at_least(what, sum(same) / len(same), 1.0, here(EARLIER.get(name, "1.00 of 9"))))
        rows += missed(case.id for case, equal in zip(cases, same, strict=True) if not equal)
    return rows


EARLIER = {"weights instead of repeated rows": "0, reads no weights"}


def said(answer: Concluded) -> tuple[object, ...]:
    """The part of a conclusion to compare: error, availability, confirmed causes in order, immediate actions."""
    now = [(step.kind, sorted(step.target.items())) for step in answer.actions if step.now]
    return answer.error, answer.availability, answer.confirmed, now


def _put(job: Changed, settings: dict[str, Any]) -> Concluded:
    folder = telemetry_of(job.case, job.cache)
    copy = job.scratch / f"{job.case.id}-{job.change.__name__}"
    if job.change is unchanged:
        return concluded(job.case.text, folder, job.case.now, settings)
    copy.mkdir(parents=True, exist_ok=True)
    for name, table in job.change({path.stem: pq.read_table(path) for path in folder.glob("*.parquet")}).items():
        pq.write_table(table, copy / f"{name}.parquet")
    try:
        return concluded(job.case.text, copy, job.case.now, settings)
    finally:
        shutil.rmtree(copy)


BOUNDS = (Bound("invariances", invariances),)
