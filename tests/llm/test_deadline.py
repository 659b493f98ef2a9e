"""An endpoint that never ends: its bytes come one by one, or all at once and without end."""

import contextlib
import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.llm.server import Fail, Say, each, serving
from tsg_agent.errors import BudgetError, ModelError, TransientModelError
from tsg_agent.llm import Assistant, Message, OpenAIModel
from tsg_agent.llm.protocol import Answer
from tsg_agent.settings import ModelSettings

ASK = [Message("user", "What is it?")]
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
Speaker = Callable[[socket.socket], None]


@contextmanager
def speaking(speak: Speaker) -> Iterator[tuple[str, list[threading.Thread]]]:
    """A server that says whatever it wants to each that connects, and the threads that say it."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    speakers: list[threading.Thread] = []

    def one(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            speak(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                speakers.append(threading.Thread(target=one, args=(connection,), daemon=True))
                speakers[-1].start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1", speakers
    finally:
        listener.close()


def drips(data: bytes) -> Speaker:
    def speak(connection: socket.socket) -> None:
        for byte in data:
            connection.sendall(bytes([byte]))
            time.sleep(0.05)

    return speak


def pours(head: bytes, piece: bytes) -> Speaker:
    def speak(connection: socket.socket) -> None:
        connection.sendall(head)
        for _ in range(2000):
            connection.sendall(piece)

    return speak


def settings(url: str, **changes: object) -> ModelSettings:
    values = {"name": "m", "base_url": url, "api_key": "k", "timeout": 5, "retries": 0, "longest_wait": 0.01}
    return ModelSettings.model_validate(values | changes)


def assistant(url: str, **changes: object) -> Assistant:
    held = settings(url, **changes)
    return Assistant(OpenAIModel(held), held)


DRIPS = {
    "a head": b"HTTP/1.1 200 OK\r\n" + b"x-a: b\r\n" * 1000,
    "a status": b"HTTP/1.1 200 " + b"O" * 10_000,
    "a body": HEAD + b"content-length: 100000\r\n\r\n" + b" " * 100_000,
    "pieces of a body": HEAD + b"transfer-encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 10_000,
}


@pytest.mark.parametrize("data", DRIPS.values(), ids=DRIPS)
def test_a_call_ends_however_its_bytes_come(data: bytes) -> None:
    with speaking(drips(data)) as (url, speakers):
        with pytest.raises(TransientModelError, match=r"within 0\.4 s") as raised:
            assistant(url, timeout=0.4).text("node", ASK)
        assert raised.value.kind == "timeout"
        speakers[0].join(20)
        assert not speakers[0].is_alive()  # it was hung up on


def test_an_investigation_ends_with_its_seconds_in_the_midst_of_a_call() -> None:
    with speaking(drips(DRIPS["a body"])) as (url, speakers):
        asked = assistant(url, timeout=60, maximum_seconds=0.5, retries=5)
        with pytest.raises(BudgetError, match=r"0\.5 seconds"):
            asked.text("node", ASK)
        assert len(speakers) == 1


def test_waiting_for_the_next_try_is_of_the_investigations_seconds() -> None:
    with serving(each(Fail(429, {"retry-after": "3600"}), Say("now"))) as endpoint:
        asked = assistant(endpoint.url, maximum_seconds=0.5, longest_wait=3600, retries=1)
        with pytest.raises(BudgetError, match=r"0\.5 seconds"):
            asked.text("node", ASK)
        assert len(endpoint.requests) == 1


def test_a_model_of_ones_own_is_waited_for_no_longer() -> None:
    stopped = threading.Event()

    class Silent:
        name = "silent"

        def complete(self, _messages: object, *, schema: object = None) -> Answer:
            stopped.wait(60)
            return Answer("late", 1, 1)

    asked = Assistant(Silent(), settings("", maximum_seconds=0.2))
    with pytest.raises(TransientModelError, match=r"within 0\.2 s"):
        asked.text("node", ASK)
    stopped.set()


PACKED = gzip.compress(b" " * 50_000_000)
POURS = {
    "a body": pours(HEAD + b"content-length: 100000000000\r\n\r\n", b" " * 1_000_000),
    "pieces": pours(HEAD + b"transfer-encoding: chunked\r\n\r\n", b"F4240\r\n" + b" " * 1_000_000 + b"\r\n"),
    "packed": pours(HEAD + b"content-encoding: gzip\r\ncontent-length: 100000000000\r\n\r\n", PACKED * 10),
    "packed otherwise": pours(HEAD + b"content-encoding: br\r\ncontent-length: 100\r\n\r\n", b" "),
}


@pytest.mark.parametrize("speak", POURS.values(), ids=POURS)
def test_an_answer_that_is_no_answer_is_not_read_to_its_end(speak: Speaker) -> None:
    with speaking(speak) as (url, _), pytest.raises(ModelError) as raised:
        assistant(url, timeout=60).text("node", ASK)
    assert raised.value.kind == "too much"


def test_a_packed_answer_is_read() -> None:
    body = gzip.compress(
        b'{"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0, "message": '
        b'{"role": "assistant", "content": "yes"}, "finish_reason": "stop"}]}'
    )
    head = HEAD + b"content-encoding: gzip\r\ncontent-length: " + str(len(body)).encode() + b"\r\n\r\n"
    with speaking(lambda connection: connection.sendall(head + body)) as (url, _):
        assert assistant(url).text("node", ASK) == "yes"
