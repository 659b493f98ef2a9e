"""An empty file system and a network without interfaces for the whole zygote, if the kernel permits."""

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

from tsg_agent.sandbox.inside import kernel
from tsg_agent.sandbox.layers import EMPTY_ROOT, NETWORK_NAMESPACE, Layer

_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER, _NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x40000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REMOUNT = 1, 2, 4, 8, 32
_MS_REC, _MS_PRIVATE = 0x4000, 0x40000
_MNT_DETACH = 2
_MOUNT_POINTS = ("/tmp", "/var", "/usr", "/etc")  # noqa: S108 - only covered by a mount, nothing is written there


class Namespaces:
    """The zygote's namespaces: call `enter` first, and `empty_root` after the last import."""

    def __init__(self) -> None:
        self.owns_user_namespace = False
        self._failure: OSError | None = None

    def enter(self) -> None:
        """Unshares the mount, network, IPC and UTS namespaces, with a user namespace if necessary."""
        try:
            before = _identities()
            self._unshare()
            # Verify before mounting: if unshare had no effect, the real root would be replaced.
            if any(new == old for new, old in zip(_identities(), before, strict=True)):
                raise OSError(errno.ENOTRECOVERABLE, "unshare succeeded, and the namespaces are the same as before")
        except OSError as error:
            self._failure = error

    def _unshare(self) -> None:
        wanted = _NEWNS | _NEWNET | _NEWIPC | _NEWUTS
        user, group = os.geteuid(), os.getegid()
        try:
            kernel.syscall("unshare", wanted)
        except OSError:
            kernel.syscall("unshare", wanted | _NEWUSER)
            self.owns_user_namespace = True
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
            Path("/proc/self/gid_map").write_text(f"{group} {group} 1")

    def empty_root(self, witness: str) -> tuple[Layer, Layer]:
        """Replaces the root by an empty file system, and checks the result. `witness`: a file outside of it."""
        return (
            self._layer(EMPTY_ROOT, lambda: _measure_root(witness)),
            self._layer(NETWORK_NAMESPACE, _measure_network),
        )

    def _layer(self, name: str, measure: Callable[[], str]) -> Layer:
        if self._failure is not None:
            return Layer(name, False, self._failure.errno or 0, str(self._failure))
        try:
            return Layer(name, True, 0, measure())
        except OSError as error:
            return Layer(name, False, error.errno or 0, str(error))


def _identities() -> list[int]:
    return [Path(f"/proc/self/ns/{kind}").stat().st_ino for kind in ("mnt", "net", "ipc", "uts")]


def _measure_root(witness: str) -> str:
    _pivot()
    found = os.listdir("/")  # noqa: PTH208 - names, without Path objects
    if found or Path(witness).exists():
        raise OSError(errno.ENOTEMPTY, "the new root is not empty")
    return "the root folder is empty and read-only"


def _measure_network() -> str:
    names = [name for _, name in socket.if_nameindex()]
    if names != ["lo"]:
        raise OSError(errno.ENOTUNIQ, "there are interfaces besides lo")
    with socket.socket() as probe:
        probe.settimeout(0.5)
        if probe.connect_ex(("127.0.0.1", 9)) != errno.ENETUNREACH:
            raise OSError(errno.ENOTUNIQ, "the loopback interface is up")
    return "no interface but a loopback that is down"


def _pivot() -> None:
    kernel.syscall("mount", 0, b"/", 0, _MS_REC | _MS_PRIVATE, 0)
    target = next(folder for folder in _MOUNT_POINTS if Path(folder).is_dir())
    flags = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    kernel.syscall("mount", b"tmpfs", target.encode(), b"tmpfs", flags, b"size=4k,nr_inodes=2,mode=555")
    os.chdir(target)
    kernel.syscall("pivot_root", b".", b".")
    kernel.syscall("umount2", b".", _MNT_DETACH)
    os.chdir("/")
    kernel.syscall("mount", 0, b"/", 0, flags | _MS_REMOUNT | _MS_RDONLY, 0)
