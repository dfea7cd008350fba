"""Runs git, read only, so that nothing a repository contains can run a program or reach the network.

Rule: every call of git goes through `run`: no pager, hooks, external diff, text conversion, file system monitor,
signature check, credential prompt or transport; arguments of callers never start with a dash.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from ...errors import ToolError, TransientError

TIMEOUT_S = 120.0
_SAFE = (
    "--no-pager",
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.untrackedCache=false"),
    *("-c", "core.quotePath=false"),
    *("-c", "log.showSignature=false"),
    *("-c", "protocol.allow=never"),
    *("-c", "safe.bareRepository=explicit"),
)
_KEPT = ("PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP")


class NotARepository(ToolError):  # noqa: N818  # says what it is
    """The folder is not inside a git repository that may be read."""


def run(
    folder: Path, *arguments: str, cancelled: Callable[[], bool] = lambda: False, timeout_s: float = TIMEOUT_S
) -> str:
    """What git prints; bytes that are no UTF-8 become lone surrogates, as in file names.

    Raises:
        ToolError: git is missing, or says no; with its own words.
        NotARepository: `folder` is not inside a repository.
        TransientError: it took longer than `timeout_s`.
    """
    with _ran(folder, arguments, cancelled, timeout_s) as out:
        return out.read().decode("utf-8", "surrogateescape")


def records(
    folder: Path,
    *arguments: str,
    end: bytes = b"\0",
    cancelled: Callable[[], bool] = lambda: False,
    timeout_s: float = TIMEOUT_S,
) -> Iterator[str]:
    """What git prints, cut at `end`, without keeping all of it in memory. Empty pieces are left out.

    Raises:
        As `run`.
    """
    with _ran(folder, arguments, cancelled, timeout_s) as out:
        rest = b""
        while block := out.read(1 << 16):
            *whole, rest = (rest + block).split(end)
            for piece in whole:
                if piece:
                    yield piece.decode("utf-8", "surrogateescape")
        if rest:
            yield rest.decode("utf-8", "surrogateescape")


def answers(folder: Path, *arguments: str) -> bool:
    """Whether this call of git succeeds; False also when git is missing."""
    try:
        run(folder, *arguments, timeout_s=20)
    except (ToolError, TransientError):
        return False
    return True


def checked(argument: str, what: str) -> str:
    """`argument` unless git could take it for an option.

    Raises:
        ToolError: it starts with a dash or holds a NUL.
    """
    if argument.startswith("-") or "\0" in argument:
        raise ToolError(f"expected {what} that does not start with '-', got {argument!r}")
    return argument


def require_commit(folder: Path) -> None:
    """Passes when `folder` is in a repository with at least one commit.

    Raises:
        NotARepository: it is in none.
        ToolError: git is missing, or the repository has no commit yet.
    """
    run(folder, "rev-parse", "--git-dir")
    if not answers(folder, "rev-parse", "--verify", "--quiet", "HEAD"):
        raise ToolError(f"expected a git repository with commits, got one without any at {str(folder)!r}")


def _ran(folder: Path, arguments: tuple[str, ...], cancelled: Callable[[], bool], timeout_s: float) -> IO[bytes]:
    program = shutil.which("git")
    if program is None:
        raise ToolError("expected the program git on the PATH, found none; install git")
    out = tempfile.TemporaryFile()  # noqa: SIM115  # handed on, or closed below
    try:
        with tempfile.TemporaryFile() as told:
            process = subprocess.Popen(
                [program, *_SAFE, "-C", str(folder), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=told,
                env=_environment(),
            )
            code = _waited(process, arguments[0], cancelled, timeout_s)
            told.seek(0)
            if code != 0:
                raise _refusal(folder, arguments[0], told.read(4000).decode("utf-8", "replace"))
    except BaseException:
        out.close()
        raise
    out.seek(0)
    return out


def _waited(process: subprocess.Popen[bytes], what: str, cancelled: Callable[[], bool], timeout_s: float) -> int:
    end = time.monotonic() + timeout_s
    try:
        while True:
            try:
                return process.wait(timeout=0.1)
            except subprocess.TimeoutExpired:
                if cancelled():
                    raise ToolError(f"git {what} was cancelled") from None
                if time.monotonic() > end:
                    raise TransientError(f"git {what}: expected an end within {timeout_s:g} s, got none") from None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _refusal(folder: Path, what: str, told: str) -> ToolError:
    told = told.strip()
    if "not a git repository" in told or "cannot use bare repository" in told:
        return NotARepository(f"expected a folder inside a git repository, got {str(folder)!r}; choose another folder")
    if "dubious ownership" in told:
        return NotARepository(
            f"git does not trust the repository at {str(folder)!r} because someone else owns it; "
            f"run: git config --global --add safe.directory {str(folder)!r}"
        )
    return ToolError(f"git {what} failed in {str(folder)!r}: {told.splitlines()[-1] if told else 'it gave no reason'}")


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_PAGER": "cat",
    }
