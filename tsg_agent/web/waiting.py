"""Cancels long work when its client disconnects."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import HTTPException, Request

T = TypeVar("T")
GONE = 499
"""The status for metrics if the client disconnected; it is not sent."""


async def waited_for(request: Request, doing: Coroutine[Any, Any, T]) -> T:
    """Await `doing`; cancel it when the client disconnects. The request's body must have been read."""
    task, gone = asyncio.create_task(doing), asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise HTTPException(GONE)
        return task.result()
    finally:
        for one in (task, gone):
            one.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
