"""The sandbox's errors: no isolation, misuse, or a frame that cannot be transferred."""

import os

from tsg_agent.errors import TsgError
from tsg_agent.sandbox.layers import Layer


class SandboxError(TsgError):
    """Base of the sandbox's errors."""

    exit_code = 6


class SandboxUnavailable(SandboxError):
    """Code was not run, because it could not be isolated: `layer`, the kernel's `errno` (0: none), why, and a fix.

    `layers` is the whole attestation, if the run got that far.
    """

    def __init__(self, layer: str, errno: int, why: str, *, fix: str = "", layers: tuple[Layer, ...] = ()) -> None:
        self.layer = layer
        self.layers = layers
        self.errno = errno
        self.why = why
        name = f" ({os.strerror(errno)}, errno {errno})" if errno else ""
        super().__init__(f"The sandbox cannot run code here: {layer}: {why}{name}.", fix=fix or fix_for(layer))


class SandboxViolation(SandboxError):
    """The child's answer violates the protocol; it is discarded."""


class SandboxClosed(SandboxError):
    """The session was closed, or its process exited."""


class FrameError(SandboxError):
    """A frame, or its name, cannot be transferred into the sandbox."""


_FIXES = {
    "platform": "Run on Linux (x86_64 or aarch64), in a virtual machine or a container.",
    "seccomp": "Use a kernel with CONFIG_SECCOMP_FILTER, and a container profile that permits seccomp(2).",
    "landlock": "Use Linux 5.13 or later with landlock in the lsm= list, and a container profile that permits "
    "landlock_*; or permit unprivileged user namespaces.",
    "rlimits": "Permit setrlimit(2) and prlimit(2), and raise hard limits that are below the sandbox's.",
    "credentials": "Permit setresuid(2) and capset(2) in the container's profile, or run as an ordinary user.",
    "no_new_privs": "Permit prctl(PR_SET_NO_NEW_PRIVS) in the container's profile.",
    "probes": "The kernel said yes and did not enforce it: use a kernel or a container runtime that does.",
}


def fix_for(layer: str) -> str:
    """What an operator can do about a layer that is missing."""
    return _FIXES.get(layer, "Run `tsg-agent doctor` for the state of each layer.")
