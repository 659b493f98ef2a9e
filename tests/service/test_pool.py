"""The shared threads and the queue: no work waits for itself, each one's is told apart, turns are in order."""

import asyncio
import contextvars
import threading
from collections.abc import Set
from concurrent.futures import CancelledError
from typing import Any

import pytest

from tsg_agent.investigation.pool import BRANCHES, THREADS, InvestigationExecutor, in_own_thread
from tsg_agent.investigation.queue import Queue

REQUEST: contextvars.ContextVar[str] = contextvars.ContextVar("request", default="none")


class Engine:
    """One whose queries end when they are cancelled; it knows which threads were named."""

    def __init__(self) -> None:
        self.tables: dict[str, Any] = {}
        self.running, self.cancelled = dict[int, threading.Event](), set[int]()

    def query(self, begun: threading.Event) -> str:
        ended = self.running[threading.get_ident()] = threading.Event()
        begun.set()
        return "cancelled" if ended.wait(60) else "too long"

    def run(self, sql: str, parameters: Any, *, timeout: float) -> Any: ...

    def close(self) -> None: ...

    def cancel(self, threads: Set[int]) -> None:
        self.cancelled |= set(threads)
        for thread in threads & self.running.keys():
            self.running[thread].set()


def test_context_variables_cross_every_hop() -> None:
    """From the event loop into a branch, and from there into a query's thread."""
    executor = InvestigationExecutor()

    def branch() -> tuple[str, str]:
        return REQUEST.get(), executor.submit(REQUEST.get).result(60)

    async def main() -> Any:
        REQUEST.set("incident 7")
        return await asyncio.get_running_loop().run_in_executor(executor, branch)

    assert asyncio.run(main()) == ("incident 7", "incident 7")


def test_branches_that_wait_for_what_they_submit_never_wait_for_each_other() -> None:
    """Four investigations' worth of branches, each waiting for a query that itself submits."""
    every = [InvestigationExecutor() for _ in range(4)]

    def query(executor: InvestigationExecutor) -> int:
        return executor.submit(lambda: 1).result(60)

    def branch(executor: InvestigationExecutor) -> int:
        return sum(one.result(60) for one in [executor.submit(query, executor) for _ in range(6)])

    begun = [executor.submit(branch, executor) for executor in every for _ in range(2 * BRANCHES)]
    assert [one.result(60) for one in begun] == [6] * len(begun)
    assert sum(thread.name.startswith(("tsg-branch", "tsg-query")) for thread in threading.enumerate()) <= THREADS


def test_stopping_one_investigation_cancels_its_queries_and_no_others() -> None:
    mine, others, engine = InvestigationExecutor(), InvestigationExecutor(), Engine()

    async def main() -> None:
        began = [threading.Event() for _ in range(3)]
        running = [mine.submit(engine.query, began[0]), mine.submit(engine.query, began[1])]
        other = others.submit(engine.query, began[2])
        assert all([await asyncio.to_thread(one.wait, 60) for one in began])
        await mine.stop(engine)
        await mine.drain()
        assert [one.result(60) for one in running] == ["cancelled"] * 2
        assert not other.done() and len(engine.cancelled) == 2
        await others.stop(engine)
        assert other.result(60) == "cancelled"

    asyncio.run(main())


def test_a_query_that_begins_when_nobody_waits_any_more_is_cancelled_too() -> None:
    executor, engine, go_on = InvestigationExecutor(), Engine(), threading.Event()

    def work() -> str:
        go_on.wait(60)
        return engine.query(threading.Event())

    async def main() -> None:
        working = executor.submit(work)
        await asyncio.to_thread(threading.Event().wait, 0.05)
        await executor.stop(engine)
        go_on.set()
        async with asyncio.timeout(20):
            assert await asyncio.wrap_future(working) == "cancelled"

    asyncio.run(main())


def test_what_waits_is_not_begun_after_the_end_and_nothing_more_is_taken() -> None:
    executor, engine, go_on, ran = InvestigationExecutor(), Engine(), threading.Event(), list[int]()
    blocked = [executor.submit(go_on.wait, 60) for _ in range(BRANCHES)]
    waiting = executor.submit(ran.append, 1)

    async def main() -> None:
        stopping = asyncio.create_task(executor.stop(engine))
        await asyncio.sleep(0)
        go_on.set()
        await stopping
        await executor.drain()

    asyncio.run(main())
    with pytest.raises(CancelledError):
        waiting.result(60)
    with pytest.raises(RuntimeError, match="has ended"):
        executor.submit(ran.append, 2)
    assert ran == [] and all(one.done() for one in blocked)


def test_an_error_of_a_nested_piece_of_work_reaches_who_waits_for_it() -> None:
    executor = InvestigationExecutor()

    def fails() -> None:
        raise ZeroDivisionError

    def query() -> str:
        with pytest.raises(ZeroDivisionError):
            executor.submit(fails).result(60)
        return "told"

    assert executor.submit(lambda: executor.submit(query).result(60)).result(60) == "told"


def test_what_takes_as_long_as_a_person_thinks_keeps_nobody_waiting() -> None:
    """More of it than the event loop's own pool has threads: something short goes on all the same."""

    async def main() -> list[str]:
        REQUEST.set("mine")
        go_on = threading.Event()

        def thinks() -> str:
            assert go_on.wait(60)
            return REQUEST.get()

        def fails() -> None:
            raise ZeroDivisionError

        thinking = [asyncio.create_task(in_own_thread(thinks)) for _ in range(40)]
        await asyncio.sleep(0)
        await asyncio.to_thread(go_on.set)
        with pytest.raises(ZeroDivisionError):
            await in_own_thread(fails)
        return await asyncio.gather(*thinking)

    assert asyncio.run(main()) == ["mine"] * 40


def test_turns_are_taken_in_order_and_the_place_is_told() -> None:
    async def main() -> None:
        queue, order, told = Queue(1), list[str](), dict[str, list[int]]()
        go_on = {name: asyncio.Event() for name in "abc"}

        async def investigation(name: str) -> None:
            told[name] = []
            async with queue.turn(told[name].append):
                order.append(name)
                await go_on[name].wait()

        tasks = []
        for name in "abc":
            tasks.append(asyncio.create_task(investigation(name)))
            await asyncio.sleep(0)
        assert (order, told) == (["a"], {"a": [], "b": [1], "c": [2]})
        for name in "abc":
            go_on[name].set()
        await asyncio.gather(*tasks)
        assert order == ["a", "b", "c"]
        assert told["c"][-2:] == [1, 0]

    asyncio.run(main())


def test_one_that_is_cancelled_leaves_the_queue_and_one_that_asks_leaves_its_turn() -> None:
    async def main() -> None:
        queue, order = Queue(1), list[str]()
        answered, began = asyncio.Event(), asyncio.Event()

        async def asks() -> None:
            async with queue.turn() as turn:
                began.set()
                async with turn.given_back():
                    await answered.wait()
                order.append("asked")

        async def other(name: str) -> None:
            async with queue.turn():
                order.append(name)

        asking = asyncio.create_task(asks())
        await began.wait()
        await other("meanwhile")
        async with queue.turn():
            gone = asyncio.create_task(other("gone"))
            await asyncio.sleep(0)
            answered.set()
            await asyncio.sleep(0)
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
        await asking
        await other("last")
        assert order == ["meanwhile", "asked", "last"]

    asyncio.run(main())


def test_a_turn_goes_from_one_event_loop_to_another() -> None:
    """As from a program's own loop to that of a notebook's thread."""
    queue, held, order = Queue(1), threading.Event(), list[str]()

    async def other() -> None:
        async with queue.turn(lambda _place: held.set()):
            order.append("other")

    async def main() -> None:
        async with queue.turn():
            thread = threading.Thread(target=asyncio.run, args=(other(),))
            thread.start()
            assert await asyncio.to_thread(held.wait, 60)
            order.append("first")
        await asyncio.to_thread(thread.join, 60)

    asyncio.run(main())
    assert order == ["first", "other"]
