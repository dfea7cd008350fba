"""What sandboxed code can see: this Python, its packages, the system's libraries, and the files that were asked for.

Rule: everything is read-only and shown at the path it has outside, except the asked-for files: those are in `/files`.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SCRATCH = "/scratch"
FILES = "/files"
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_LIBRARIES = ("/lib", "/lib64", "/lib32", "/usr/lib", "/usr/lib64", "/usr/lib32", "/nix/store")
_DATA = ("/usr/share/zoneinfo", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/localtime")
ENVIRONMENT = {
    "PATH": "/nonexistent",
    "HOME": SCRATCH,
    "TMPDIR": SCRATCH,
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "JOBLIB_MULTIPROCESSING": "0",
    "MPLBACKEND": "Agg",
    "MPLCONFIGDIR": SCRATCH,
    **dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS"), "1"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """`shown`: pairs of a path outside and the path inside. `links`: pairs of a link inside and what it holds."""

    python: str
    packages: tuple[str, ...]
    shown: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]


@cache
def room() -> Room:
    """What is shown to all code on this machine."""
    packages = _unnested(
        path
        for path in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
        if path and os.path.isdir(path)  # noqa: PTH112
    )
    own = [os.path.realpath(sys.base_prefix), os.path.realpath(sys.base_exec_prefix), sys.base_prefix]
    if sys.base_prefix in ("/usr", "/"):
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        own = [os.path.realpath(sys.executable), f"/usr/lib/{version}", f"/usr/lib/python{sys.version_info.major}"]
    wanted = [path for path in (*_LIBRARIES, *_DATA, *own, *packages) if os.path.lexists(path)]
    links = [(path, os.readlink(path)) for path in wanted if os.path.islink(path) and os.path.isdir(path)]  # noqa: PTH112, PTH114, PTH115
    linked = {link for link, _ in links}
    shown = _unnested(path for path in wanted if path not in linked)
    return Room(
        python=os.path.realpath(sys.executable),
        packages=packages,
        shown=tuple((os.path.realpath(path), path) for path in shown),
        links=tuple(links),
    )


def shown_files(files: Iterable[Path]) -> Mapping[str, Path]:
    """The name below `/files` of each file; the same names get a number before their ending."""
    named: dict[str, Path] = {}
    for file in files:
        name, number = file.name, 1
        while name in named:
            number += 1
            name = f"{file.stem}-{number}{file.suffix}"
        named[name] = file
    return named


def _unnested(paths: Iterable[str]) -> tuple[str, ...]:
    """Without repetitions, and without what lies below another one."""
    kept: list[str] = []
    for path in sorted(set(paths)):
        if not any(path.startswith(f"{other}/") for other in kept):
            kept.append(path)
    return tuple(kept)
