"""What the attacks are aimed at: real files, a real process, real listeners, a secret in the parent's memory."""

import ctypes
import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tsg_agent.sandbox import SandboxUnavailable
from tsg_agent.sandbox.inside import kernel

ROOT = Path(__file__).parents[2]
# System calls the sandbox itself never names: (x86_64, aarch64).
_MORE = {
    "add_key": (248, 217), "bpf": (321, 280), "fanotify_init": (300, 262), "inotify_init1": (294, 26),
    "io_uring_setup": (425, 425), "keyctl": (250, 219), "memfd_create": (319, 279), "mlock": (149, 228),
    "msgget": (68, 186), "mq_open": (240, 180), "name_to_handle_at": (303, 264), "perf_event_open": (298, 241),
    "personality": (135, 92), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "pkey_mprotect": (329, 288),
    "process_vm_readv": (310, 270), "rt_sigqueueinfo": (129, 138), "semget": (64, 190), "setpriority": (141, 140),
    "settimeofday": (164, 170), "shmget": (29, 194), "statx": (332, 291), "syslog": (103, 116),
    "getpriority": (140, 141), "sched_getscheduler": (145, 120),
    "timer_create": (222, 107), "userfaultfd": (323, 282), "setns": (308, 268), "sched_setaffinity": (203, 122),
}  # fmt: skip


def numbers() -> dict[str, int]:
    column = ("x86_64", "aarch64").index(kernel.machine())
    return {**kernel.NUMBERS[kernel.machine()], **{name: pair[column] for name, pair in _MORE.items()}}


@dataclass
class World:
    folder: Path
    token: str
    memory: bytes
    victim: subprocess.Popen[bytes]
    tcp_port: int
    udp_port: int
    unix_path: str
    reached: list[str] = field(default_factory=list)

    def prelude(self) -> str:
        """Names the attacks use, as source: W for places and numbers, sysc for a raw system call."""
        places = {
            "folder": str(self.folder),
            "secret": str(self.folder / "secret.txt"),
            "victim_file": str(self.folder / "victim.txt"),
            "token": None,  # the attack has to find it
            "parent": os.getpid(),
            "victim": self.victim.pid,
            "address": id(self.memory) + bytes.__basicsize__ - 1,
            "length": len(self.memory),
            "places": [sys.prefix, sys.base_prefix, str(Path(sys.executable).parent), str(ROOT)],
            "tcp": self.tcp_port,
            "udp": self.udp_port,
            "unix": self.unix_path,
            "nr": numbers(),
        }
        return (
            "import os, ctypes, socket, signal, sys\n"
            f"W = {places!r}\n"
            "libc = ctypes.CDLL(None, use_errno=True)\n"
            "libc.syscall.restype = ctypes.c_long\n"
            "def sysc(name, *arguments):\n"
            "    number = name if isinstance(name, int) else W['nr'][name]\n"
            "    given = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]\n"
            "    answer = libc.syscall(ctypes.c_long(number), *given)\n"
            "    if answer < 0: raise OSError(ctypes.get_errno(), str(name))\n"
            "    return answer\n"
        )

    def restore(self) -> None:
        """The files as an attack that worked left them -> as they were."""
        self.folder.chmod(0o755)
        (self.folder / "secret.txt").write_text(self.token)
        (self.folder / "victim.txt").write_text("precious")
        (self.folder / "victim.txt").chmod(0o644)
        if self.victim.poll() is not None:
            self.victim = sleeper()


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"])


@contextmanager
def open_world(folder: Path) -> Iterator[World]:
    token = "tsg-secret-" + secrets.token_hex(8)
    tcp, udp, unix = socket.socket(), socket.socket(type=socket.SOCK_DGRAM), socket.socket(socket.AF_UNIX)
    # An abstract address: paths of temporary folders are too long for a socket's name.
    unix_path = f"\0tsg-{token}"
    tcp.bind(("127.0.0.1", 0))
    udp.bind(("127.0.0.1", 0))
    unix.bind(unix_path)
    world = World(folder, token, token.encode(), sleeper(), tcp.getsockname()[1], udp.getsockname()[1], unix_path)
    world.restore()
    listeners = [threading.Thread(target=_accept, args=(world, one), daemon=True) for one in (tcp, unix)]
    listeners.append(threading.Thread(target=_receive, args=(world, udp), daemon=True))
    tcp.listen()
    unix.listen()
    for thread in listeners:
        thread.start()
    try:
        yield world
    finally:
        for one in (tcp, udp, unix):
            one.close()
        world.victim.kill()
        world.victim.wait()


def _accept(world: World, listener: socket.socket) -> None:
    listener.settimeout(0.2)
    while listener.fileno() >= 0:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        except OSError:
            return
        world.reached.append("connected")
        connection.sendall(b"hello")
        connection.close()


def _receive(world: World, listener: socket.socket) -> None:
    listener.settimeout(0.2)
    while listener.fileno() >= 0:
        try:
            data = listener.recv(100)
        except TimeoutError:
            continue
        except OSError:
            return
        world.reached.append(data.decode())


def machine_lacks() -> str:
    """What the sandbox needs and this machine has not, asked of the kernel without the sandbox's help; or nothing."""
    script = """
import ctypes, sys
libc = ctypes.CDLL(None)
seccomp, landlock = int(sys.argv[1]), int(sys.argv[2])
action = ctypes.c_uint32(0x50000)
if libc.syscall(seccomp, 2, 0, ctypes.byref(action)) != 0: print("seccomp"); sys.exit()
if libc.syscall(landlock, 0, 0, 1) >= 1: sys.exit()
if libc.unshare(0x20000) != 0 and libc.unshare(0x10020000) != 0: print("Landlock and mount namespaces")
"""
    known = numbers()
    arguments = [sys.executable, "-I", "-S", "-c", script, str(known["seccomp"]), str(known["landlock_create_ruleset"])]
    return subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.strip()


def is_root() -> bool:
    return os.geteuid() == 0


def read_memory_check(world: World) -> bytes:
    """What stands at the address the attacks are given: shows that they are given the right one."""
    return ctypes.string_at(id(world.memory) + bytes.__basicsize__ - 1, len(world.memory))


@contextmanager
def skipped_without_a_sandbox() -> Iterator[None]:
    """Skips what needs a sandbox where the machine lacks something for it; any other fault is ours, and fails."""
    try:
        yield
    except SandboxUnavailable as error:
        lack = machine_lacks()
        if not lack:
            raise
        pytest.skip(f"this machine lacks {lack}: {error}")
