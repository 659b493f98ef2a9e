"""An endpoint that never ends: its bytes come one by one, or all at once and without end."""

import contextlib
import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.llm.server import Fail, Say, each, serving
from tsg_agent.errors import BudgetError, ModelError, TransientModelError
from tsg_agent.llm import Assistant, ModelMessage, OpenAIModel
from tsg_agent.llm.protocol import ModelAnswer
from tsg_agent.settings import ModelSettings

ASK = [ModelMessage("user", "What is it?")]
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
    "lengths of pieces": HEAD + b"transfer-encoding: chunked\r\n\r\n" + b"0" * 10_000,
    "trailers": HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n" + b"x-a: b\r\n" * 1000,
    "answers that are none yet": b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,
    "an answer to come": b"HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n" * 1000,
}


@pytest.mark.parametrize("data", DRIPS.values(), ids=DRIPS)
def test_a_call_ends_however_its_bytes_come(data: bytes) -> None:
    with speaking(drips(data)) as (url, speakers):
        with pytest.raises(TransientModelError, match=r"within 0\.4 s") as raised:
            assistant(url, timeout=0.4).text("node", ASK)
        assert raised.value.kind == "timeout"
        speakers[0].join(20)
        assert not speakers[0].is_alive()  # it was hung up on


def until_gone(threads: list[threading.Thread]) -> bool:
    deadline = time.monotonic() + 20
    while any(one.is_alive() for one in threads) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(one.is_alive() for one in threads)


def model_threads() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "tsg-model"]


def test_a_call_ends_though_its_connection_is_never_secure() -> None:
    hello = b"\x16\x03\x03\x3f\xff\x02" + b"\0" * 10_000  # of a record of 16 KB
    with speaking(drips(hello)) as (url, speakers):
        with pytest.raises(TransientModelError, match=r"within 0\.4 s"):
            assistant(url.replace("http:", "https:"), timeout=0.4).text("node", ASK)
        assert until_gone(speakers) and until_gone(model_threads())


def test_a_call_ends_that_is_sent_on_and_on() -> None:
    def elsewhere(connection: socket.socket) -> None:
        time.sleep(0.15)
        head = b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /v1/chat/completions?again\r\n"
        connection.sendall(head + b"content-length: 0\r\nconnection: close\r\n\r\n")

    with speaking(elsewhere) as (url, speakers):
        with pytest.raises(TransientModelError, match=r"within 0\.4 s"):
            assistant(url, timeout=0.4).text("node", ASK)
        assert until_gone(model_threads())
        assert len(speakers) <= 5


def test_a_call_ends_whose_connection_nobody_takes() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]  # what the system keeps for it is full
        for one in waiting:
            one.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                one.connect(full.getsockname())
        began = time.monotonic()
        with pytest.raises(TransientModelError):
            assistant(f"http://127.0.0.1:{full.getsockname()[1]}/v1", timeout=0.4).text("node", ASK)
        assert time.monotonic() - began < 10
        for one in waiting:
            one.close()
        assert until_gone(model_threads())


def unknown_names(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """No name is known until the event is set, or half a minute is over; then each is this machine's."""
    known, found = threading.Event(), socket.getaddrinfo

    def slow(_host: str, *rest: Any, **more: Any) -> Any:
        known.wait(30)
        return found("127.0.0.1", *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    return known


def test_a_call_ends_whose_name_nobody_knows_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    known = unknown_names(monkeypatch)
    began = time.monotonic()
    with pytest.raises(TransientModelError, match=r"within 0\.4 s"):
        assistant("http://model.example/v1", timeout=0.4).text("node", ASK)
    assert time.monotonic() - began < 10
    known.set()
    assert until_gone(model_threads())


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

        def complete(self, _messages: object, *, schema: object = None) -> ModelAnswer:
            stopped.wait(60)
            return ModelAnswer("late", 1, 1)

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
