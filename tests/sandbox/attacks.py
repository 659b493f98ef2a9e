"""The attacks: code that gives a true `result` when it got what it wanted.

`claim` says what the control (resource limits and a clean environment only) shows: KERNEL, the attack works there,
so that it is a kernel layer which stops it; ROOT, it works there for root; LIMITS, the limits or the environment
stop it there too.
"""

from dataclasses import dataclass

KERNEL, ROOT, LIMITS = "kernel", "root", "limits"


@dataclass(frozen=True)
class Attack:
    group: str
    name: str
    code: str
    claim: str = KERNEL


def _raw(group: str, name: str, call: str, claim: str = KERNEL) -> Attack:
    """A system call whose success, whatever it gives, is the breach."""
    return Attack(group, name, f"sysc({call}); result = True", claim)


FILES = [
    Attack("files", "read a secret file", "result = open(W['secret']).read()"),
    Attack("files", "read by a raw openat", "fd = sysc('openat', -100, W['secret'].encode(), 0, 0)\n"
           "result = os.read(fd, 100)"),
    Attack("files", "read through pandas", "result = len(pd.read_csv(W['secret'], header=None))"),
    Attack("files", "map a file by numpy", "result = bytes(np.memmap(W['secret'], mode='r'))"),
    Attack("files", "list a folder", "result = os.listdir(W['folder'])"),
    Attack("files", "list the root", "result = os.listdir('/')"),
    Attack("files", "size and times of a file", "result = os.stat(W['secret']).st_size"),
    Attack("files", "statx", "result = sysc('statx', -100, W['secret'].encode(), 0, 0x7ff,"
           " ctypes.create_string_buffer(256)) == 0"),
    Attack("files", "whether a file is there", "result = os.access(W['secret'], os.F_OK)"),
    Attack("files", "create a file", "os.close(os.open(W['folder'] + '/new', os.O_CREAT | os.O_WRONLY))\nresult = 1"),
    Attack("files", "make a folder", "os.mkdir(W['folder'] + '/made'); os.rmdir(W['folder'] + '/made'); result = 1"),
    Attack("files", "empty a file", "os.truncate(W['victim_file'], 0); result = 1"),
    Attack("files", "delete a file", "os.unlink(W['victim_file']); result = 1"),
    Attack("files", "rename a file", "os.rename(W['victim_file'], W['folder'] + '/moved'); result = 1"),
    Attack("files", "change permissions", "os.chmod(W['victim_file'], 0o777); result = 1"),
    Attack("files", "change times", "os.utime(W['victim_file'], (1, 1)); result = 1"),
    Attack("files", "symbolic link", "os.symlink(W['secret'], W['folder'] + '/l'); os.unlink(W['folder'] + '/l')\n"
           "result = 1"),
    Attack("files", "hard link", "os.link(W['secret'], W['folder'] + '/h'); os.unlink(W['folder'] + '/h'); result = 1"),
    Attack("files", "named pipe", "os.mkfifo(W['folder'] + '/p'); os.unlink(W['folder'] + '/p'); result = 1"),
    Attack("files", "change the folder and look", "os.chdir(W['folder']); os.chdir('/'); result = 1"),
    Attack("files", "watch a folder", "fd = sysc('inotify_init1', 0); os.close(fd); result = True"),
    Attack("files", "change the root", "os.chroot('/'); result = 1", ROOT),
    Attack("files", "write a megabyte to disk", "open(W['folder'] + '/big', 'wb').write(b'x' * (1 << 20)); result = 1",
           LIMITS),
    Attack("files", "save a frame", "df.to_csv(W['folder'] + '/out.csv'); result = 1", LIMITS),
]  # fmt: skip

SECRETS = [
    Attack("secrets", "the parent's environment",
           "result = len(open(f\"/proc/{W['parent']}/environ\", 'rb').read())"),
    Attack("secrets", "the parent's memory by /proc", "f = os.open(f\"/proc/{W['parent']}/mem\", os.O_RDONLY)\n"
           "result = os.pread(f, W['length'], W['address']).decode()", ROOT),
    Attack("secrets", "the parent's memory by process_vm_readv", """
class Part(ctypes.Structure):
    _fields_ = [("at", ctypes.c_void_p), ("length", ctypes.c_size_t)]
room = ctypes.create_string_buffer(W["length"])
here, there = Part(ctypes.addressof(room), W["length"]), Part(W["address"], W["length"])
sysc("process_vm_readv", W["parent"], ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
result = room.raw.decode()""", ROOT),
    Attack("secrets", "the parent's command line", "result = open(f\"/proc/{W['parent']}/cmdline\").read()"),
    Attack("secrets", "the parent's descriptors", "result = os.listdir(f\"/proc/{W['parent']}/fd\")"),
    Attack("secrets", "the zygote's environment", "result = open(f'/proc/{os.getppid()}/environ', 'rb').read()"),
    Attack("secrets", "who else runs", "result = [n for n in os.listdir('/proc') if n.isdigit()]"),
    Attack("secrets", "mounts of the machine", "result = open('/proc/self/mountinfo').read()"),
    Attack("secrets", "the machine's name", "result = os.uname().nodename"),
    Attack("secrets", "the kernel's log", "result = sysc('syslog', 10, 0, 0)", ROOT),
    Attack("secrets", "where Python and its libraries lie", "import gc, types\n"
           "told = [repr(getattr(sys, name)) for name in dir(sys) if name not in ('modules', 'path_importer_cache')]\n"
           "told += [repr(value) for m in list(sys.modules.values()) if m for name, value in list(vars(m).items())"
           " if name in ('__file__', '__path__', '__cached__', '__spec__') or isinstance(value, str)]\n"
           "told += [o.__code__.co_filename for o in gc.get_objects() if isinstance(o, types.FunctionType)]\n"
           "result = [text for text in told if any(place in text for place in W['places'])]", LIMITS),
    Attack("secrets", "the same in all that is referred to, and what Python was built with", """
import gc, sysconfig
gc.unfreeze()
told = [str(sysconfig.get_paths()), str(sysconfig.get_config_vars())]
for one in gc.get_objects():
    for held in gc.get_referents(one):
        told += [held] if isinstance(held, str) else ()
        told += [each for each in gc.get_referents(held) if isinstance(each, str)] if isinstance(held, dict) else ()
mine = [text for text in W.values() if isinstance(text, str)] + W['places']
result = [text for text in told if any(place in text for place in W['places']) and text not in mine and
          not text.startswith('import os, ctypes')]""", LIMITS),
    Attack("secrets", "the same in what Python and the C library keep", """
told = [ctypes.c_char_p.in_dll(libc, "program_invocation_name").value]
for name in ("Py_GetPath", "Py_GetPrefix", "Py_GetExecPrefix", "Py_GetProgramFullPath", "Py_GetProgramName"):
    if function := getattr(ctypes.pythonapi, name, None):
        function.restype = ctypes.c_wchar_p
        told.append((function() or "").encode())
libc.getauxval.restype = ctypes.c_char_p
told.append(libc.getauxval(31))
at = ctypes.c_void_p.in_dll(libc, "__libc_stack_end").value
told += [ctypes.c_char_p.from_address(at + 8 + 8 * n).value for n in range(ctypes.c_long.from_address(at).value)]
result = [text for text in told if text and any(place.encode() in text for place in W["places"])]""", LIMITS),
    Attack("secrets", "the same in the loader's list of libraries", """
class Library(ctypes.Structure): pass
Library._fields_ = [("address", ctypes.c_void_p), ("name", ctypes.c_char_p), ("dynamic", ctypes.c_void_p),
                    ("next", ctypes.POINTER(Library))]
one, told = ctypes.cast(libc._handle, ctypes.POINTER(Library)), []
while one:
    told.append(one.contents.name)
    one = one.contents.next
assert len(told) > 5
result = [text for text in told if text and any(place.encode() in text for place in W["places"])]""", LIMITS),
    Attack("secrets", "the machine's name as it was read before", "import platform, uuid\n"
           "result = [platform.node(), platform.uname().node, platform.uname()[1]] != [''] * 3", LIMITS),
    Attack("secrets", "its own environment", "result = [v for v in os.environ.values() if 'tsg-secret' in v]", LIMITS),
    Attack("secrets", "a secret in its own memory", "import gc\n"
           "result = [o for o in gc.get_objects() if isinstance(o, dict) and 'TSG_PLANTED' in o]", LIMITS),
]  # fmt: skip

NETWORK = [
    Attack("network", "connect to a local service",
           "s = socket.create_connection(('127.0.0.1', W['tcp']), 2); result = s.recv(5)"),
    Attack("network", "send a datagram",
           "s = socket.socket(type=socket.SOCK_DGRAM); result = s.sendto(b'leak', ('127.0.0.1', W['udp']))"),
    Attack("network", "connect to an abstract Unix socket",
           "s = socket.socket(socket.AF_UNIX); s.connect(W['unix']); result = s.recv(5)"),
    Attack("network", "listen", "s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); result = 1"),
    Attack("network", "an IPv4 socket", "result = socket.socket().fileno() >= 0"),
    Attack("network", "a Unix socket pair", "result = bool(socket.socketpair())"),
    Attack("network", "a netlink socket", "result = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).fileno() > 0"),
    Attack("network", "names of the interfaces", "result = socket.if_nameindex()"),
    Attack("network", "a raw socket", "result = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).fileno() > 0", ROOT),
    Attack("network", "a packet socket", "result = socket.socket(17, socket.SOCK_RAW, 0).fileno() > 0", ROOT),
]  # fmt: skip

PROCESSES = [
    Attack("processes", "fork", "pid = os.fork()\nif pid == 0: os._exit(0)\nos.waitpid(pid, 0); result = pid", ROOT),
    Attack("processes", "fork bomb", """
for n in range(20):
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
result = n == 19""", ROOT),
    Attack("processes", "run a program", "pid = os.posix_spawn('/bin/true', ['true'], {})\n"
           "result = os.waitpid(pid, 0)[1] == 0", ROOT),
    Attack("processes", "become a program", "os.execv('/bin/cat', ['cat', W['secret']])"),
    Attack("processes", "start a thread", "import threading\nt = threading.Thread(target=int); t.start(); result = 1",
           ROOT),
    Attack("processes", "ask whether the parent is there", "os.kill(W['parent'], 0); result = 1"),
    Attack("processes", "kill a process", "os.kill(W['victim'], 9); result = 1"),
    Attack("processes", "kill by tgkill", "sysc('tgkill', W['victim'], W['victim'], 9); result = 1"),
    Attack("processes", "kill by pidfd", "fd = sysc('pidfd_open', W['victim'], 0)\n"
           "sysc('pidfd_send_signal', fd, 9, 0, 0); result = 1"),
    Attack("processes", "take another's descriptor", "fd = sysc('pidfd_open', W['parent'], 0)\n"
           "result = sysc('pidfd_getfd', fd, 1, 0) > 0", ROOT),
    Attack("processes", "stop the zygote", "os.kill(os.getppid(), 0); result = 1"),
    _raw("processes", "trace a process", "'ptrace', 16, W['victim'], 0, 0", ROOT),
    _raw("processes", "ask to be traced", "'ptrace', 0, 0, 0, 0"),
    _raw("processes", "another's priority", "'setpriority', 0, W['victim'], 10"),
    _raw("processes", "another's processors",
         "'sched_setaffinity', W['victim'], 8, ctypes.create_string_buffer(b'\\1', 8)"),
    Attack("processes", "which processors another may use", "result = os.sched_getaffinity(W['victim'])"),
    Attack("processes", "another's time on the processor",
           "import time\nresult = time.clock_gettime(~W['victim'] << 3 | 2) >= 0 and True"),
    Attack("processes", "the clock of another", "import time\nresult = time.clock_getres(~W['victim'] << 3 | 2) > 0"),
    Attack("processes", "another's session", "result = os.getsid(W['victim']) >= 0"),
    Attack("processes", "another's group", "result = os.getpgid(W['victim']) >= 0"),
    Attack("processes", "read another's priority", "sysc('getpriority', 0, W['victim']); result = 1"),
    Attack("processes", "how another is scheduled", "sysc('sched_getscheduler', W['victim']); result = 1"),
    Attack("processes", "its parent's number", "result = os.getppid() > 1"),
    Attack("processes", "another's limits", "import resource\n"
           "result = resource.prlimit(W['victim'], resource.RLIMIT_CORE)"),
    Attack("processes", "change another's limits", "import resource\n"
           "resource.prlimit(W['victim'], resource.RLIMIT_CORE, (0, 0)); result = 1"),
    Attack("processes", "leave the session",
           "os.setsid() if os.getpgid(0) != os.getpid() else os.getsid(0); result = 1"),
]  # fmt: skip

KERNEL_CALLS = [
    Attack("kernel", "memory that runs", "import mmap\n"
           "result = bool(mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC))"),
    Attack("kernel", "make memory executable", "import mmap\nm = mmap.mmap(-1, 4096)\n"
           "at = ctypes.addressof(ctypes.c_char.from_buffer(m)); sysc('mprotect', at, 4096, 5); result = 1"),
    Attack("kernel", "a function made at run time", "f = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 7); result = f() == 7"),
    _raw("kernel", "new user namespace", "'unshare', 0x10000000"),
    _raw("kernel", "new mount namespace", "'unshare', 0x20000", ROOT),
    _raw("kernel", "mount a file system", "'mount', b'none', W['folder'].encode(), b'tmpfs', 0, b'size=4k') or"
         " sysc('umount2', W['folder'].encode(), 2", ROOT),
    _raw("kernel", "anonymous file", "'memfd_create', b'x', 0"),
    _raw("kernel", "key ring", "'keyctl', 0, -3, 1"),
    Attack("kernel", "shared memory", "n = sysc('shmget', 0, 4096, 0o1600); libc.shmctl(n, 0, 0); result = 1"),
    Attack("kernel", "message queue", "n = sysc('msgget', 0, 0o1600); libc.msgctl(n, 0, 0); result = 1"),
    Attack("kernel", "semaphores", "n = sysc('semget', 0, 1, 0o1600); libc.semctl(n, 0, 0); result = 1"),
    _raw("kernel", "timer", "'timer_create', 1, 0, ctypes.create_string_buffer(8)"),
    _raw("kernel", "personality", "'personality', 0xffffffff"),
    _raw("kernel", "process control", "'prctl', 15, b'renamed', 0, 0, 0"),
    _raw("kernel", "another filter", "'seccomp', 2, 0, ctypes.create_string_buffer(b'\\0\\0\\0\\0', 8)"),
    _raw("kernel", "performance events", "'perf_event_open', ctypes.create_string_buffer(128), 0, -1, -1, 0", LIMITS),
    _raw("kernel", "userfaultfd", "'userfaultfd', 1", LIMITS),
    _raw("kernel", "io_uring", "'io_uring_setup', 1, ctypes.create_string_buffer(120)", LIMITS),
    _raw("kernel", "bpf", "'bpf', 0,"
         " ctypes.create_string_buffer(b'\\2\\0\\0\\0\\4\\0\\0\\0\\4\\0\\0\\0\\1', 128), 128", LIMITS),
    _raw("kernel", "fanotify", "'fanotify_init', 0, 0", LIMITS),
    Attack("kernel", "raise its own limits", "import resource\n"
           "resource.setrlimit(resource.RLIMIT_NPROC, (99, 99)); result = 1", LIMITS),
    Attack("kernel", "lower its own limits", "import resource\n"
           "resource.setrlimit(resource.RLIMIT_CPU, (1, 1)); result = 1"),
]  # fmt: skip

ALL = [*FILES, *SECRETS, *NETWORK, *PROCESSES, *KERNEL_CALLS]
