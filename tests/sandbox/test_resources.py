"""Too much of anything ends the run, not the parent; poor input has a defined result."""

import gc
import math
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.sandbox.conftest import resident_mb
from tsg_agent.sandbox import (
    FrameError,
    FrameExcerpt,
    Limits,
    Opaque,
    RunStatus,
    SandboxClosed,
    SandboxUnavailable,
    Session,
)
from tsg_agent.sandbox.layers import FRAMES

pytestmark = pytest.mark.slow


def descriptors() -> list[str]:
    folder = Path("/proc/self/fd")
    names = []
    for entry in sorted(folder.iterdir(), key=lambda path: int(path.name)):
        try:
            names.append(str(entry.readlink()))
        except FileNotFoundError:  # the listing's own
            continue
    return names


def is_ours(pid: int) -> bool:
    """The process is a zygote or a run."""
    try:
        return b"tsg_agent.sandbox.inside.zygote" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def processes(ancestor: int | None = None) -> set[int]:
    """The zygotes and runs among the descendants of a process, this one if none is named."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
    family = {ancestor or os.getpid()}
    while grown := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= grown
    return {pid for pid in family if is_ours(pid)}


OWNER = """
from tsg_agent.sandbox import Session
with Session() as session:
    session.wait()
    print(session.pid, flush=True)
    session.run("while True: pass", 60)
"""


FORKING = """
import os
from tsg_agent.sandbox import Session
with Session() as session:
    session.wait()
    pid = os.fork()
    if pid == 0:
        session.close()
        os._exit(0)
    print(os.waitpid(pid, 0)[1], session.run("2").value)
"""
ROOT = Path(__file__).parents[2]


def started_owner() -> tuple[subprocess.Popen[bytes], set[int]]:
    """Another process that has a session, in the midst of a run; and its zygote and run."""
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, cwd=ROOT)
    deadline = time.monotonic() + 20
    while len(family := processes(owner.pid)) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(family) == 2
    return owner, family


def gone(family: set[int]) -> bool:
    """The processes end within two seconds: killed ones take a moment."""
    deadline = time.monotonic() + 2
    while any(map(is_ours, family)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not any(map(is_ours, family))


@pytest.mark.usefixtures("bounded")
class TestTooMuch:
    def test_a_hundred_gigabytes(self, sandbox: Session) -> None:
        result = sandbox.run("x = bytearray(100 << 30)")
        assert (result.status, result.error and result.error.type) == (RunStatus.ERROR, "MemoryError")
        result = sandbox.run("np.ones(100 << 27)")
        assert result.error is not None
        assert "Memory" in result.error.type

    def test_memory_by_many_small_pieces(self) -> None:
        with Session(limits=Limits(memory_mb=200)) as session:
            result = session.run("held = []\nwhile True: held.append(bytearray(1 << 20))", 15)
            assert result.status in {RunStatus.ERROR, RunStatus.KILLED}
            assert result.peak_mb < 400
            assert session.run("1 + 1").value == 2

    def test_an_endless_loop(self, sandbox: Session) -> None:
        result = sandbox.run("while True: pass", 0.5)
        assert result.status is RunStatus.TIMEOUT
        assert result.seconds >= 0.5

    def test_sleeping_and_stopping_itself(self, sandbox: Session) -> None:
        assert sandbox.run("import time\ntime.sleep(100)", 0.3).status is RunStatus.TIMEOUT
        assert sandbox.run("import signal\nsignal.raise_signal(signal.SIGSTOP)", 0.3).status is RunStatus.TIMEOUT

    def test_deaf_to_signals_and_to_its_own_exceptions(self, sandbox: Session) -> None:
        code = """
import signal
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): continue
while True:
    try:
        while True: x = 1
    except BaseException: continue"""
        assert sandbox.run(code, 0.5).status is RunStatus.TIMEOUT

    def test_the_processor_limit_holds_where_the_clock_does_not(self, sandbox: Session) -> None:
        assert sandbox.run("import resource\nresult = resource.getrlimit(resource.RLIMIT_CPU)[1]", 2.5).value == 4

    def test_output_without_end(self, sandbox: Session) -> None:
        result = sandbox.run("while True: print('x' * 10_000)", 10)
        assert result.status is RunStatus.OUTPUT_LIMIT
        assert len(result.stdout) == Limits().output_characters
        assert "output" in result.cut

    def test_a_gigabyte_printed_at_once(self, sandbox: Session) -> None:
        result = sandbox.run("print('x' * (1 << 30))")
        # Python's own copies of the text may be over the memory limit before anything is printed.
        assert result.status is RunStatus.OUTPUT_LIMIT or (result.error and result.error.type == "MemoryError")
        result = sandbox.run("for _ in range(1 << 10): print('x' * (1 << 20))")
        assert result.status is RunStatus.OUTPUT_LIMIT

    def test_recursion(self, sandbox: Session) -> None:
        result = sandbox.run("def f(n): return f(n + 1)\nf(0)")
        assert result.error is not None
        assert (result.error.type, result.error.line) == ("RecursionError", 1)
        result = sandbox.run("import sys\nsys.setrecursionlimit(10**9)\ndef f(n): return [f(n + 1)]\nf(0)", 2)
        assert result.status is not RunStatus.OK

    def test_descriptors_run_out(self, sandbox: Session) -> None:
        assert sandbox.run("import os\nwhile True: os.dup(1)").status is RunStatus.ERROR

    def test_a_value_far_over_every_limit(self, sandbox: Session) -> None:
        result = sandbox.run("[['x' * 10_000] * 1000] * 1000", 15)
        assert result.ok
        assert {"items", "text"} <= set(result.cut)
        result = sandbox.run("pd.DataFrame({n: ['ü' * 4000] * 200 for n in range(60)})")
        assert result.ok
        assert "text" in result.cut
        assert sandbox.run("[[[[[list(range(500))] * 500] * 500] * 500] * 500] * 500", 15).ok


def test_a_session_holds_as_many_frames_as_it_says_and_outlives_one_more() -> None:
    with Session() as session:
        for number in range(FRAMES):
            session.load(f"f{number}", pd.DataFrame({"a": [number]}))
        with pytest.raises(FrameError, match=f"{FRAMES} frames already"):
            session.load("more", pd.DataFrame({"a": [0]}))
        session.load("f0", pd.DataFrame({"a": [100]}))
        assert session.run(f"int(f0['a'][0] + f{FRAMES - 1}['a'][0])").value == 100 + FRAMES - 1


class TestPoorInput:
    @pytest.mark.parametrize("code", ["", "   \n\n", "# only a comment", "x = 1"])
    def test_nothing_to_say(self, code: str, sandbox: Session) -> None:
        result = sandbox.run(code)
        assert (result.status, result.value, result.stdout) == (RunStatus.OK, None, "")

    def test_a_syntax_error_names_its_line(self, sandbox: Session) -> None:
        result = sandbox.run("x = 1\ny = = 2\n")
        assert result.error is not None
        assert (result.error.type, result.error.line, result.error.source) == ("SyntaxError", 2, "y = = 2")

    def test_an_error_in_a_library_names_the_codes_own_line(self, sandbox: Session) -> None:
        result = sandbox.run("a = 1\ndf['no such column'].sum()\nb = 2")
        assert result.error is not None
        assert (result.error.type, result.error.line) == ("KeyError", 2)
        assert result.error.source == "df['no such column'].sum()"

    def test_the_innermost_line_of_the_code_is_to_blame(self, sandbox: Session) -> None:
        result = sandbox.run("def f(x):\n    return 1 / x\nf(0)")
        assert result.error is not None
        assert (result.error.type, result.error.line) == ("ZeroDivisionError", 2)

    def test_text_that_is_no_unicode(self, sandbox: Session) -> None:
        result = sandbox.run("ok = 1\nx = '\udc80'")
        assert result.error is not None
        assert (result.error.type, result.error.line) == ("SyntaxError", 2)
        assert sandbox.run("'a' + chr(0xDC80)").value == "a\\udc80"
        assert sandbox.run("print('a' + chr(0xDC80))").stdout == "a\\udc80\n"
        assert sandbox.run("import os\nos.write(1, bytes([255, 254]))").stdout == "\ufffd\ufffd"
        assert sandbox.run("x = 'a\0b'").status is RunStatus.ERROR

    def test_code_that_is_too_long(self, sandbox: Session) -> None:
        assert sandbox.run("#" * 200_000).status is RunStatus.ERROR
        assert sandbox.run("#" * 99_999).ok

    def test_special_numbers(self, sandbox: Session) -> None:
        value = sandbox.run("float('nan')").value
        assert isinstance(value, float)
        assert math.isnan(value)
        assert sandbox.run("[np.inf, -np.inf, np.float32(1.5), np.int8(3), np.bool_(True)]").value == [
            math.inf, -math.inf, 1.5, 3, True,
        ]  # fmt: skip
        assert sandbox.run("10 ** 30").value == Opaque(str(10**30))
        assert sandbox.run("10 ** 1_000_000").status in {RunStatus.OK, RunStatus.ERROR}

    def test_values_that_do_not_cross(self, sandbox: Session) -> None:
        for code in ("(n for n in range(3))", "object()", "lambda: 1", "pd", "df.groupby('workflow')"):
            assert isinstance(sandbox.run(code).value, Opaque)

    def test_nested_values(self, sandbox: Session) -> None:
        result = sandbox.run("{'a': {'b': [1, {2: (3, None)}]}, ('x', 1): {4}}")
        assert result.value == {"a": {"b": [1, {"2": [3, None]}]}, "x.1": [4]}
        deep = sandbox.run("x = []\nfor _ in range(100): x = [x]\nx")
        assert "depth" in deep.cut
        itself = sandbox.run("x = []\nx.append(x)\nx")
        assert itself.ok

    def test_tables_in_a_dict(self, sandbox: Session) -> None:
        result = sandbox.run("result = {'slow': df.nlargest(2, 'ms'), 'n': len(df), 'by': df.groupby('status').size()}")
        assert [table.name for table in result.tables] == ["slow", "by"]
        assert isinstance(result.value, dict)
        assert result.value["slow"] is result.tables[0]
        assert result.value["n"] == 6

    def test_a_frame_of_a_million_rows_is_cut(self, sandbox: Session) -> None:
        result = sandbox.run("pd.DataFrame({'n': range(1_000_000)})")
        assert isinstance(result.value, FrameExcerpt)
        assert (result.value.rows, result.value.shown) == (1_000_000, 200)
        assert "rows" in result.cut
        assert "999990 more rows" in result.value.text()

    def test_a_wide_frame_and_many_frames_are_cut(self, sandbox: Session) -> None:
        result = sandbox.run("pd.DataFrame(np.zeros((3, 5000)))")
        assert isinstance(result.value, FrameExcerpt)
        assert (result.value.width, len(result.value.columns)) == (5000, Limits().columns)
        assert len(sandbox.run("[df] * 50").tables) == Limits().tables

    def test_odd_frames(self, sandbox: Session) -> None:
        for code in (
            "pd.DataFrame()", "pd.DataFrame(columns=['a'])", "pd.DataFrame(index=[1, 2])",
            "pd.DataFrame([[1, 2]], columns=['a', 'a'])", "pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples("
            "[('a', 1), ('b', 2)]))", "df.set_index(['workflow', 'status'])", "pd.Series([], dtype=float)",
            "pd.DataFrame({'o': [object(), [1], {'a': 1}, None]})", "pd.Series([1, pd.NA, 3], dtype='Int64')",
            "pd.Series(pd.period_range('2025-01', periods=2, freq='M'))", "pd.Series([pd.Timedelta('1s'), pd.NaT])",
            "pd.interval_range(0, 3)", "pd.Series(['a', None]).astype('category')", "np.zeros((2, 2, 2))",
        ):  # fmt: skip
            result = sandbox.run(code)
            assert result.ok, (code, result.error)
            for table in result.tables:
                assert table.text()
                assert len(table.frame()) == table.shown

    def test_times_come_back_as_times(self, sandbox: Session, frame: pd.DataFrame) -> None:
        table = sandbox.run("df[['at']].assign(gap=df['at'].diff())").tables[0].frame()
        assert (table["at"] == frame["at"]).all()
        assert table["gap"][1] == pd.Timedelta("30min")

    def test_errors_that_fight_back(self, sandbox: Session) -> None:
        code = "class E(Exception):\n    def __str__(self): raise ValueError('no')\nraise E"
        result = sandbox.run(code)
        assert result.error is not None
        assert (result.error.type, result.error.line) == ("E", 3)
        assert sandbox.run("raise SystemExit(3)").status is RunStatus.ERROR
        assert sandbox.run("raise KeyboardInterrupt").status is RunStatus.ERROR
        assert sandbox.run("class R:\n    def __repr__(self): return 1 / 0\nR()").status is RunStatus.ERROR
        assert sandbox.run("import sys\nsys.stdout.close()\n5").value == 5

    def test_an_unknown_module_is_a_plain_import_error(self, sandbox: Session) -> None:
        for name in ("matplotlib", "requests", "pyarrow", "no_such_module", "pandas.no_such_part"):
            error = sandbox.run(f"import {name}").error
            assert error is not None
            assert error.type == "ModuleNotFoundError"

    def test_arguments_that_cannot_be(self, sandbox: Session, frame: pd.DataFrame) -> None:
        no_frame: Any = [1, 2]
        for seconds in (0, -1, float("nan"), 1e9):
            with pytest.raises(ValueError, match="timeout"):
                sandbox.run("1", seconds)
        with pytest.raises(FrameError, match="known: df"):
            sandbox.run("1", frames=["nope"])
        for name in ("not a name", "class", "pd", "result", "__builtins__", ""):
            with pytest.raises(FrameError):
                sandbox.load(name, frame)
        with pytest.raises(FrameError):
            sandbox.load("x", no_frame)


class TestLifeCycle:
    def test_nothing_carries_over(self, sandbox: Session) -> None:
        changes = (
            "x = 1\npd.read_csv = None\nimport math, builtins\nmath.pi = 3\nbuiltins.len = None\n"
            "df.loc[:, 'ms'] = 0\ndf['new'] = 1\ndf.drop(df.index, inplace=True)\ndf.to_numpy()[:] = 0"
        )
        sandbox.run(changes)
        sandbox.run("df.ms.array._ndarray[:] = 0")
        check = "import math\nresult = ['x' in globals(), pd.read_csv is None, math.pi, len(df), float(df.ms.sum()),"
        assert sandbox.run(check + " list(df.columns)]").value == [
            False, False, math.pi, 6, 3449.5, ["workflow", "region", "at", "status", "ms"],
        ]  # fmt: skip

    def test_the_parents_frame_stays_as_it_was(self, sandbox: Session, frame: pd.DataFrame) -> None:
        before = frame.copy(deep=True)
        sandbox.run("df['ms'].array._ndarray[:] = 0\ndf.iloc[:, 3] = 9")
        pd.testing.assert_frame_equal(frame, before)

    def test_only_the_named_frames_are_there(self, sandbox: Session) -> None:
        assert sandbox.run("'df' in globals()", frames=[]).value is False
        assert sandbox.run("'df' in globals()", frames=["df"]).value is True

    def test_nothing_is_left_behind(self, frame: pd.DataFrame, tmp_path: Path) -> None:
        before, running = descriptors(), processes()
        with Session({"df": frame}) as session:
            pid = session.pid
            for n in range(300):
                assert session.run(f"{n}").value == n
            session.run("while True: pass", 0.2)
            assert processes() - running == {pid}
        assert processes() == running
        assert descriptors() == before
        assert session.closed
        with pytest.raises(SandboxClosed):
            session.run("1")
        with pytest.raises(SandboxClosed):
            session.load("df", frame)
        session.close()
        assert not list(tmp_path.iterdir())

    def test_eight_at_once(self, frame: pd.DataFrame) -> None:
        before, running = descriptors(), processes()
        sessions = [Session() for _ in range(8)]
        try:
            for number, session in enumerate(sessions):
                session.load("df", frame.assign(n=number))
            with ThreadPoolExecutor(8) as pool:
                values = list(pool.map(lambda one: one.run("df.n.sum()").value, sessions))
            assert values == [6 * number for number in range(8)]
        finally:
            for session in sessions:
                session.close()
        assert processes() == running
        assert descriptors() == before

    def test_one_session_shared_by_threads(self, sandbox: Session) -> None:
        with ThreadPoolExecutor(8) as pool:
            values = list(pool.map(lambda n: sandbox.run(f"{n} * 2").value, range(40)))
        assert values == [2 * n for n in range(40)]

    def test_it_outlives_the_thread_that_opened_it(self) -> None:
        opened: list[Session] = []
        thread = threading.Thread(target=lambda: opened.append(Session()))
        thread.start()
        thread.join()
        with opened[0] as session:
            session.wait()
            assert session.run("1").value == 1

    def test_closing_while_code_runs_ends_it(self) -> None:
        with Session() as session:
            session.wait()
            others, family = processes() - {session.pid}, set[int]()

            def close() -> None:
                family.update(processes() - others)
                session.close()

            closing = threading.Timer(0.5, close)
            closing.start()
            start = time.monotonic()
            with pytest.raises(SandboxClosed, match="while code ran"):
                session.run("while True: pass", 300)
            closing.join()
            assert time.monotonic() - start < 100
        assert len(family) == 2
        assert gone(family)

    def test_a_zygote_that_dies_is_told_and_its_child_dies_too(self) -> None:
        with Session() as session:
            session.wait()
            others, family = processes() - {session.pid}, set[int]()

            def kill() -> None:
                family.update(processes() - others)
                os.kill(session.pid, signal.SIGKILL)

            killing = threading.Timer(0.5, kill)
            killing.start()
            with pytest.raises(SandboxUnavailable, match="zygote"):
                session.run("while True: pass", 5)
            killing.join()
            with pytest.raises(SandboxClosed):
                session.run("1")
        assert len(family) == 2
        assert gone(family)

    def test_an_owner_that_is_killed_takes_everything_with_it(self) -> None:
        owner, family = started_owner()
        with owner:
            owner.kill()
        assert gone(family)

    def test_a_run_dies_with_the_zygote_even_where_nobody_looks(self) -> None:
        owner, family = started_owner()
        with owner:
            try:
                owner.send_signal(signal.SIGSTOP)  # it cannot kill the run
                assert owner.stdout is not None
                zygote = int(owner.stdout.readline())
                os.kill(zygote, signal.SIGKILL)
                assert gone(family - {zygote})
            finally:
                owner.kill()

    def test_a_forgotten_session_ends_with_its_object(self) -> None:
        session = Session()
        session.wait()
        pid = session.pid
        assert pid in processes()
        del session
        gc.collect()
        assert pid not in processes()

    def test_a_fork_of_the_owner_does_not_end_its_session(self) -> None:
        # In a process of its own: this one has threads, and Python warns of forks of such.
        ended = subprocess.run([sys.executable, "-c", FORKING], cwd=ROOT, capture_output=True, text=True, check=False)
        assert (ended.stdout, ended.returncode) == ("0 2\n", 0), ended.stderr

    def test_a_session_that_cannot_load_its_frames_is_ended(self) -> None:
        before, running = descriptors(), processes()
        with pytest.raises(FrameError):
            Session({"not a name": pd.DataFrame()})
        assert (descriptors(), processes()) == (before, running)

    def test_frames_loaded_again_take_no_more_memory(self) -> None:
        rows = pd.DataFrame({"k": ["a", "b"] * 100_000, "v": 1.5})
        with Session({"rows": rows}) as session:
            before = resident_mb(session.pid)
            for _ in range(20):
                session.load("rows", rows)
            assert session.run("rows.groupby('k').size().to_dict()").value == {"a": 100_000, "b": 100_000}
            assert resident_mb(session.pid) - before < 20

    def test_the_zygotes_environment_is_minimal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TSG_PLANTED", "tsg-secret-in-the-environment")
        with Session(unsafe_no_isolation=True) as session:
            seen = session.run("import os\nresult = sorted(os.environ)").value
        assert isinstance(seen, list)
        assert "TSG_PLANTED" not in seen
        assert len(seen) <= 9
