"""Frames arrive inside as they were: types, missing cells, labels, indexes."""

import datetime
import fcntl
import os
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sandbox.world import skipped_without_a_sandbox
from tsg_agent.sandbox import Session
from tsg_agent.sandbox.frame_memory import pack
from tsg_agent.sandbox.inside import resident

TIMES = pd.date_range("2025-01-01", periods=3, freq="h")
FRAMES = {
    "numbers": pd.DataFrame({"a": [1, 2, 3], "b": [1.5, np.nan, np.inf], "c": np.array([1, 2, 3], dtype="uint8")}),
    "truth and missing": pd.DataFrame({"a": [True, False, True], "b": pd.array([True, None, False], dtype="boolean")}),
    "nullable numbers": pd.DataFrame(
        {"a": pd.array([1, None, 3], dtype="Int32"), "b": pd.array([1.5, None, 2.0], dtype="Float64")}
    ),
    "text": pd.DataFrame({"a": ["x", None, "ü€𝄞"], "b": ["", "\0", "line\nbreak"]}),
    "nullable text": pd.DataFrame({"a": pd.array(["x", None, "y"], dtype="string[python]")}),
    "objects": pd.DataFrame(
        {"a": [1, "x", None], "b": [[1], {"k": 2}, (3,)], "c": [Decimal("1.5"), b"b", 2.5]}, dtype=object
    ),
    "times": pd.DataFrame({"a": TIMES, "b": TIMES.tz_localize("Europe/Berlin"), "c": TIMES - TIMES[0]}),
    "odd times": pd.DataFrame(
        {
            "a": [pd.NaT, pd.Timestamp("2025-01-01"), pd.NaT],
            "b": TIMES.tz_localize(datetime.timezone(datetime.timedelta(hours=5, minutes=30))),
        }
    ),
    "categories": pd.DataFrame(
        {"a": pd.Categorical(["x", None, "y"], ["y", "x"], ordered=True), "b": pd.Categorical([3, 1, 3])}
    ),
    "periods": pd.DataFrame({"a": pd.period_range("2025-01", periods=3, freq="M")}),
    "an index": pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="key")),
    "many indexes": pd.DataFrame(
        {"a": [1, 2]}, index=pd.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["k", None])
    ),
    "column levels": pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["p", "q"])),
    "the same name twice": pd.DataFrame([[1, 2.5]], columns=["a", "a"]),
    "numbered columns": pd.DataFrame(np.arange(6).reshape(2, 3)),
    "no rows": pd.DataFrame(
        {"a": pd.Series([], dtype="int64"), "b": pd.Series([], dtype="str"), "c": pd.Series([], dtype="category")}
    ),
    "no columns": pd.DataFrame(index=[1, 2, 3]),
    "nothing": pd.DataFrame(),
    "a range that skips": pd.DataFrame({"a": [1, 2, 3]}, index=range(10, 40, 10)),
}


def through(frame: pd.DataFrame) -> pd.DataFrame:
    """Packed and loaded in this process, where pandas may keep text in pyarrow."""
    descriptor = pack(frame)
    try:
        return resident.load(descriptor)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("sent", FRAMES.values(), ids=FRAMES.keys())
def test_a_frame_arrives_as_it_was(sent: pd.DataFrame, sandbox: Session) -> None:
    loaded = through(sent)
    pd.testing.assert_frame_equal(loaded, sent, check_column_type=False, check_index_type=False, check_freq=False)
    sandbox.load("sent", sent)
    shape = sandbox.run("list(sent.shape) + [str(t) for t in sent.dtypes]", frames=["sent"])
    assert shape.value == [*sent.shape, *(str(dtype) for dtype in sent.dtypes)]


@settings(database=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=5)), max_size=30))
def test_any_text_arrives(texts: list[str | None]) -> None:
    frame = pd.DataFrame({"a": pd.Series(texts, dtype=object)})
    loaded = through(frame)["a"].tolist()
    assert [None if text is None or pd.isna(text) else text for text in loaded] == texts


def test_what_is_no_plain_value_arrives_as_its_text() -> None:
    class Thing:
        def __str__(self) -> str:
            return "a thing"

    loaded = through(pd.DataFrame({"a": [Thing(), 1, {"k": Thing()}]}))
    assert loaded["a"].tolist() == ["a thing", 1, {"k": "a thing"}]


def test_the_memory_file_is_sealed() -> None:
    descriptor = pack(FRAMES["numbers"])
    try:
        everything = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
        assert fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) == everything
        with pytest.raises(PermissionError):
            os.pwrite(descriptor, b"x", 0)
    finally:
        os.close(descriptor)


def test_a_frame_loaded_again_is_the_new_one(sandbox: Session) -> None:
    for n in (1, 2, 3):
        sandbox.load("again", pd.DataFrame({"k": ["a", "b", "a"] if n % 2 else ["b", "c", "c"], "v": [n, n, n]}))
        expected = {"a": 2 * n, "b": n} if n % 2 else {"b": n, "c": 2 * n}
        assert sandbox.run("again.groupby('k').v.sum().to_dict()", frames=["again"]).value == expected


REACHED = """
import gc, sys
import pandas as pd
seen, at = [], sys._getframe()
while at is not None:
    for value in list(at.f_locals.values()):
        seen += [value, *vars(value).values()] if hasattr(value, "__dict__") else [value]
    at = at.f_back
seen += gc.get_objects()
inner = [one for held in seen if isinstance(held, dict) for one in list(held.values())]
found = [one for one in [*seen, *inner] if isinstance(one, pd.DataFrame)]
result = sorted({str(name) for one in found for name in one.columns})
"""


def test_frames_that_a_run_was_not_given_are_not_there() -> None:
    with skipped_without_a_sandbox(), Session() as session:
        session.load("given", pd.DataFrame({"open": ["a", "b"], "n": [1, 2]}))
        session.load("other", pd.DataFrame({"secret": pd.Series(["a", "b"], dtype="str"), "m": [1, 2]}))
        assert session.run(REACHED, frames=["given"]).value == ["n", "open"]
        assert session.run(REACHED, frames=[]).value == []
        assert session.run(REACHED).value == ["m", "n", "open", "secret"]  # each run has its own
        assert session.run("other.groupby('secret').m.sum().tolist()").value == [1, 2]
