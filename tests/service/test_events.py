"""The event log and SQLite files, by several writers at once."""

import multiprocessing
import threading
from pathlib import Path

from tsg_agent.store import Store

WRITERS, EACH = 4, 25


def _write(place: Path) -> None:
    """As four threads of a process that just begins: each looks whether the files are sound, and writes."""

    def write() -> None:
        store = Store(place)
        for _ in range(EACH):
            assert store.check() == []
            store.events.append("one", "began", {"x": "y"})

    threads = [threading.Thread(target=write) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_several_writers_leave_no_gap_and_none_is_refused(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    others = [spawn.Process(target=_write, args=(tmp_path,)) for _ in range(2)]
    for process in others:
        process.start()
    for process in others:
        process.join()
    assert [process.exitcode for process in others] == [0, 0]
    events = Store(tmp_path).events.after("one")
    assert [event.sequence for event in events] == list(range(1, 2 * WRITERS * EACH + 1))
    assert list(tmp_path.glob("*damaged*")) == []
