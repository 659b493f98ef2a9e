"""The parent's side of one run: passes descriptors, verifies the attestation, sends the code, reads the answer.

Every wait has a timeout, and every buffer a size limit.
"""

import json
import os
import select
import signal
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from tsg_agent.sandbox import layers
from tsg_agent.sandbox.failures import SandboxUnavailable
from tsg_agent.sandbox.layers import Layer
from tsg_agent.sandbox.limits import MEGABYTE, Limits

ANSWER_SECONDS = 10.0
"""Timeout of the trusted side for a step that takes milliseconds, with slack for a loaded machine."""
_ATTESTATION_BYTES = 65536
_PIECE = 65536


@dataclass
class Raw:
    """The unparsed output of one run: untrusted, except the counts, times and the ending, which the parent measured."""

    layers: tuple[Layer, ...]
    output: bytearray = field(default_factory=bytearray)
    output_bytes: int = 0
    reply: bytearray = field(default_factory=bytearray)
    reply_too_long: bool = False
    killed_for: str = ""  # "timeout", "output"
    exit_code: int = 0
    seconds: float = 0.0
    peak_mb: float = 0.0


class Control:
    """The socket to the zygote. Raises SandboxUnavailable(layer="zygote") when it does not answer."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    def ask(self, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Sends one request, with descriptors for the zygote."""
        try:
            socket.send_fds(self._socket, [json.dumps(message).encode()], list(descriptors))
        except OSError as error:
            raise SandboxUnavailable("zygote", error.errno or 0, "its process has ended") from error

    def answer(self, seconds: float = ANSWER_SECONDS) -> tuple[dict[str, Any], list[int]]:
        """The next message, and descriptors that came with it."""
        try:
            self._socket.settimeout(seconds)
            data, descriptors, _, _ = socket.recv_fds(self._socket, _ATTESTATION_BYTES, 1)
        except TimeoutError as error:
            raise SandboxUnavailable("zygote", 0, f"its process did not answer within {seconds:.0f} s") from error
        except OSError as error:
            raise SandboxUnavailable("zygote", error.errno or 0, "its process has ended") from error
        if not data:
            raise SandboxUnavailable("zygote", 0, "its process has ended")
        message: dict[str, Any] = json.loads(data)
        if "errno" in message:
            raise SandboxUnavailable("zygote", int(message["errno"]), str(message["failed"]))
        return message, descriptors


@dataclass(frozen=True)
class CodeOrder:
    """The order of one run: the code's bytes, the names of the frames it sees, its wall-clock timeout and limits."""

    code: bytes
    frames: Sequence[str]
    seconds: float
    limits: Limits
    unsafe: bool


def run_once(control: Control, order: CodeOrder) -> Raw:
    """One run from start to end. Raises SandboxUnavailable when the code was not run."""
    with ExitStack() as stack:
        gate, gate_child = socket.socketpair()
        output, output_child = os.pipe()
        reply, reply_child = os.pipe()
        stack.callback(gate.close)
        for descriptor in (output, reply):
            stack.callback(os.close, descriptor)
        try:
            request = {"do": "run", "frames": list(order.frames), "limits": order.limits.for_child(order.seconds)}
            control.ask(request, [gate_child.fileno(), output_child, reply_child])
        finally:
            gate_child.close()
            os.close(output_child)
            os.close(reply_child)
        _, handles = control.answer()
        if not handles:
            raise SandboxUnavailable("zygote", 0, "no handle of the run's process came")
        stack.callback(os.close, handles[0])
        try:
            raw = Raw(_attestation(gate))
            _judge(raw.layers, order.unsafe)
            start = time.monotonic()
            _send_code(gate, order.code)
            _Reader(raw, output, reply, handles[0], order.limits).read(start + order.seconds)
            raw.seconds = time.monotonic() - start
        finally:
            gate.close()  # ends a child that still waits for code
            _kill(handles[0])
            ended, _ = control.answer()
        raw.exit_code, raw.peak_mb = int(ended["ended"]), float(ended["peak_kb"]) / 1024
        return raw


def _attestation(gate: socket.socket) -> tuple[Layer, ...]:
    """The layers that the child measured in itself, before it received any untrusted code."""
    gate.settimeout(ANSWER_SECONDS)
    data = bytearray()
    try:
        while not data.endswith(b"\n"):
            piece = gate.recv(_PIECE)
            if not piece or len(data) > _ATTESTATION_BYTES:
                raise SandboxUnavailable("attestation", 0, "the run's process ended before it attested its isolation")
            data += piece
    except OSError as error:
        raise SandboxUnavailable("attestation", error.errno or 0, "the run's process attested nothing") from error
    return tuple(Layer(**layer) for layer in json.loads(data))


def _judge(found: tuple[Layer, ...], unsafe: bool) -> None:
    lacking = layers.lacking(found)
    if unsafe:
        limits = next((layer for layer in found if layer.name == layers.RLIMITS), Layer(layers.RLIMITS, False))
        lacking = None if limits.held else limits
    if lacking is not None:
        raise SandboxUnavailable(lacking.name, lacking.errno, lacking.reason(), layers=found)


def _send_code(gate: socket.socket, code: bytes) -> None:
    try:
        gate.sendall(len(code).to_bytes(4, "big") + code)
    except OSError as error:
        raise SandboxUnavailable("attestation", error.errno or 0, "the run's process ended before its code") from error


def _kill(handle: int) -> None:
    try:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    except ProcessLookupError:
        return  # exited and reaped


class _Reader:
    """Reads output and answer until the process exits or must be killed."""

    def __init__(self, raw: Raw, output: int, reply: int, handle: int, limits: Limits) -> None:
        self._raw = raw
        self._output, self._reply, self._handle = output, reply, handle
        self._limits = limits
        self._poll = select.poll()
        self._open = {output, reply}
        for descriptor in (output, reply):
            os.set_blocking(descriptor, False)
            self._poll.register(descriptor, select.POLLIN)
        self._poll.register(handle, select.POLLIN)

    def read(self, deadline: float) -> None:
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                self._raw.killed_for = "timeout"
                return
            ready = {number for number, _ in self._poll.poll(left * 1000)}
            for descriptor in ready & self._open:
                self._take(descriptor)
            if self._raw.output_bytes > self._limits.output_mb * MEGABYTE:
                self._raw.killed_for = "output"
                return
            if self._handle in ready:
                self._drain()
                return

    def _drain(self) -> None:
        """Read the rest from the pipes of an exited process: at most one pipe buffer each."""
        for descriptor in tuple(self._open):
            while self._take(descriptor):
                continue

    def _take(self, descriptor: int) -> bool:
        try:
            piece = os.read(descriptor, _PIECE)
        except BlockingIOError:
            return False
        if not piece:
            self._open.discard(descriptor)
            self._poll.unregister(descriptor)
            return False
        if descriptor == self._output:
            self._raw.output_bytes += len(piece)
            room = 4 * self._limits.output_characters - len(self._raw.output)
            self._raw.output += piece[: max(0, room)]
        else:
            self._raw.reply_too_long |= len(self._raw.reply) + len(piece) > self._limits.reply_bytes
            room = self._limits.reply_bytes - len(self._raw.reply)
            self._raw.reply += piece[: max(0, room)]
        return True
