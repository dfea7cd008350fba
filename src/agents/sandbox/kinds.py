"""The ways to build a sandbox, as command lines. Rule: nothing is run here.

Both end in `inside`, which sets the limits and the filter of system calls by itself.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any, Literal

from .room import DEVICES, SCRATCH, Room

Kind = Literal["bubblewrap", "namespaces"]
KINDS: tuple[Kind, ...] = ("bubblewrap", "namespaces")
INSIDE = Path(__file__).with_name("inside.py")
ROOT = "/sys"  # where the new root is mounted, in namespaces of its own: it is there, and nothing in it is shown
_WALLS = Path(__file__).with_name("walls.py")
_PYTHON = ("-I", "-S", "-B", "-X", "utf8")


def command(kind: Kind, room: Room, job: dict[str, Any]) -> list[str]:
    """The program that runs `job`, given to it on standard input.

    Raises:
        OSError: this way needs something that is not there.
    """
    if not sys.platform.startswith("linux"):
        raise OSError(f"it needs Linux, this is {sys.platform}")
    if kind == "namespaces":
        return [room.python, *_PYTHON, str(_WALLS)]
    return _bubblewrap(room, job)


def _bubblewrap(room: Room, job: dict[str, Any]) -> list[str]:
    program = shutil.which("bwrap")
    if program is None:
        raise OSError("the program bwrap is not on the PATH")
    made = [program, "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    made += ["--uid", "65534", "--gid", "65534", "--hostname", "sandbox"]
    for source, target in job["shown"]:
        made += ["--ro-bind", source, target]
    for link, target in room.links:
        made += ["--symlink", target, link]
    for device in DEVICES:
        made += ["--dev-bind", device, device]
    made += ["--ro-bind", str(INSIDE), "/inside.py"]
    made += ["--size", str(job["limits"]["scratch_bytes"]), "--tmpfs", SCRATCH, "--remount-ro", "/"]
    return [*made, "--chdir", SCRATCH, room.python, *_PYTHON, "/inside.py"]


def devices() -> list[str]:
    """The devices that are there."""
    return [device for device in DEVICES if os.path.exists(device)]  # noqa: PTH110
