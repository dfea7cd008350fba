"""Where a program is. Rule: never in the folder that a command runs in, so that nobody can put one there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ....errors import ToolError
from .allowing import Pattern


def program_of(pattern: Pattern, root: Path) -> Path:
    """The program that a pattern names: on the PATH, or with folders in its name below the workspace `root`.

    Raises:
        ToolError: there is none that may be run.
    """
    name = pattern.program
    if "/" in name or name.startswith("~"):
        found = root / Path(name).expanduser()
        if found.is_file() and os.access(found, os.X_OK):
            return found
        raise ToolError(f"expected a program at {str(found)!r}, found none that may be run")
    folders = [part for part in os.environ.get("PATH", os.defpath).split(os.pathsep) if Path(part).is_absolute()]
    located = shutil.which(name, path=os.pathsep.join(folders))
    if located is None:
        raise ToolError(f"expected the program {name!r} on the PATH, found none; install it, or correct the setting")
    return Path(located)
