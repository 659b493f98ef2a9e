"""A small OpenAI-compatible server on a real socket: scripted answers, streams, tool calls, and faults on demand."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Say:
    """A text, tool calls, or both."""

    text: str | None = None
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    finish: str = ""
    """Why it ended; a stream can also be "cut" (it just ends), "broken" (the connection does), or end in an "error"."""
    refusal: str | None = None
    pause: float = 0.0
    """Seconds between the words of a stream."""


@dataclass(frozen=True)
class Fail:
    """A status with its headers, or something worse."""

    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "made to fail"
    raw: bytes | None = None
    cut: bool = False
    wait: float = 0.0


Script = Callable[[dict[str, Any]], Say | Fail]


@dataclass
class Endpoint:
    """Where the server is, and what it was asked."""

    url: str
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answers: list["Say | Fail"] = field(default_factory=list)

    def said(self) -> str:
        """Everything that any request held."""
        return "\n".join(json.dumps(request, ensure_ascii=False) for request in self.requests)


@contextmanager
def serving(script: Script) -> Iterator[Endpoint]:
    """A server that answers each chat completion as the script says."""

    class Handler(_Handler):
        answer = staticmethod(script)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Handler.endpoint = Endpoint(f"http://127.0.0.1:{server.server_address[1]}/v1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield Handler.endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def each(*answers: Say | Fail) -> Script:
    """Answers in their order; the last one goes on."""
    left = list(answers)

    def script(_request: dict[str, Any]) -> Say | Fail:
        return left.pop(0) if len(left) > 1 else left[0]

    return script


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    endpoint: Endpoint
    answer: Script

    def log_message(self, *_args: object) -> None:
        pass

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.endpoint.requests.append(request)
        self.endpoint.headers.append({key.lower(): value for key, value in self.headers.items()})
        said = type(self).answer(request)
        self.endpoint.answers.append(said)
        try:
            if isinstance(said, Fail):
                self._fail(said)
            elif request.get("stream"):
                self._stream(said)
            else:
                self._whole(said)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client gave up, which is what some tests are about

    def _send(self, status: int, body: bytes, headers: dict[str, str], length: int | None = None) -> None:
        self.send_response(status)
        for key, value in {"content-type": "application/json", **headers}.items():
            self.send_header(key, value)
        self.send_header("content-length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def _fail(self, fail: Fail) -> None:
        time.sleep(fail.wait)
        body = json.dumps({"error": {"message": fail.message, "type": "scripted"}}).encode()
        if fail.cut:
            self._send(200, b'{"id": "x", "choi', {}, length=4000)
            self.close_connection = True
            self.wfile.flush()
            self.connection.close()
        else:
            self._send(fail.status, body if fail.raw is None else fail.raw, fail.headers)

    def _whole(self, say: Say) -> None:
        message: dict[str, Any] = {"role": "assistant", "content": say.text, "refusal": say.refusal}
        if say.calls:
            message["tool_calls"] = _calls(say)
        finish = say.finish or ("tool_calls" if say.calls else "stop")
        choice = {"index": 0, "message": message, "finish_reason": finish}
        self._send(200, json.dumps(_head("chat.completion") | {"choices": [choice], "usage": _usage(say)}).encode(), {})

    def _stream(self, say: Say) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        if say.finish == "broken":
            self.send_header("content-length", "1000000")
        self.end_headers()
        self.close_connection = True
        words = (say.text or "").split(" ")
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        deltas += [{"content": word + (" " if i < len(words) - 1 else "")} for i, word in enumerate(words) if say.text]
        deltas += [{"tool_calls": [{"index": i, **call}]} for i, call in enumerate(_calls(say))]
        for delta in deltas:
            self._event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
            time.sleep(say.pause)
        if say.finish == "error":
            self.wfile.write(b'data: {"error": {"message": "overloaded"}}\n\n')
        if say.finish in ("cut", "broken", "error"):
            return  # the stream ends in the middle
        finish = say.finish or ("tool_calls" if say.calls else "stop")
        self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        self._event({"choices": [], "usage": _usage(say)})
        self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, part: dict[str, Any]) -> None:
        self.wfile.write(f"data: {json.dumps(_head('chat.completion.chunk') | part)}\n\n".encode())
        self.wfile.flush()


def _head(kind: str) -> dict[str, Any]:
    return {"id": "scripted", "object": kind, "created": 1, "model": "scripted"}


def _calls(say: Say) -> list[dict[str, Any]]:
    return [
        {"id": f"call_{i}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for i, (name, arguments) in enumerate(say.calls)
    ]


def _usage(say: Say) -> dict[str, int]:
    wrote = len(say.text or "") // 4 + 1
    return {"prompt_tokens": 100, "completion_tokens": wrote, "total_tokens": 100 + wrote}
