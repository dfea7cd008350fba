"""`planloom memory`: what is known about a person."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from ..errors import UsageError
from . import options

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..memory.facts import Fact, NewFact
    from ..memory.forgetting import Forgotten

F = TypeVar("F", bound="Callable[..., Any]")


def _user(function: F) -> F:
    return click.option("--user", metavar="NAME", help="Whose facts (default: memory.user of the settings).")(function)


@click.group("memory")
def command() -> None:
    """What is known about you: facts that later goals may use.

    \b
    planloom memory add "Prefers charts in dark blue" --category style
    planloom memory search "which colours"
    planloom memory list
    planloom memory forget ID
    planloom memory export > facts.jsonl

    Facts stay on this machine, in the state folder; each user's in a file of their own.
    """


@command.command("add")
@click.argument("text", required=False)
@click.option("--category", default="general", metavar="NAME", help="What kind of fact it is.")
@click.option("--source", default="", metavar="TEXT", help="Where it is from.")
@click.option("--confidence", type=click.FloatRange(0, 1, min_open=True), default=1.0, help="How sure it is, up to 1.")
@click.option("--file", "lines", type=click.File("r", encoding="utf-8"), help="One JSON object a line; - reads stdin.")
@_user
@options.as_json
@options.shared
def add(
    text: str | None, lines: IO[str] | None, user: str | None, as_json: bool, config_file: Path | None, **told: Any
) -> None:
    """Remember a fact, or all facts of a file (text, and perhaps category, source, confidence)."""
    from ..memory.facts import NewFact
    from .output import print_json, print_text

    if (text is None) == (lines is None):
        raise UsageError('expected a fact or --file, got none or both; try: planloom memory add "..."')
    new = [NewFact(text=text, **told)] if text is not None else _from_lines(lines)

    async def run() -> list[Any]:
        from .knowledge import opened_facts

        async with opened_facts(config_file) as (facts, own):
            return await facts.add(user or own, new)

    added = asyncio.run(run())
    if as_json:
        print_json([{**one.fact.to_dict(), "merged": one.merged} for one in added])
        return
    for one in added:
        print_text(f"{one.fact.id}  {'known already, renewed' if one.merged else 'remembered'}: {_safe(one.fact.text)}")


@command.command("list")
@click.option("--category", metavar="NAME", help="Only facts of this kind.")
@_user
@options.as_json
@options.shared
def list_(category: str | None, user: str | None, as_json: bool, config_file: Path | None) -> None:
    """Show all facts."""
    _show(asyncio.run(_all(user, category, config_file)), as_json=as_json)


@command.command("search")
@click.argument("query")
@click.option("--limit", "count", type=click.IntRange(1, 100), default=5, show_default=True, help="Facts at most.")
@_user
@options.as_json
@options.shared
def search(query: str, count: int, user: str | None, as_json: bool, config_file: Path | None) -> None:
    """Show the facts that have to do with a text."""

    async def run() -> list[Fact]:
        from .knowledge import opened_facts

        async with opened_facts(config_file) as (facts, own):
            return await facts.recall(user or own, query, count=count)

    _show(asyncio.run(run()), as_json=as_json)


@command.command("forget")
@click.argument("ids", nargs=-1)
@click.option("--query", metavar="TEXT", help="Forget the facts that `search` finds for this, after asking.")
@click.option("--all", "everything", is_flag=True, help="Forget all facts of the user, after asking.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@_user
@options.as_json
@options.shared
def forget(ids: tuple[str, ...], user: str | None, as_json: bool, config_file: Path | None, **chosen: Any) -> None:
    """Forget facts for good, by id or by what they are about.

    Their words go from the memory, from what earlier runs and answers tell, and from all caches. Files that runs made
    for you, and exports, are yours and stay.
    """
    query, everything = chosen["query"], chosen["everything"]
    if sum((bool(ids), query is not None, everything)) != 1:
        raise UsageError("expected ids, --query or --all, one of them; planloom memory list shows the ids")
    is_sure = chosen["yes"] or as_json
    done = asyncio.run(_forget(ids, query, everything, is_sure=is_sure, user=user, config_file=config_file))
    if as_json:
        from .output import print_json

        about = {"sessions": list(done.sessions), "busy": done.busy, "problems": list(done.problems)}
        print_json({"forgotten": done.facts, **about})
    else:
        _show_forgotten(done)
    sys.exit(0 if done.facts else 1)


@command.command("export")
@_user
@options.shared
def export(user: str | None, config_file: Path | None) -> None:
    """Print all facts, one JSON object a line; `memory add --file` reads it."""
    for fact in asyncio.run(_all(user, None, config_file)):
        sys.stdout.write(json.dumps(fact.to_dict(), ensure_ascii=False) + "\n")


async def _all(user: str | None, category: str | None, config_file: Path | None) -> list[Fact]:
    from .knowledge import opened_facts

    async with opened_facts(config_file) as (facts, own):
        return await facts.all(user or own, category=category)


async def _forget(
    ids: Sequence[str],
    query: str | None,
    everything: bool,
    *,
    is_sure: bool,
    user: str | None,
    config_file: Path | None,
) -> Forgotten:
    from ..memory.forgetting import Forgotten
    from .knowledge import opened_knowledge

    async with opened_knowledge(config_file) as knowledge:
        whose = user or knowledge.user
        if ids:
            return await knowledge.forget(whose, ids)
        facts = await knowledge.facts()
        found = await facts.all(whose) if everything else await facts.recall(whose, query or "", count=20)
        if found and not is_sure:
            _show(found, as_json=False)
            if not click.confirm(f"Forget these {len(found)}?", err=True):
                return Forgotten()
        return await knowledge.forget(whose, [fact.id for fact in found])


def _show_forgotten(done: Forgotten) -> None:
    from ..printable import printable
    from .output import print_text

    print_text(f"{done.facts} forgotten." if done.facts else "Nothing forgotten.")
    if done.sessions:
        print_text(f"Its words are gone from {_count(len(done.sessions), 'session')} that used them.", "dim")
    for told in done.busy.values():
        print_text(f"Later, when it is closed: {printable(told)}", "yellow")
    for told in done.problems:
        print_text(f"Not yet: {printable(told)}; then forget again", "yellow")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _from_lines(lines: IO[str] | None) -> list[NewFact]:
    from ..memory.facts import NewFact

    found = []
    for number, line in enumerate(lines or (), 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
            told = {name: data[name] for name in ("category", "source", "confidence") if name in data}
            found.append(NewFact(text=str(data["text"]), **told))
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f'line {number}: expected a JSON object with "text", got {line.strip()[:60]!r}') from error
    return found


def _show(facts: Sequence[Fact], *, as_json: bool) -> None:
    from .output import print_json, print_table, print_text

    if as_json:
        print_json([fact.to_dict() for fact in facts])
    elif not facts:
        print_text("No facts.")
    else:
        print_table([(fact.id, _safe(fact.category), _told(fact)) for fact in facts], ("dim", "cyan", ""))


def _told(fact: Fact) -> str:
    sure = f" ({fact.confidence:.0%} sure)" if fact.confidence < 1 else ""
    source = f"  [{_safe(fact.source)}]" if fact.source else ""
    return f"{_safe(fact.text)}{sure}{source}"


def _safe(text: str) -> str:
    from ..printable import printable

    return printable(text).replace("\n", " ")
