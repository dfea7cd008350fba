"""Attacks from inside the sandbox, in every way that can be built on this machine; none may get through."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from planloom.agents.sandbox import Limits, Outcome, run_as
from planloom.agents.sandbox.kinds import KINDS
from planloom.agents.sandbox.trial import fault
from planloom.errors import ToolError

SMALL = Limits(seconds=20, cpu_s=5, memory_bytes=256 << 20, scratch_bytes=4 << 20, output_bytes=100_000)
TRIED = """
def attempt(act):
    try:
        return f"got through: {act()!r}"
    except (OSError, MemoryError, RuntimeError, ValueError, AttributeError, ImportError) as error:
        return f"{type(error).__name__}"
"""
HINDERED = {
    "PermissionError",
    "FileNotFoundError",
    "OSError",
    "ProcessLookupError",
    "MemoryError",
    "RuntimeError",
    "NotADirectoryError",
    "ConnectionRefusedError",
    "AttributeError",
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    if "can't be built" in (reason := fault(request.param)):
        pytest.skip(reason)
    return str(request.param)


def attacks(kind: str, expressions: list[str], **inputs: object) -> dict[str, str]:
    """What each attack came to: the name of the error that stopped it, or `got through`."""
    tried = "".join(f"result.append(attempt(lambda: {one}))\n" for one in expressions)
    found = run(kind, f"import os, sys\n{TRIED}\nresult = []\n{tried}", **inputs).result
    return dict(zip(expressions, found, strict=True))


def run(kind: str, source: str, limits: Limits = SMALL, **inputs: object) -> Outcome:
    return run_as(kind, source, inputs, limits=limits)  # type: ignore[arg-type]


@pytest.fixture
def secret(tmp_path: Path) -> Iterator[Path]:
    """A file outside that everybody may read and write."""
    path = tmp_path / "secret"
    path.write_text("secret")
    path.chmod(0o666)
    yield path
    assert path.read_text() == "secret"


# ---- network


NETWORK = [
    "__import__('socket').create_connection(('127.0.0.1', inputs['port']), 2)",
    "__import__('socket').socket(17, 3, 0)",  # AF_PACKET
    "__import__('socket').socket(16, 3, 0)",  # AF_NETLINK
    "__import__('socket').socket(1).connect('/var/run/docker.sock')",
    "__import__('socket').getaddrinfo('example.org', 80)",
    "__import__('urllib.request').request.urlopen('http://127.0.0.1:%d/' % inputs['port'])",
]


def test_nothing_is_reached_over_the_network(kind):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        found = attacks(kind, NETWORK, port=server.getsockname()[1])
        assert set(found.values()) <= HINDERED | {"URLError", "gaierror"}, found
        with pytest.raises(BlockingIOError):
            server.accept()


# ---- files


FILES = [
    "open(inputs['path']).read()",
    "open(inputs['path'], 'w')",
    "os.listdir(os.path.dirname(inputs['path']))",
    "open('/proc/self/root' + inputs['path']).read()",
    "open('/proc/1/environ', 'rb').read()",
    "open('../../../../..' + inputs['path']).read()",
    "(os.symlink(inputs['path'], 'link'), open('link').read())",
    "(os.symlink('/', 'root'), os.listdir('root' + os.path.dirname(inputs['path'])))",
    "os.link('/etc/ld.so.cache', '/scratch/linked')",
    "open(os.path.expanduser('~root/.ssh/id_rsa')).read()",
    "open('/etc/shadow').read()",
    "open('/etc/passwd').read()",
    "os.listdir('/home')",
    "os.listdir('/root/.ssh')",
    "open(os.__file__, 'a')",
    "os.rename(os.__file__, os.__file__ + '.x')",
    "os.chmod(os.__file__, 0o777)",
    "open('/etc/ld.so.preload', 'w')",
    "open('/usr/lib/x', 'w')",
    "open('/x', 'w')",
    "os.mkdir('/files2')",
    "os.unlink('/dev/null')",
    "open('/dev/sda', 'rb')",
    "open('/dev/mem', 'rb')",
    "open('/dev/vda', 'rb')",
    "open('/sys/kernel/profiling').read()",
    "os.mknod('/scratch/disk', 0o60666, os.makedev(254, 0))",
]


def test_nothing_outside_is_read_or_written(kind, secret):
    found = attacks(kind, FILES, path=str(secret))
    assert set(found.values()) <= HINDERED, found


def test_asked_for_file_is_not_written(kind, secret):
    source = f"""{TRIED}
import os
path = files["secret"]
[attempt(lambda: open(path, "w")), attempt(lambda: os.unlink(path)), open(path).read()]
"""
    outcome = run_as(kind, source, {}, [secret], limits=SMALL)
    assert all(one in HINDERED for one in outcome.result[:2]) and outcome.result[2] == "secret"


def test_left_links_are_not_followed(kind, secret):
    source = """
import os
os.symlink(inputs["path"], "out/a")
os.symlink("/etc/ld.so.cache", "out/b")
os.mkdir("out/c")
open("out/d", "w").close()
"""
    assert run(kind, source, path=str(secret)).files == {"d": b""}


def test_secrets_of_the_environment_are_not_there(kind, monkeypatch):
    monkeypatch.setenv("PLANLOOM_MODELS__API_KEY", "sk-very-secret")
    source = "import os, ctypes\nlibc = ctypes.CDLL(None)\nlibc.getenv.restype = ctypes.c_char_p\n"
    source += "[dict(os.environ), str(libc.getenv(b'PLANLOOM_MODELS__API_KEY'))]"
    outcome = run(kind, source)
    assert "sk-very-secret" not in str(outcome.result) and outcome.result[1] == "None"


def test_name_of_the_machine_is_not_told(kind):
    assert run(kind, "import socket; socket.gethostname()").result == "sandbox"


# ---- processes and the kernel


PROCESSES = [
    "os.fork()",
    "os.forkpty()",
    "__import__('subprocess').run(['/bin/sh', '-c', 'id'])",
    "os.posix_spawn('/bin/true', ['true'], {})",
    "__import__('multiprocessing').get_context('fork').Process(target=print).start()",
    "os.execv(sys.executable, ['python', '-c', 'print(1)'])",
    "os.kill(inputs['pid'], 9)",
    "os.killpg(inputs['pid'], 9)",
    "os.setuid(0)",
    "os.setresuid(0, 0, 0)",
    "os.setgroups([0])",
    "os.chroot('/scratch')",
    "os.memfd_create('x')",
    "os.mkfifo('out/c')",
    "os.nice(-10)",
    "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))",
    "os.pidfd_open(1)",
    "__import__('resource').setrlimit(__import__('resource').RLIMIT_AS, (-1, -1))",
]


def test_no_process_is_started_reached_or_raised(kind):
    found = attacks(kind, PROCESSES, pid=os.getpid())
    assert set(found.values()) <= HINDERED, found
    assert psutil.pid_exists(os.getpid())


KERNEL = [
    ("ptrace", "16, inputs['pid'], 0, 0"),
    ("mount", "b'none', b'/scratch', b'tmpfs', 0, None"),
    ("umount2", "b'/scratch', 2"),
    ("unshare", "0x10000000"),
    ("setns", "0, 0"),
    ("process_vm_readv", "inputs['pid'], 0, 0, 0, 0, 0"),
    ("pivot_root", "b'/scratch', b'/scratch'"),
    ("shmget", "1, 4096, 0o1666"),
    ("swapon", "b'/scratch/x', 0"),
    ("sethostname", "b'x', 1"),
    ("klogctl", "3, 0, 0"),
    ("personality", "0x0040000"),
    ("fanotify_init", "0, 0"),
    ("prctl", "28, 0, 0, 0, 0"),  # PR_SET_SECUREBITS
    ("capset", "0, 0"),
]
NUMBERS = [323, 425, 321, 250, 298, 435]  # on x86-64: userfaultfd, io_uring, bpf, keyctl, perf, clone3


def test_dangerous_calls_of_the_kernel_fail(kind):
    tried = "".join(f"tell(libc.{name}({arguments}))\n" for name, arguments in KERNEL)
    tried += "".join(f"tell(libc.syscall({number}, 0, 0, 0, 0, 0))\n" for number in NUMBERS)
    source = f"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
result = []
def tell(code):
    result.append([code, ctypes.get_errno()])
{tried}
"""
    found = run(kind, source, pid=os.getpid()).result
    assert len(found) == len(KERNEL) + len(NUMBERS)
    assert all(code == -1 and number in (1, 38) for code, number in found), found  # EPERM, ENOSYS


def test_calls_of_the_other_abi_fail(kind):
    source = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
[libc.syscall(0x40000000 + 41, 2, 1, 0), ctypes.get_errno()]  # socket as x32
"""
    assert run(kind, source).result == [-1, 38]


def test_filter_and_user_cannot_be_changed_back(kind):
    source = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
[libc.prctl(22, 0, 0, 0, 0), libc.prctl(38, 0, 0, 0, 0), os.getuid() == 0, libc.syscall(317, 0, 0, 0)]
"""
    assert run(kind, source).result == [-1, -1, False, -1]


# ---- using things up


def ended(kind: str, source: str, limits: Limits = SMALL) -> str:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with pytest.raises(ToolError) as raised:
        run(kind, source, limits)
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before
    return str(raised.value)


def test_fork_bomb_starts_nothing(kind):
    assert "PermissionError" in ended(kind, "import os\nwhile True: os.fork()")


def test_thread_bomb_is_bounded(kind):
    source = """
import threading
stop, made = threading.Event(), 0
try:
    while made < 10_000:
        threading.Thread(target=stop.wait, daemon=True).start()
        made += 1
except RuntimeError:
    pass
stop.set()
made
"""
    assert run(kind, source).result < 2_000


def test_memory_bombs_end_in_an_error(kind):
    assert "MemoryError" in ended(kind, "kept = []\nwhile True: kept.append(bytearray(1 << 20))")
    assert "MemoryError" in ended(kind, "'x' * 10**12")
    mapped = "import mmap\nkept = []\nwhile True: kept.append(mmap.mmap(-1, 16 << 20))"
    assert "OSError" in ended(kind, mapped) or "MemoryError" in ended(kind, mapped)


def test_scratch_cannot_be_filled_beyond_its_size(kind):
    source = """
import os
size = 0
try:
    for number in range(100):
        with open(str(number), "wb") as file:
            for _ in range(16):
                size += file.write(bytes(65536))
                file.flush()
except OSError:
    pass
size
"""
    assert run(kind, source).result <= SMALL.scratch_bytes


def test_number_of_files_is_bounded(kind):
    if kind == "bubblewrap":
        pytest.skip("bubblewrap has no limit for it; the limit of processor time is what there is")
    source = """
made = 0
try:
    while made < 100_000:
        open(f"n{made}", "w").close()
        made += 1
except OSError:
    pass
made
"""
    assert run(kind, source).result < 5_000


def test_infinite_output_is_ended(kind):
    for stream in ("stdout", "stderr"):
        assert "bytes of output" in ended(kind, f"import sys\nwhile True: sys.{stream}.write('x' * 1000)")


def test_infinite_loop_is_ended_by_processor_time(kind):
    assert "processor time" in ended(kind, "while True: pass", Limits(seconds=30, cpu_s=1))


def test_limit_of_processor_time_cannot_be_caught(kind):
    source = """
import signal
for number in range(1, 32):
    try:
        signal.signal(number, lambda *_: None)
    except OSError:
        pass
while True: pass
"""
    assert "processor time" in ended(kind, source, Limits(seconds=30, cpu_s=1))


def test_sleeping_is_ended_by_time(kind):
    assert "did not end within 0.5 s" in ended(kind, "import time\ntime.sleep(1000)", Limits(seconds=0.5))


def test_closing_all_pipes_and_going_on_is_ended(kind):
    source = "import os, time\nfor n in range(0, 1024):\n  try: os.close(n)\n  except OSError: pass\ntime.sleep(1000)"
    assert "did not end within 1 s" in ended(kind, source, Limits(seconds=1))


def test_huge_result_is_ended(kind):
    assert "bytes of output" in ended(kind, "'x' * 3_000_000", Limits(result_bytes=1 << 20, file_bytes=1 << 20))


def test_huge_left_files_stay_behind(kind):
    source = "open('out/a', 'w').write('a'); open('out/b', 'wb').write(bytes(2_000_000)); 1"
    outcome = run(kind, source, Limits(file_bytes=1_000_000))
    assert outcome.result == 1 and set(outcome.files) == {"a"}


# ---- lying


FORGED = [
    b"{}",
    b"[]",
    b"null",
    b"not json",
    b'{"result": 5}',
    b'{"result": "NaN"}',
    b'{"result": "1", "files": [["a", 1000000]]}',
    b'{"result": "1", "files": [["a", -1]]}',
    b'{"result": "1", "files": 3}',
    b'{"result": "1", "files": [["../../etc/x", 1]]}',
    b'{"result": "1", "files": [[5, 1]]}',
    b'{"error": 5}',
    b"[" * 100_000,
]


@pytest.mark.parametrize("line", FORGED, ids=range(len(FORGED)))
def test_forged_reports_are_not_believed(kind, line):
    source = f"""
import os
for number in range(3, 64):
    try:
        os.write(number, {line!r} + bytes([10, 65]))
    except OSError:
        pass
os._exit(0)
"""
    with pytest.raises(ToolError):
        run(kind, source)


@pytest.mark.parametrize(
    "source",
    [
        "import sys\nsys.modules['os'] = None\nsys.modules['json'] = None\n7",
        "import builtins\nbuiltins.open = builtins.print = None\n7",
        "import json\njson.dumps = lambda *a, **k: '{'\n7",
        "__builtins__.__dict__.clear() if hasattr(__builtins__, '__dict__') else __builtins__.clear()\n7",
        "import sys\nsys.setprofile(lambda *a: 1 / 0)\n7",
        "import gc, sys\nfor o in gc.get_objects():\n  if isinstance(o, dict) and 'report' in o: o.clear()\n7",
        "import atexit, os\natexit.register(lambda: os.fork())\n7",
    ],
)
def test_tricks_with_imports_and_builtins_harm_only_the_code_itself(kind, source):
    try:
        assert run(kind, source).result == 7
    except ToolError as error:
        assert "code" in str(error)
    assert run(kind, "1 + 1").result == 2


def test_code_ends_when_its_starter_is_killed(kind):
    program = f"from planloom.agents.sandbox import run_as\nrun_as({kind!r}, 'while True: pass', {{}})"
    starter = subprocess.Popen([sys.executable, "-c", program])
    watched = psutil.Process(starter.pid)
    try:
        busy: list[psutil.Process] = []
        while not any(one.cpu_times().user > 0.3 for one in busy):  # the code itself runs
            busy = watched.children(recursive=True)
            assert starter.poll() is None
    finally:
        starter.kill()
        starter.wait()
    assert psutil.wait_procs(busy, timeout=10)[1] == []
