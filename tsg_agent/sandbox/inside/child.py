"""The process of one run: isolates itself, attests each layer, waits for the code, runs it, answers, exits."""

import errno
import fcntl
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, NoReturn

from tsg_agent.sandbox import layers
from tsg_agent.sandbox.inside import execute, kernel, probes, restrict, seccomp
from tsg_agent.sandbox.layers import Layer

OUTPUT: Final = 1
REPLY: Final = 3
GATE: Final = 4
EXIT_REFUSED: Final = 77


@dataclass(frozen=True)
class ChildContext:
    """The zygote's data for its child: its pid, its measured layers, its address space in bytes."""

    zygote: int
    unsafe: bool
    owns_user_namespace: bool
    layers: tuple[Layer, ...]
    address_space: int


@dataclass(frozen=True)
class Descriptors:
    """The descriptors that the parent sent for one run."""

    gate: int
    output: int
    reply: int


def run(around: ChildContext, ends: Descriptors, request: Mapping[str, Any], names: Mapping[str, object]) -> NoReturn:
    """Run the code. Never returns: the process exits here."""
    try:
        _arrange_descriptors(ends)
        found = _close_in(around, request)
        _attest(found)
        if not around.unsafe and layers.lacking(found) is not None:
            os._exit(EXIT_REFUSED)
        code = _code_from_gate()
        if code is None:
            os._exit(EXIT_REFUSED)
        execute.answer(code, names, REPLY, request["limits"])
        os._exit(0)
    finally:
        os._exit(1)  # after an exception, the zygote's loop must not continue in this process


def _arrange_descriptors(ends: Descriptors) -> None:
    os.setsid()
    wanted = {0: 0, OUTPUT: ends.output, 2: ends.output, REPLY: ends.reply, GATE: ends.gate}
    high = {target: _duplicate_high(source) for target, source in wanted.items()}
    for target, source in high.items():
        os.dup2(source, target)
    os.closerange(GATE + 1, layers.DESCRIPTORS)


def _duplicate_high(source: int) -> int:
    return fcntl.fcntl(source, fcntl.F_DUPFD, 32)


def _close_in(around: ChildContext, request: Mapping[str, Any]) -> list[Layer]:
    """Sets up every layer in order; a failed layer is recorded, and the others are still tried, for the report."""
    memory = around.address_space + int(request["limits"]["memory_bytes"])
    cpu_seconds = int(request["limits"]["cpu_seconds"])
    restrict.die_with_parent(around.zygote)
    found = [_layer(layers.RLIMITS, lambda: restrict.limit_resources(memory, cpu_seconds))]
    found += around.layers
    if around.unsafe:
        return found
    found.append(_layer(layers.CREDENTIALS, lambda: restrict.drop_credentials(around.owns_user_namespace)))
    # Changing the user resets PR_SET_PDEATHSIG.
    restrict.die_with_parent(around.zygote)
    found.append(_layer(layers.NO_NEW_PRIVS, restrict.forbid_new_privileges))
    found.append(_layer(layers.LANDLOCK, probes.landlock_holds))
    found.append(_layer(layers.SECCOMP, _filter))
    found.append(_layer(layers.PROBES, _probe))
    return found


def _filter() -> str:
    machine = kernel.machine()
    seccomp.install(seccomp.program(machine, os.getpid()))
    return f"a list of {len(seccomp.PLAIN)} calls for {machine}; the others are refused"


def _probe() -> str:
    opened = probes.descriptors_hold({0, OUTPUT, 2, REPLY, GATE}, layers.DESCRIPTORS)
    return f"{probes.seccomp_holds()}; {opened}"


def _layer(name: str, set_up: Callable[[], str]) -> Layer:
    try:
        return Layer(name, True, 0, set_up())
    except OSError as error:
        return Layer(name, False, error.errno or errno.EIO, error.strerror or str(error))


def _attest(found: list[Layer]) -> None:
    message = json.dumps([asdict(layer) for layer in found]).encode() + b"\n"
    while message:
        message = message[os.write(GATE, message) :]


def _code_from_gate() -> str | None:
    """Read the code, with a 4-byte length prefix; None if the parent rejected the attestation and closed the pipe."""
    head = _read_exactly(4)
    code = None if head is None else _read_exactly(int.from_bytes(head, "big"))
    os.close(GATE)
    return None if code is None else code.decode()


def _read_exactly(length: int) -> bytes | None:
    received = bytearray()
    while len(received) < length:
        piece = os.read(GATE, min(65536, length - len(received)))
        if not piece:
            return None  # the parent closed the pipe: rejected
        received += piece
    return bytes(received)
