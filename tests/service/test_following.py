"""Who follows investigations: all get every event once and in order, of one look at the log."""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tsg_agent.errors import RecordError
from tsg_agent.events import MOST, Event, EventLog
from tsg_agent.investigation.watch import Heard, Watch
from tsg_agent.service.following import Following

READERS, EVENTS = 100, 40


class Counted(EventLog):
    looks = 0

    def news(self, held: Any) -> Any:
        self.looks += 1
        return super().news(held)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Counted]:
    log = Counted(tmp_path / "events.sqlite")
    with log.kept_open():
        yield log


async def read(following: Following, identity: str, after: int = 0) -> list[Event]:
    return [event async for some in following.after(identity, after) for event in some]


def run(log: EventLog, does: Callable[[Following, set[str]], Any]) -> Any:
    """What is done with a follower of a log; `over`: of what nothing more will come."""

    async def main() -> Any:
        over: set[str] = set()
        return await does(Following(log, over.__contains__), over)

    return asyncio.run(main())


def test_all_get_every_event_once_and_in_order_of_few_looks_and_one_writing(log: Counted) -> None:
    async def main(following: Following, over: set[str]) -> list[list[Event]]:
        log.append("a", "began", {})
        reading = [asyncio.create_task(read(following, "a", number % 3)) for number in range(READERS)]
        for number in range(EVENTS):
            await asyncio.to_thread(log.append, "a", "check began", {"step": number})
            following.told("a")
        over.add("a")
        following.told("a")
        return await asyncio.gather(*reading)

    found = run(log, main)
    assert {len(events) for events in found} == {EVENTS + 1, EVENTS, EVENTS - 1}
    assert all([event.sequence for event in events][-EVENTS:] == list(range(2, EVENTS + 2)) for events in found[::3])
    assert log.looks <= EVENTS + 5  # and not one for each reader
    assert len({id(events[-1]) for events in found}) == 1
    assert found[0][-1].text is found[1][-1].text
    assert json.loads(found[0][-1].text) == found[0][-1].model_dump(mode="json")


def test_one_that_cannot_be_read_ends_no_other(log: Counted, tmp_path: Path) -> None:
    for name in ("old", "new"):
        log.append(name, "began", {})
    with sqlite3.connect(tmp_path / "events.sqlite") as file:
        file.execute("INSERT INTO events VALUES ('new', 2, '2026-03-10T14:00:00Z', 'concluded', 99, '{}')")

    async def main(following: Following, over: set[str]) -> list[Any]:
        over.update(("old", "new"))
        return await asyncio.gather(read(following, "old"), read(following, "new"), return_exceptions=True)

    old, new = run(log, main)
    assert [event.kind for event in old] == ["began"]
    assert isinstance(new, RecordError)
    assert "newer tsg-agent" in str(new)


def test_one_that_goes_on_is_followed_on_while_others_still_read_its_first_end(log: Counted) -> None:
    async def main(following: Following, over: set[str]) -> list[Event]:
        log.append("a", "interrupted", {})
        over.add("a")
        slow = following.after("a", 0)
        assert [event.kind for event in await anext(slow)] == ["interrupted"]  # and then it reads no further
        over.remove("a")
        reading = asyncio.create_task(read(following, "a"))
        await asyncio.sleep(0.05)
        await asyncio.to_thread(log.append, "a", "concluded", {})
        over.add("a")
        following.told("a")
        return await reading

    assert [event.kind for event in run(log, main)] == ["interrupted", "concluded"]


def test_more_events_than_are_read_at_once_are_all_read(log: Counted, tmp_path: Path) -> None:
    log.append("a", "began", {})
    rows = [("a", number, "2026-03-10T14:00:00Z", "began", 1, "{}") for number in range(2, 2 * MOST + 2)]
    with sqlite3.connect(tmp_path / "events.sqlite") as file:
        file.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", rows)

    async def main(following: Following, over: set[str]) -> list[Event]:
        over.add("a")
        return await read(following, "a")

    assert [event.sequence for event in run(log, main)] == list(range(1, 2 * MOST + 2))


def test_nothing_new_is_told_now_and_then_and_what_others_write_is_seen(
    log: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tsg_agent.service.following.BEAT", 0.0)
    monkeypatch.setattr("tsg_agent.service.following.POLL", 0.05)

    async def main(following: Following, _over: set[str]) -> list[list[Event]]:
        reading = following.after("a", 0)
        first = await anext(reading)
        log.append("a", "began", {})  # nobody tells of it
        while not (second := await anext(reading)):
            pass
        return [first, second]

    first, second = run(log, main)
    assert (first, [event.kind for event in second]) == ([], ["began"])


def test_of_many_that_wait_the_log_does_not_hear_of_each_step() -> None:
    told, logged = list[int](), list[int]()
    heard = Heard(Watch(queued=told.append))
    heard.log = lambda _kind, **data: logged.append(data["place"])
    for place in [*range(48, -1, -1), 7, 0]:
        heard.queued(place)
    assert told == [*range(48, -1, -1), 7, 0]
    assert logged == [48, 36, 27, 20, 15, 11, 8, 6, 4, 3, 2, 1, 7]
