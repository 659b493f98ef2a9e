"""A layer that is missing, or that lies, means that no code runs; the error names it. Real kernel filters do it."""

import errno
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sandbox.world import is_root, numbers
from tsg_agent.sandbox import Layer, RunStatus, SandboxUnavailable, Session, exchange, layers
from tsg_agent.sandbox.inside import kernel, seccomp
from tsg_agent.sandbox.isolation import diagnose

# What must never come onto the list of allowed calls, whatever else does.
REFUSED = {
    *("openat", "socket", "clone", "execve", "kill", "ptrace", "prctl", "seccomp", "unshare", "mount", "umount2"),
    *("pivot_root", "capset", "pidfd_open", "landlock_create_ruleset"),
}
FAILING = str(Path(__file__).with_name("failing.py"))
LIES = 0
SET_USER = {"x86_64": 117, "aarch64": 147}
NO_NAMESPACES = {"unshare": errno.EPERM}


def without(**calls: int | tuple[int, int]) -> tuple[str, ...]:
    """A Python's command line, under which `calls` end with that errno (or with it for that first argument)."""
    rules = []
    for name, how in calls.items():
        code, *first = how if isinstance(how, tuple) else (how,)
        number = SET_USER[kernel.machine()] if name == "setresuid" else numbers()[name]
        rules.append(":".join(map(str, (number, code, *first))))
    return (sys.executable, FAILING, ",".join(rules), sys.executable)


def refusal(*command: str) -> SandboxUnavailable:
    """The error of a run that must not happen; the code would say so by its output."""
    ran = []
    with pytest.raises(SandboxUnavailable) as caught, Session(python=command) as session:
        ran.append(session.run("1"))
    assert not ran
    return caught.value


@pytest.mark.parametrize(
    ("calls", "layer", "code"),
    [
        ({"seccomp": errno.ENOSYS}, "seccomp", errno.ENOSYS),
        ({"seccomp": errno.EINVAL}, "seccomp", errno.EINVAL),
        ({"landlock_create_ruleset": errno.ENOSYS, **NO_NAMESPACES}, "landlock", errno.ENOSYS),
        ({"landlock_restrict_self": errno.EPERM, **NO_NAMESPACES}, "landlock", errno.EPERM),
        ({"landlock_create_ruleset": errno.EOPNOTSUPP, "pivot_root": errno.EPERM}, "landlock", errno.EOPNOTSUPP),
        ({"landlock_create_ruleset": errno.ENOSYS, "mount": errno.EPERM}, "landlock", errno.ENOSYS),
        ({"prctl": (errno.EINVAL, kernel.PR_SET_NO_NEW_PRIVS)}, "no_new_privs", errno.EINVAL),
        ({"capset": errno.ENOSYS}, "credentials", errno.ENOSYS),
        ({"prlimit64": errno.ENOSYS}, "rlimits", errno.ENOSYS),
        ({"pidfd_open": errno.ENOSYS}, "zygote", errno.ENOSYS),
        ({"prctl": (errno.EINVAL, kernel.PR_SET_DUMPABLE)}, "zygote", errno.EINVAL),
        ({"prctl": (errno.EINVAL, kernel.PR_SET_PDEATHSIG)}, "attestation", 0),
    ],
    ids=str,
)
def test_a_missing_layer_means_no_run(calls: dict[str, int | tuple[int, int]], layer: str, code: int) -> None:
    error = refusal(*without(**calls))
    assert (error.layer, error.errno) == (layer, code)
    assert layer in str(error)
    assert error.fix


@pytest.mark.parametrize(
    ("calls", "layer"),
    [
        ({"seccomp": LIES}, "probes"),
        ({"landlock_restrict_self": LIES, **NO_NAMESPACES}, "landlock"),
        # mount and pivot_root fail too: were the lie believed, they would change the real root.
        ({"unshare": LIES, "mount": 1, "pivot_root": 1, "landlock_create_ruleset": errno.ENOSYS}, "landlock"),
        ({"prctl": (LIES, kernel.PR_GET_NO_NEW_PRIVS)}, "no_new_privs"),
    ],
    ids=str,
)
def test_a_layer_that_says_yes_and_does_nothing_is_found_out(
    calls: dict[str, int | tuple[int, int]], layer: str
) -> None:
    error = refusal(*without(**calls))
    assert error.layer == layer
    if calls.get("unshare") == LIES:
        root = next(found for found in error.layers if found.name == "empty_root")
        assert "same as before" in root.detail


def test_the_child_refuses_although_the_parent_would_let_it_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "_judge", lambda *_: None)
    with Session(python=without(seccomp=errno.ENOSYS)) as session:
        try:
            result = session.run("print('ran')\n1")
        except SandboxUnavailable as error:
            assert error.layer == "attestation"  # it ended before the code could be sent
        else:
            assert (result.status, result.stdout, result.value) == (RunStatus.ENDED, "", None)


def test_the_parent_refuses_although_the_child_would_run_it() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b'[{"name": "rlimits", "held": true, "errno": 0, "detail": ""}]\n')
        found = exchange._attestation(ours)
        with pytest.raises(SandboxUnavailable, match="credentials"):
            exchange._judge(found, unsafe=False)
        exchange._judge(found, unsafe=True)


def test_the_zygote_cannot_be_read_by_its_own_user(sandbox: Session) -> None:
    if is_root():
        pytest.skip("the zygote's user is root here, who reads every process")
    with pytest.raises(PermissionError):
        Path(f"/proc/{sandbox.pid}/environ").read_bytes()


def test_capabilities_that_stay_are_found_out() -> None:
    if not is_root():
        pytest.skip("only root has capabilities that could stay")
    error = refusal(*without(capset=LIES, setresuid=LIES))
    assert error.layer == "credentials"
    assert "left" in error.why


@pytest.mark.parametrize(
    ("calls", "stamp"),
    [
        ({}, "seccomp+landlock+namespaces"),
        ({"landlock_create_ruleset": errno.ENOSYS}, "seccomp+namespaces"),
        ({"unshare": errno.EPERM}, "seccomp+landlock"),
        ({"pivot_root": errno.EINVAL}, "seccomp+landlock"),
    ],
    ids=str,
)
def test_two_kernel_layers_are_enough_and_the_stamp_says_which(
    calls: dict[str, int], stamp: str, sandbox: Session
) -> None:
    whole = sandbox.run("").isolation
    if whole != "seccomp+landlock+namespaces":
        pytest.skip(f"this machine gives {whole} only")
    command = without(**calls) if calls else ()
    with Session(python=command) as session:
        result = session.run("open('/etc/passwd')")
    assert result.isolation == stamp
    assert result.error is not None
    assert result.error.type in {"PermissionError", "FileNotFoundError"}


def test_the_unsafe_mode_is_stamped_and_still_needs_its_limits() -> None:
    with Session(unsafe_no_isolation=True) as session:
        result = session.run("1 + 1")
    assert (result.value, result.isolation) == (2, "none")
    without_limits = without(prlimit64=errno.ENOSYS)
    with (
        Session(python=without_limits, unsafe_no_isolation=True) as session,
        pytest.raises(SandboxUnavailable, match="rlimits"),
    ):
        session.run("1")


def test_another_platform_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxUnavailable, match="darwin"):
        Session()
    monkeypatch.undo()
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(SandboxUnavailable, match="riscv64"):
        Session(unsafe_no_isolation=True)


WINDOWS = """
import sys, pandas, subprocess
sys.modules["fcntl"] = sys.modules["resource"] = None
sys.platform = "win32"
from tsg_agent.sandbox import SandboxUnavailable, Session
try:
    Session()
except SandboxUnavailable as error:
    print(error.layer)
"""


def test_where_linux_only_modules_are_missing_it_refuses_by_its_own_error() -> None:
    root = Path(__file__).parents[2]
    ended = subprocess.run([sys.executable, "-c", WINDOWS], cwd=root, capture_output=True, text=True, check=False)
    assert ended.stdout == "platform\n", ended.stderr


def test_an_interpreter_that_is_not_there_or_ends_at_once() -> None:
    with pytest.raises(SandboxUnavailable, match="cannot start"):
        Session(python=["/no/such/python"])
    with Session(python=["/bin/false"]) as session, pytest.raises(SandboxUnavailable, match="ended"):
        session.run("1")


def test_the_rule_for_what_is_enough() -> None:
    every = [Layer(name, True) for name in layers.ALL]
    assert layers.lacking(every) is None
    for name in layers.REQUIRED:
        missing = layers.lacking([layer for layer in every if layer.name != name])
        assert missing is not None
        assert missing.name == name
        twice = layers.lacking([*every, Layer(name, False)])
        assert twice is not None
        assert twice.name == name
    files = [layer for layer in every if layer.name not in layers.FILE_LAYERS]
    assert layers.lacking(files) is not None
    assert layers.isolation(files) == "none"
    assert layers.isolation([*files, Layer("landlock", True)]) == "seccomp+landlock"


def test_doctor_reports_each_layer(sandbox: Session) -> None:
    stamp = sandbox.run("").isolation
    diagnosis = diagnose()
    assert (diagnosis.available, diagnosis.isolation) == (True, stamp)
    assert [report.name for report in diagnosis.layers] == list(layers.ALL)
    assert all(report.held for report in diagnosis.layers if report.required)


def test_doctor_reports_what_is_missing_and_what_to_do() -> None:
    diagnosis = diagnose(without(seccomp=errno.ENOSYS))
    assert not diagnosis.available
    assert diagnosis.isolation == "none"
    missing = {report.name: report for report in diagnosis.layers if not report.held}
    assert missing["seccomp"].errno == errno.ENOSYS
    assert "CONFIG_SECCOMP" in missing["seccomp"].fix
    assert "probes" in missing


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_by_a_model_of_the_kernels_machine(machine: str) -> None:
    program = decode(seccomp.program(machine, pid=77))
    table, arch = kernel.NUMBERS[machine], seccomp.AUDIT_ARCH[machine]
    allow, refuse, kill = 0x7FFF0000, 0x50000 | errno.EPERM, 0x80000000
    allowed = {table[name] for name in seccomp.PLAIN if name in table}
    clocks = ("clock_gettime", "clock_getres", "clock_nanosleep")
    others = ("mmap", "mprotect", "prlimit64", "tgkill", "ioctl", "clone3", "sched_getaffinity")
    special = {table[name] for name in (*others, *clocks)}
    for name in REFUSED & set(table):
        assert execute(program, table[name], arch) == refuse
    for number in range(600):
        if number not in special:
            assert execute(program, number, arch) == (allow if number in allowed else refuse)
    for name in ("mmap", "mprotect"):
        assert execute(program, table[name], arch, 0, 0, 3) == allow
        assert [execute(program, table[name], arch, 0, 0, prot) for prot in (4, 5, 7)] == [refuse] * 3
    assert execute(program, table["tgkill"], arch, 77, 77, 6) == allow
    assert execute(program, table["tgkill"], arch, 78, 78, 6) == refuse
    for pid, answer in ((0, allow), (77, allow), (78, refuse), (1, refuse)):
        assert execute(program, table["sched_getaffinity"], arch, pid, 8, 1 << 40) == answer
    for name in clocks:
        assert [execute(program, table[name], arch, clock) for clock in (0, 1, 2, 3, 11)] == [allow] * 5
        assert execute(program, table[name], arch, (~78 << 3 | 2) & 0xFFFFFFFF) == refuse
    assert execute(program, table["prlimit64"], arch, 0, 7, 0) == allow
    assert execute(program, table["prlimit64"], arch, 5, 7, 0) == refuse
    assert execute(program, table["prlimit64"], arch, 0, 7, 1 << 40) == refuse
    assert execute(program, table["clone3"], arch) == 0x50000 | errno.ENOSYS
    assert execute(program, table["read"], arch ^ 1) == kill
    assert execute(program, table["read"] | 0x40000000, arch) == kill


def decode(data: bytes) -> list[tuple[int, int, int, int]]:
    return [
        (
            int.from_bytes(data[n : n + 2], "little"),
            data[n + 2],
            data[n + 3],
            int.from_bytes(data[n + 4 : n + 8], "little"),
        )
        for n in range(0, len(data), 8)
    ]


def execute(program: list[tuple[int, int, int, int]], number: int, arch: int, *arguments: int) -> int:
    """Classic BPF over struct seccomp_data, as in the kernel's networking/filter documentation."""
    data = number.to_bytes(4, "little") + arch.to_bytes(4, "little") + bytes(8)
    data += b"".join(argument.to_bytes(8, "little") for argument in (*arguments, 0, 0, 0, 0, 0, 0)[:6])
    held, at = 0, 0
    while True:
        code, yes, no, constant = program[at]
        at += 1
        if code == 0x20:
            held = int.from_bytes(data[constant : constant + 4], "little")
        elif code == 0x06:
            return constant
        else:
            true = {0x15: held == constant, 0x35: held >= constant, 0x45: bool(held & constant)}[code]
            at += yes if true else no
