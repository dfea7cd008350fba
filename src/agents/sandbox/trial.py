"""Tries the ways to build a sandbox: attacks from inside that must fail, and work that must succeed.

Rule: a way with one attack that gets through is never used; what was found is kept for the life of the process.
"""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from pathlib import Path
from typing import Any, Literal

from ...errors import ToolError
from . import Limits, run_as
from .kinds import KINDS, Kind

_MIB = 1 << 20
_LIMITS = Limits(seconds=20, cpu_s=10, memory_bytes=256 * _MIB, scratch_bytes=2 * _MIB)
_LOCK = threading.Lock()
_KNOWN: dict[Kind, str] = {}
_TRIAL = """
import ctypes, json, os, socket, decimal
got_through = []

def attack(name, act):
    try:
        if act() is not False:
            got_through.append(name)
    except (OSError, MemoryError, ValueError, RuntimeError):
        pass

def forked():
    if os.fork() == 0:
        os._exit(0)

def filled():
    with open("filled", "wb") as file:
        for _ in range(64):
            file.write(bytes(1 << 20))
            file.flush()

outside = inputs["outside"]
attack("opened a socket", lambda: socket.socket().connect(("127.0.0.1", inputs["port"])))
attack("opened a local socket", lambda: socket.socket(socket.AF_UNIX))
attack("read a file outside", lambda: open(outside).read())
attack("wrote a file outside", lambda: open(outside, "a").write("x"))
attack("wrote into its Python", lambda: open(os.__file__, "a"))
attack("wrote into its root", lambda: open("/written", "w"))
attack("started a process", forked)
attack("started a program", lambda: os.execv(inputs["python"], ["python", "-c", "0"]))
attack("took memory", lambda: bytearray(inputs["memory"] + 1))
attack("filled the scratch folder", filled)
attack("saw processes", lambda: os.listdir("/proc/1"))
attack("signalled a process outside", lambda: os.kill(inputs["pid"], 0) if inputs["pid"] > 8 else False)
attack("is an administrator", lambda: None if os.getuid() == 0 else False)
attack("mounted", lambda: ctypes.CDLL(None).mount(b"none", b"/scratch", b"tmpfs", 0, None) == 0)
attack("left its namespace", lambda: ctypes.CDLL(None).unshare(0x10000000) == 0)
if "filled" in os.listdir("."):
    os.remove("filled")
open("kept", "w").write("works")
total = decimal.Decimal("0.1") + decimal.Decimal("0.2")
result = {"through": got_through, "worked": open("kept").read(), "sum": total}
"""


def safe_kind(wanted: Kind | Literal["auto"]) -> Kind:
    """The first way that withstands the attacks, or `wanted` if it does.

    Raises:
        ToolError: none does; says of each what was found.
    """
    found = {}
    for kind in KINDS if wanted == "auto" else (wanted,):
        found[kind] = fault(kind)
        if not found[kind]:
            return kind
    told = "; ".join(f"{kind}: {reason}" for kind, reason in found.items())
    raise ToolError(
        "expected a way to run code safely on this machine, found none, so no code is run. "
        f"{told}. Install bubblewrap, or allow unprivileged user namespaces"
    )


def fault(kind: Kind) -> str:
    """Why a way is not safe here; empty when it is."""
    with _LOCK:
        if kind not in _KNOWN:
            reason, is_final = _tried(kind)
            if not is_final:
                return reason
            _KNOWN[kind] = reason
        return _KNOWN[kind]


def _tried(kind: Kind) -> tuple[str, bool]:
    """What was found, and whether that is for good: a trial that did not come to its end tells nothing for good."""
    listening = socket.create_server(("127.0.0.1", 0))
    with tempfile.TemporaryDirectory(prefix="planloom-trial-") as folder, listening:
        outside = Path(folder) / "outside"
        outside.write_text("secret")
        outside.chmod(0o666)
        inputs: dict[str, Any] = {
            "outside": str(outside),
            "port": listening.getsockname()[1],
            "python": os.path.realpath("/proc/self/exe"),
            "memory": _LIMITS.memory_bytes,
            "pid": os.getpid(),
        }
        try:
            outcome = run_as(kind, _TRIAL, inputs, limits=_LIMITS)
        except ToolError as error:
            return str(error), False
        if outside.read_text() != "secret":
            return "code in it wrote a file outside", True
    result = outcome.result if isinstance(outcome.result, dict) else {}
    if result.get("through"):
        return f"code in it {', '.join(map(str, result['through']))}", True
    works = (result.get("worked"), result.get("sum")) == ("works", "0.3")
    return "" if works else "honest code does not work in it", works
