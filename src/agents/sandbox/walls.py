"""Builds a sandbox of Linux namespaces around a process of its own, and runs `inside` in it.

Rule: this file is run as a program on nothing but the standard library. It ends when the program that started it ends.

What is built: namespaces for mounts, processes, network, messages, host name and control groups; a new root that shows
what the job names, read-only, and a scratch folder in memory; a user id that owns nothing, without any capability.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import platform
import select
import signal
import sys
from collections.abc import Mapping
from typing import Any

_NEWNS, _NEWCGROUP, _NEWUTS, _NEWIPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
_NEWUSER, _NEWPID, _NEWNET = 0x10000000, 0x20000000, 0x40000000
_APART = _NEWNS | _NEWCGROUP | _NEWUTS | _NEWIPC | _NEWPID | _NEWNET
_RDONLY, _NOSUID, _NODEV, _NOEXEC = 1, 2, 4, 8  # the same for mount and for mount_setattr
_BIND, _REC, _PRIVATE = 4096, 16384, 1 << 18
_DETACH = 2
_HERE, _RECURSIVE = -100, 0x8000
_MOUNT_SETATTR = 442  # on every architecture
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP = 1, 24
_CAPABILITIES = 64
_NOBODY = 65534
_FIRST_ID, _IDS = 61184, 4336  # ids that systems leave to short-lived processes
_CAP_VERSION = 0x20080522
_NAME = b"sandbox"

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]


class _Attributes(ctypes.Structure):
    """struct mount_attr of linux/mount.h."""

    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns")]


def main() -> int:
    """Runs the job on standard input in a sandbox; gives its exit status, or 128 and the signal that killed it."""
    job = json.loads(sys.stdin.buffer.read())
    os.umask(0o022)
    spec = importlib.util.spec_from_file_location("inside", job["inside"])
    assert spec is not None and spec.loader is not None
    inside = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(inside)
    _die_with_parent()
    owner = _apart()
    alive, held = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(held)
            _die_with_parent()
            if select.select([alive], [], [], 0)[0]:
                os._exit(71)  # who started this is gone already
            _build(job)
            _drop(owner)
            _die_with_parent()  # a change of user forgets it
        except OSError as error:
            os.write(int(job["report"]), json.dumps({"refused": str(error), "files": []}).encode() + b"\n")
            os._exit(72)
        inside.serve(job)
    os.close(alive)
    os.close(int(job["report"]))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code if code >= 0 else 128 - code


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _die_with_parent() -> None:
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")


def _apart() -> int:
    """Leaves the namespaces of the system; gives the user id to become, 0 when it is the only one there is.

    Raises:
        OSError: the system does not let it.
    """
    user, group = os.getuid(), os.getgid()
    if user == 0 and _libc.unshare(_APART) == 0:
        return _FIRST_ID + os.getpid() % _IDS
    _check(_libc.unshare(_APART | _NEWUSER), "unshare")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{_NOBODY} {user} 1"),
        ("gid_map", f"{_NOBODY} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123
            file.write(text)
    return 0


def _build(job: Mapping[str, Any]) -> None:
    """Makes the new root and enters it; the old one is gone afterwards.

    Raises:
        OSError: a mount is refused.
    """
    root = str(job["root"])
    _check(_libc.sethostname(_NAME, len(_NAME)), "sethostname")
    _mount("none", "/", "", _REC | _PRIVATE)
    _mount("tmpfs", root, "tmpfs", _NOSUID | _NODEV, "size=1m,mode=755")
    for source, target in job["shown"]:
        _show(source, root + target, _RDONLY | _NOSUID | _NODEV)
    for device in job["devices"]:
        _show(device, root + device, _RDONLY | _NOSUID)
    for link, target in job["links"]:
        os.makedirs(os.path.dirname(root + link), exist_ok=True)  # noqa: PTH103, PTH120
        os.symlink(target, root + link)  # noqa: PTH211
    scratch = root + job["scratch"]
    os.mkdir(scratch)  # noqa: PTH102
    size = int(job["limits"]["scratch_bytes"])
    _mount("tmpfs", scratch, "tmpfs", _NOSUID | _NODEV | _NOEXEC, f"size={size},nr_inodes=4096,mode=1777")
    _restrict(root, _RDONLY | _NOSUID | _NODEV, recursive=False)
    os.chdir(root)
    _check(_libc.syscall(_PIVOT_ROOT[platform.machine()], b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", _DETACH), "umount2")
    os.chdir("/")


def _show(source: str, target: str, rights: int) -> None:
    """Makes a file or folder of the system visible at `target`."""
    if os.path.isdir(source):  # noqa: PTH112
        os.makedirs(target, exist_ok=True)  # noqa: PTH103
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o444))
    _mount(source, target, "", _BIND | _REC)
    _restrict(target, rights, recursive=True)


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    names = [os.fsencode(text) for text in (source, target, kind)]
    _check(_libc.mount(*names, flags, options.encode()), f"mount {source} at {target}")


def _restrict(target: str, rights: int, *, recursive: bool) -> None:
    wanted = _Attributes(rights, 0, 0, 0)
    flags = _RECURSIVE if recursive else 0
    size = ctypes.c_size_t(ctypes.sizeof(wanted))
    done = _libc.syscall(_MOUNT_SETATTR, _HERE, os.fsencode(target), flags, ctypes.byref(wanted), size)
    _check(done, f"mount_setattr {target}")


def _drop(owner: int) -> None:
    """Gives up every capability, and becomes `owner` unless that is 0.

    Raises:
        OSError: a right stays.
    """
    for number in range(_CAPABILITIES):
        if _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0) != 0:
            break  # the kernel knows no more
    if owner:
        os.setgroups([])
        os.setresgid(owner, owner, owner)
        os.setresuid(owner, owner, owner)
    head = (ctypes.c_uint32 * 2)(_CAP_VERSION, 0)
    none = (ctypes.c_uint32 * 6)()
    _check(_libc.capset(head, none), "capset")
    if 0 in os.getresuid():
        raise OSError(1, "the user id is still 0")


if __name__ == "__main__":
    sys.exit(main())
