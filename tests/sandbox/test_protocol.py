"""The child's answer is data from an enemy: whatever it is, the parent's word on status and isolation stands."""

import json
import tracemalloc
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsg_agent.sandbox import Limits, Result, RunStatus, SandboxViolation, Session, outcome
from tsg_agent.sandbox.exchange import Raw
from tsg_agent.sandbox.reply import read

GOOD: dict[str, Any] = {"value": 1, "tables": [], "cut": [], "error": None}
TABLE: dict[str, Any] = {
    "name": "t", "rows": 2, "width": 1,
    "columns": [{"name": "a", "type": "int64", "index": False, "cells": [1, 2]}],
}  # fmt: skip
COLUMN = TABLE["columns"][0]
FORGE = "import os, json\nos.write(3, {data!r})\nos._exit(0)"


def typed(dtype: str, *cells: Any) -> bytes:
    """An answer with a column of a dtype."""
    column = {"name": "c", "type": dtype, "index": False, "cells": cells}
    return json.dumps({**GOOD, "tables": [{**TABLE, "columns": [column]}]}).encode()


FORGED = {
    "text as floats": typed("float64", 1.5, "abc"),
    "truth values as floats": typed("float32", True),
    "fractions as whole numbers": typed("int64", 1, 1.5),
    "text as whole numbers": typed("uint8", "1"),
    "numbers as truth values": typed("bool", 1),
    "numbers as times": typed("datetime64[ns]", 10**18),
    "truth values as times": typed("datetime64[us, UTC]", True),
    "truth values as spans": typed("timedelta64[ns]", True),
    "not a number as a span": typed("timedelta64[ns]", {"f": "nan"}),
    "not JSON": b"no",
    "nothing but zeros": b"\0" * 100,
    "a pickle": b"\x80\x05\x95\x1f\x00\x00\x00cposix\nsystem\n",
    "not UTF-8": b'{"value": "\xff\xfe"}',
    "two answers": json.dumps(GOOD).encode() * 2,
    "a list": b"[]",
    "deep": b"[" * 100_000,
    "deep values": json.dumps(GOOD).replace("1", '{"l":[' * 50 + "1" + "]}" * 50).encode(),
    "NaN": json.dumps(GOOD).replace("1", "NaN").encode(),
    "a float too big": json.dumps(GOOD).replace("1", "1e999").encode(),
    "an integer too big": json.dumps(GOOD).replace("1", "1" * 50).encode(),
    "an integer of a million digits": json.dumps(GOOD).replace("1", "1" * 1_000_000).encode(),
    "a field too many": json.dumps({**GOOD, "status": "ok", "isolation": "none"}).encode(),
    "a field too few": b'{"value": 1}',
    "unknown tag": json.dumps({**GOOD, "value": {"x": 1}}).encode(),
    "two tags": json.dumps({**GOOD, "value": {"l": [], "o": ""}}).encode(),
    "a table that is not there": json.dumps({**GOOD, "value": {"table": 3}}).encode(),
    "a table twice": json.dumps({**GOOD, "tables": [TABLE], "value": {"l": [{"table": 0}, {"table": 0}]}}).encode(),
    "a table many times": json.dumps(
        {**GOOD, "tables": [TABLE], "value": {"l": [{"l": [{"table": 0}] * 400}] * 90}}
    ).encode(),
    "a table by a truth value": json.dumps({**GOOD, "tables": [TABLE], "value": {"table": False}}).encode(),
    "too many tables": json.dumps({**GOOD, "tables": [TABLE] * 6}).encode(),
    "ragged columns": json.dumps(
        {**GOOD, "tables": [{**TABLE, "columns": [COLUMN, {**COLUMN, "cells": [1]}]}]}
    ).encode(),
    "a negative count": json.dumps({**GOOD, "tables": [{**TABLE, "rows": -1}]}).encode(),
    "an object as a cell": json.dumps(
        {**GOOD, "tables": [{**TABLE, "columns": [{**COLUMN, "cells": [{"o": "x"}]}]}]}
    ).encode(),
    "too many rows": json.dumps({**GOOD, "tables": [{**TABLE, "columns": [{**COLUMN, "cells": [0] * 201}]}]}).encode(),
    "a name of a megabyte": json.dumps({**GOOD, "tables": [{**TABLE, "name": "x" * 1_000_000}]}).encode(),
    "a text too long": json.dumps({**GOOD, "value": "x" * 100_000}).encode(),
    "an unknown cut": json.dumps({**GOOD, "cut": ["everything"]}).encode(),
    "an error that is a text": json.dumps({**GOOD, "error": "boom"}).encode(),
    "a line that is a text": json.dumps({**GOOD, "error": {"type": "E", "message": "", "line": "1"}}).encode(),
    "a dict of single keys": json.dumps({**GOOD, "value": {"d": [["a"]]}}).encode(),
    "a list too long": json.dumps({**GOOD, "value": {"l": [1] * 501}}).encode(),
}


@pytest.mark.parametrize("data", FORGED.values(), ids=FORGED.keys())
def test_a_forged_answer_is_thrown_away(data: bytes, sandbox: Session) -> None:
    with pytest.raises(SandboxViolation):
        read(data, Limits())
    if len(data) < 40_000:  # and the same through a real run; longer ones do not fit into the code
        result = sandbox.run(FORGE.format(data=data))
        assert result.status is RunStatus.VIOLATION
        assert (result.value, result.tables) == (None, ())
        assert "seccomp" in result.isolation


def test_a_well_formed_forgery_changes_nothing_but_the_value(sandbox: Session) -> None:
    result = sandbox.run(FORGE.format(data=json.dumps({**GOOD, "value": "forged", "tables": [TABLE]}).encode()))
    assert (result.status, result.value, result.isolation) == (RunStatus.OK, "forged", sandbox.run("").isolation)
    assert result.tables[0].frame().columns.tolist() == ["a"]


@pytest.mark.usefixtures("bounded")
def test_an_answer_without_end_is_cut_off(sandbox: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []
    interpret = outcome.interpret

    def spy(raw: Raw, *rest: Any, **more: Any) -> Result:
        kept.append(len(raw.reply) + len(raw.output))
        return interpret(raw, *rest, **more)

    monkeypatch.setattr(outcome, "interpret", spy)
    result = sandbox.run("import os\nwhile True: os.write(3, b'x' * 65536)", 1)
    assert result.status is RunStatus.TIMEOUT
    result = sandbox.run("import os\nfor _ in range(100): os.write(3, b'x' * 65536)\nos._exit(0)")
    assert result.status is RunStatus.VIOLATION
    sandbox.run("while True: print('x' * 65536)", 1)
    assert max(kept[:2]) == Limits().reply_bytes
    assert kept[2] == 4 * Limits().output_characters


def test_no_second_attestation_and_no_way_back_to_the_zygote(sandbox: Session) -> None:
    code = "import os\nfound = []\nfor n in range(64):\n    try:\n        os.lseek(n, 0, 1); found.append(n)\n"
    code += "    except OSError as e:\n        if e.errno != 9: found.append(n)\nresult = found"
    assert sandbox.run(code).value == [0, 1, 2, 3]


def test_silence_lies_about_the_exit_and_broken_tools_are_told_as_they_are(sandbox: Session) -> None:
    assert sandbox.run("import os\nos._exit(0)").status is RunStatus.ENDED
    assert sandbox.run("import os\nos._exit(77)").status is RunStatus.ENDED
    assert sandbox.run("import os\nos.close(3)").status is RunStatus.ENDED
    assert (
        sandbox.run("import os\nos.close(1); os.close(2); os.close(3)\nwhile True: pass", 0.3).status
        is RunStatus.TIMEOUT
    )
    assert sandbox.run("import json\njson.dumps = lambda *a, **k: '{}'").status is RunStatus.VIOLATION
    assert sandbox.run("import os, signal\nsignal.raise_signal(signal.SIGSEGV)").status is RunStatus.KILLED
    assert sandbox.run("import ctypes\nctypes.string_at(0)").status is RunStatus.KILLED
    foreign = sandbox.run("import ctypes\nctypes.CDLL(None).syscall(0x40000000 + 39)")
    assert foreign.status is RunStatus.KILLED
    assert sandbox.run("40 + 2").value == 42


TIMES = ["2020-01-01T00:00:00+02:00", "2020-01-01T00:00:00", "2020-01-01T00:00:00.5", "2020-01-01", "", "soon", None]
SPANS = ["1 days 02:00:00", "99999999999 days", "P1D", "", "soon", "nan", None]
DTYPES = [
    "float64",
    "int64",
    "uint64",
    "bool",
    "object",
    "datetime64[ns]",
    "datetime64[us, UTC]",
    "timedelta64[ns]",
    "x",
]


@settings(database=None)
@given(
    dtype=st.sampled_from(DTYPES),
    cells=st.lists(st.sampled_from(TIMES + SPANS) | st.text() | st.integers() | st.floats() | st.booleans()),
)
def test_a_column_that_is_read_gives_a_frame(dtype: str, cells: list[object]) -> None:
    try:
        (table,) = read(typed(dtype, *cells), Limits()).tables
    except SandboxViolation:
        return
    assert len(table.frame()) == len(cells)
    assert table.text()


def test_times_of_every_form_keep_their_instant() -> None:
    (naive,) = read(typed("datetime64[us]", *TIMES), Limits()).tables
    (aware,) = read(typed("datetime64[us, UTC]", *TIMES), Limits()).tables
    same = ["2019-12-31T22:00:00", "2020-01-01T00:00:00", "2020-01-01T00:00:00.500000", "2020-01-01T00:00:00"]
    assert [str(cell.isoformat()) for cell in naive.frame()["c"][:4]] == same
    assert [str(cell.isoformat()) for cell in aware.frame()["c"][:4]] == [f"{text}+00:00" for text in same]
    assert naive.frame()["c"].isna().tolist() == aware.frame()["c"].isna().tolist() == [False] * 4 + [True] * 3


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["l", "d", "o", "f", "table", "x"]), inner),
    max_leaves=20,
)


@settings(database=None)
@given(value=plain, tables=plain, error=plain, cut=plain)
def test_any_json_is_read_or_refused(value: object, tables: object, error: object, cut: object) -> None:
    data = json.dumps({"value": value, "tables": tables, "error": error, "cut": cut}).encode()
    try:
        reply = read(data, Limits())
    except SandboxViolation:
        return
    assert len(reply.tables) <= Limits().tables


@settings(database=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with pytest.raises(SandboxViolation):
        read(data, Limits())


def test_what_an_answer_becomes_is_bounded_by_its_bytes(sandbox: Session) -> None:
    """A row of long texts and many rows beside it are one wide column when they are shown."""
    cells = ["x" * 4000, *["y"] * 199]
    columns = [{"name": f"c{n}", "type": "object", "index": False, "cells": cells} for n in range(60)]
    table = {"name": "t", "rows": 200, "width": 60, "columns": columns}
    data = json.dumps({**GOOD, "tables": [table], "value": {"table": 0}}).encode()
    (read_back,) = read(data, Limits(cells=20_000)).tables
    assert len(read_back.text(200)) < 10 * len(data)
    assert sandbox.run("import pandas as pd\n[df, {'a': df.head(1)}]").status is RunStatus.OK


def test_names_are_shown_as_wide_as_cells() -> None:
    columns = [{"name": "n" * 1000, "type": "object", "index": False, "cells": ["y"] * 200} for _ in range(80)]
    data = json.dumps({**GOOD, "tables": [{"name": "t", "rows": 200, "width": 80, "columns": columns}]}).encode()
    (table,) = read(data, Limits()).tables
    assert len(table.text(200)) < 25 * len(data)


DEEP: dict[str, Any] = {"l": [{"f": "nan"}]}
for _ in range(4):
    DEEP = {"l": [DEEP] * 8}
PILES = {
    "lists": [[] for _ in range(500)],
    "pairs": {"l": [{"d": [[f"k{n}", None] for n in range(100)]}] * 100},
    "leaves": DEEP,
    "lists of lists": {"l": [{"l": [{"l": []}] * 100}] * 100},
    "names": {"d": [["k" * 1000, {"o": ""}]] * 500},
}


@pytest.mark.parametrize("value", PILES.values(), ids=PILES)
def test_what_is_read_takes_memory_by_its_bytes(value: Any) -> None:
    data = json.dumps({**GOOD, "value": value}, separators=(",", ":")).encode()
    tracemalloc.start()
    try:
        with suppress(SandboxViolation):
            read(data, Limits())
        assert tracemalloc.get_traced_memory()[1] < 50 * len(data) + 100_000
    finally:
        tracemalloc.stop()
