"""The zygote's loop: it holds the frames and forks once per run. It never runs untrusted code itself."""

import json
import os
import resource
import select
import signal
import socket
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd

from tsg_agent.sandbox.inside import boot, child, remember, resident

_MESSAGE_BYTES = 65536


class SandboxServer:
    """One control socket, the resident frames, one child at a time.

    `around` is what the zygote measured about itself, `status` its open /proc/self/statm.
    """

    def __init__(self, control: socket.socket, around: child.ChildContext, status: int) -> None:
        self._control = control
        self._around = around
        self._status = status
        self._frames: dict[str, pd.DataFrame] = {}
        remember.install()

    def serve(self) -> None:
        """Serves the parent until it closes the socket."""
        self._send({"ready": [asdict(layer) for layer in self._around.layers]})
        while True:
            message, descriptors, _, _ = socket.recv_fds(self._control, _MESSAGE_BYTES, 3)
            if not message:
                return
            request: dict[str, Any] = json.loads(message)
            if request["do"] == "load":
                self._load_frame(str(request["name"]), descriptors[0])
            else:
                self._run(request, child.Descriptors(*descriptors))

    def _load_frame(self, name: str, descriptor: int) -> None:
        try:
            self._frames[name] = resident.load(descriptor)
        except (ValueError, TypeError, LookupError, ImportError, AttributeError) as error:
            self._send({"failed": f"{type(error).__name__}: {error}"[:1000]})
            return
        finally:
            os.close(descriptor)
        boot.freeze()
        self._send({"loaded": name})

    def _run(self, request: dict[str, Any], ends: child.Descriptors) -> None:
        around = replace(self._around, address_space=self._address_space())
        # Shallow copies: pandas copies on write, since the original shares the memory.
        names: dict[str, object] = {name: self._frames[name].copy(deep=False) for name in request["frames"]}
        try:
            pid = os.fork()
            if pid == 0:
                self._keep(request["frames"])
                child.run(around, ends, request, {"pd": pd, "np": np, **names})
        finally:
            for descriptor in (ends.gate, ends.output, ends.reply):
                os.close(descriptor)
        self._watch(pid)

    def _keep(self, names: list[str]) -> None:
        """In the run's process: drop the frames that the run was not given."""
        self._frames = {name: self._frames[name] for name in names}
        remember.forget()

    def _watch(self, pid: int) -> None:
        """Reports the child and its exit to the parent; kills it if the parent closes the socket."""
        handle = os.pidfd_open(pid)
        try:
            socket.send_fds(self._control, [json.dumps({"pid": pid}).encode()], [handle])
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            poll.register(self._control.fileno(), select.POLLHUP)
            if any(number != handle for number, _ in poll.poll()):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)
        _, status, usage = os.wait4(pid, 0)
        self._send({"ended": os.waitstatus_to_exitcode(status), "peak_kb": usage.ru_maxrss})

    def _address_space(self) -> int:
        """Bytes of this process's address space: the base of a child's limit."""
        return int(os.pread(self._status, 100, 0).split()[0]) * resource.getpagesize()

    def _send(self, message: dict[str, Any]) -> None:
        self._control.send(json.dumps(message).encode())
