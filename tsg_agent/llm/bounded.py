"""Limits the size of an endpoint's responses: an answer is text of a few thousand tokens."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from tsg_agent.errors import ModelError

MOST_BYTES = 16_000_000
MOST_PACKED = 100_000
"""Bytes of a compressed response, which may expand a thousandfold."""


def _no_model(why: str) -> ModelError:
    return ModelError(f"What answers is no model: {why}.", kind="too much", fix="Check OPENAI_BASE_URL.")


class _Left:
    """Remaining bytes of one response."""

    def __init__(self, response: Any) -> None:
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip", "deflate"):
            raise _no_model("it packs its answers in a way that was not asked for")
        self._bytes = MOST_BYTES if encoding == "identity" else MOST_PACKED

    def counted(self, piece: bytes) -> bytes:
        self._bytes -= len(piece)
        if self._bytes < 0:
            raise _no_model("its answer is too long to be one")
        return piece


def _bound(response: Any) -> None:
    left, pieces = _Left(response), response.iter_raw

    def iter_raw(*given: Any) -> Iterator[bytes]:
        for piece in pieces(*given):
            yield left.counted(piece)

    response.iter_raw = iter_raw


async def _bound_later(response: Any) -> None:
    left, pieces = _Left(response), response.aiter_raw

    async def aiter_raw(*given: Any) -> AsyncIterator[bytes]:
        async for piece in pieces(*given):
            yield left.counted(piece)

    response.aiter_raw = aiter_raw


HOOKS: dict[str, Any] = {"response": [_bound]}
"""Hooks for openai's synchronous HTTP client."""
ASYNC_HOOKS: dict[str, Any] = {"response": [_bound_later]}
"""Hooks for its asynchronous HTTP client."""
