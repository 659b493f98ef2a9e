"""Starts the trusted process that holds the frames, and isolates it step by step.

Started by `launch.py` with the descriptor of the control socket. Exits when the parent closes its end.
"""

import contextlib
import io
import json
import os
import resource
import socket
import sys
from pathlib import Path

from tsg_agent.sandbox.inside import boot, forgetting, kernel
from tsg_agent.sandbox.inside.namespaces import Namespaces
from tsg_agent.sandbox.layers import DESCRIPTORS, RLIMITS, Layer


def main(control: int, unsafe: bool) -> None:
    """Runs until the parent closes the socket. A failure during the start is reported to it, and ends the process."""
    for stream in (sys.stdout, sys.stderr):
        # Line-buffered, so that output before a kill is not lost.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    with socket.socket(fileno=control) as connection:
        try:
            _prepare_and_serve(connection, unsafe)
        except OSError as error:
            connection.send(json.dumps({"failed": error.strerror or str(error), "errno": error.errno or 0}).encode())
        except ImportError as error:
            connection.send(json.dumps({"failed": f"an import failed: {error}", "errno": 0}).encode())


def _prepare_and_serve(connection: socket.socket, unsafe: bool) -> None:
    namespaces = Namespaces()
    if not unsafe:
        namespaces.enter()  # first: it fails in a process with threads, which some imports start
    boot.load_everything()
    # These import pandas, which must come after the line above.
    from tsg_agent.sandbox.inside import child, serve  # noqa: PLC0415 - see above

    status = os.open("/proc/self/statm", os.O_RDONLY)
    witness = str(Path(serve.__file__).resolve())
    forgetting.forget_places()
    found: tuple[Layer, ...] = () if unsafe else namespaces.empty_root(witness)
    del witness
    if not unsafe:
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    found += _limit_descriptors()
    _close_all_but(connection.fileno(), status)  # the folders of imported modules
    boot.freeze()
    around = child.ChildContext(os.getpid(), unsafe, namespaces.owns_user_namespace, found, address_space=0)
    serve.SandboxServer(connection, around, status).serve()


def _close_all_but(*kept: int) -> None:
    for descriptor in range(3, DESCRIPTORS):
        if descriptor not in kept:
            with contextlib.suppress(OSError):  # not open
                os.close(descriptor)


def _limit_descriptors() -> tuple[Layer, ...]:
    """Limits descriptors, so that a child can close all the others; a failure is reported as a layer."""
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    except (OSError, ValueError) as error:
        return (Layer(RLIMITS, False, getattr(error, "errno", 0) or 0, str(error)),)
    return ()
