"""`planloom bench`: the benchmarks of a source checkout. Rule: they are no part of the installed package."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import click

from ..errors import UsageError

_FOLDER = Path(__file__).parents[2] / "benchmarks"


@click.command("bench", context_settings={"allow_interspersed_args": False})
@click.argument("name", required=False)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def command(name: str | None, options: tuple[str, ...]) -> None:
    """Run a benchmark of the source checkout, or list them.

    \b
    planloom bench deck --quick
    planloom bench finance --json finance.json

    Exit code 1: a target was missed.
    """
    known = benchmarks(_FOLDER)
    if not known:
        raise UsageError(
            "expected a source checkout with a folder benchmarks, got an installed package; see the README"
        )
    if name is None:
        wide = max(map(len, known))
        click.echo("\n".join(f"{one:<{wide}}  {what}" for one, what in known.items()))
        return
    if name not in known:
        from difflib import get_close_matches

        near = ", ".join(get_close_matches(name, known, n=3) or known)
        raise UsageError(f"expected the name of a benchmark, got {name!r}; nearest are {near}")
    done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *options], cwd=_FOLDER.parent, check=False)
    sys.exit(done.returncode)


def benchmarks(folder: Path) -> dict[str, str]:
    """Names of the benchmarks in a folder, with the first line of what each says of itself."""
    found = {}
    for path in sorted(folder.glob("[a-z]*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.If) and "__name__" in ast.unparse(node.test) for node in tree.body):
            found[path.stem] = (ast.get_docstring(tree) or "").partition("\n")[0]
    return found
