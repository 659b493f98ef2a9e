"""Starts the zygote: a separate Python with a minimal environment, and one inherited descriptor, its control socket."""

import importlib.util
import os
import platform
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tsg_agent.sandbox.failures import SandboxUnavailable
from tsg_agent.sandbox.inside.kernel import NUMBERS

_LIBRARIES: Final = ("numpy", "pandas", "dateutil", "six", "tzdata")

# The package's own __init__ is not run: it would load the whole agent into the sandbox. Folders are imported through
# their descriptors, so that modules' paths are /proc/self/fd/N, and do not reveal the machine's folders.
_BOOTSTRAP: Final = """
import os, sys, types
control, unsafe, *folders = sys.argv[1:]
sys.path[:] = [str(os.open(folder, os.O_PATH)) for folder in sys.path if os.path.isdir(folder)] + folders
sys.path[:] = ["/proc/self/fd/" + number for number in sys.path]
package = sys.path.pop()
for name, folder in (("tsg_agent", package), ("tsg_agent.sandbox", package + "/sandbox")):
    module = types.ModuleType(name)
    module.__path__ = [folder]
    sys.modules[name] = module
del sys.argv[1:], name, folder, folders, module, package
from tsg_agent.sandbox.inside.zygote import main
main(int(control), unsafe == "unsafe")
"""

_ENVIRONMENT: Final = {
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    # Single-threaded: threads do not survive a fork, and a process with threads cannot enter a user namespace.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}


def require_platform() -> None:
    """Raises SandboxUnavailable for an unsupported kernel or architecture."""
    if sys.platform != "linux":
        raise SandboxUnavailable("platform", 0, f"{sys.platform} is not supported")
    if platform.machine() not in NUMBERS:
        raise SandboxUnavailable("platform", 0, f"the architecture {platform.machine()} is not supported")


def start_zygote(command: Sequence[str], *, unsafe: bool) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """The process and the parent's end of its control socket. `command` is the Python to start, usually one word.

    Raises SandboxUnavailable when it cannot be started.
    """
    require_platform()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    package = str(Path(__file__).resolve().parent.parent)
    folders = [os.open(folder, os.O_PATH) for folder in (*_library_folders(), package)]
    arguments = [str(theirs.fileno()), "unsafe" if unsafe else "safe", *map(str, folders)]
    environment = dict(_ENVIRONMENT)
    if "LD_LIBRARY_PATH" in os.environ:  # some Python builds do not find libpython without it
        environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    try:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
            [*command, "-I", "-S", "-c", _BOOTSTRAP, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd="/",
            pass_fds=[theirs.fileno(), *folders],
            start_new_session=True,
        )
    except OSError as error:
        ours.close()
        raise SandboxUnavailable("zygote", error.errno or 0, f"cannot start {command[0]}") from error
    finally:
        theirs.close()
        for folder in folders:
            os.close(folder)
    return process, ours


def _library_folders() -> list[str]:
    """The library folders of this Python, since the zygote does not process site-packages itself."""
    specs = [importlib.util.find_spec(name) for name in _LIBRARIES]
    folders = [str(Path(spec.origin).parent.parent) for spec in specs if spec and spec.origin and spec.has_location]
    return list(dict.fromkeys(folders))
