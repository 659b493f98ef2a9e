"""Builds a Result from a run's raw output. Status, line text and times are the parent's; the rest is validated data."""

import signal
from dataclasses import replace

from tsg_agent.sandbox import layers, reply
from tsg_agent.sandbox.exchange import Raw
from tsg_agent.sandbox.failures import SandboxViolation
from tsg_agent.sandbox.limits import Limits
from tsg_agent.sandbox.result import CodeError, Result, RunStatus

_SIGNALS = {
    "SIGXCPU": "it used up its CPU time",
    "SIGXFSZ": "it tried to write a file",
    "SIGSEGV": "it crashed (too deep a recursion, or a fault in a library)",
    "SIGSYS": "it made a system call of a foreign kind",
    "SIGABRT": "a library gave up (often for want of memory)",
}


def encode_code(code: str, limits: Limits, *, unsafe: bool) -> tuple[bytes, Result | None]:
    """The code's bytes; for text that cannot be Python source, the result without a run."""
    stamp = layers.ISOLATION_NONE if unsafe else "not run"
    try:
        data = code.encode()
    except UnicodeEncodeError as error:
        line = code.count("\n", 0, error.start) + 1
        wrong = CodeError("SyntaxError", "the code has a character that is no Unicode text", line)
        return b"", Result(RunStatus.ERROR, error=wrong, isolation=stamp)
    if len(data) > limits.code_bytes:
        wrong = CodeError("SyntaxError", f"the code is longer than {limits.code_bytes} bytes")
        return b"", Result(RunStatus.ERROR, error=wrong, isolation=stamp)
    return data, None


def interpret(raw: Raw, code: str, seconds: float, limits: Limits, *, unsafe: bool) -> Result:
    """The typed result of a run's raw output. `seconds`: the run's wall-clock timeout."""
    text = raw.output.decode("utf-8", "replace")
    cut = {"output"} if raw.output_bytes > len(raw.output) or len(text) > limits.output_characters else set()
    seen = Result(
        RunStatus.OK,
        stdout=text[: limits.output_characters],
        seconds=raw.seconds,
        peak_mb=raw.peak_mb,
        isolation=layers.ISOLATION_NONE if unsafe else layers.isolation(raw.layers),
        layers=raw.layers,
        cut=tuple(sorted(cut)),
    )
    ending = _ending(raw, seconds, limits)
    if ending is not None:
        return replace(seen, status=ending[0], error=ending[1])
    try:
        answer = reply.read(bytes(raw.reply), limits)
    except SandboxViolation as error:
        return replace(seen, status=RunStatus.VIOLATION, error=CodeError("SandboxViolation", error.message))
    cut |= set(answer.cut)
    seen = replace(seen, value=answer.value, tables=answer.tables, cut=tuple(sorted(cut)))
    if answer.error is None:
        return seen
    kind, message, line = answer.error
    return replace(seen, status=RunStatus.ERROR, error=CodeError(kind, message, *_source(code, line)))


def _ending(raw: Raw, seconds: float, limits: Limits) -> tuple[RunStatus, CodeError] | None:
    """How the run ended, if it gave no answer; else None."""
    if raw.killed_for == "timeout":
        return RunStatus.TIMEOUT, CodeError("TimeoutError", f"the code ran longer than {seconds:g} s and was stopped")
    if raw.killed_for == "output":
        return RunStatus.OUTPUT_LIMIT, CodeError("OutputLimit", f"the code printed more than {limits.output_mb} MB")
    if raw.exit_code < 0:
        number = -raw.exit_code
        name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
        why = _SIGNALS.get(name, "nobody says why")
        return RunStatus.KILLED, CodeError("Killed", f"the code's process was killed ({name}): {why}")
    if raw.reply_too_long:
        return RunStatus.VIOLATION, CodeError(
            "SandboxViolation", f"the answer has more than {limits.reply_bytes} bytes"
        )
    if not raw.reply:
        return RunStatus.ENDED, CodeError("Ended", f"the code ended its process ({raw.exit_code}) and gave no result")
    return None


def _source(code: str, line: int | None) -> tuple[int | None, str]:
    lines = code.splitlines()
    if line is None or not 1 <= line <= len(lines):
        return None, ""
    return line, lines[line - 1][:500]
