"""`planloom sessions`: conversations on disk. Rule: what only looks takes no lock, and nothing is deleted unasked."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import JournalError, UsageError
from . import options

if TYPE_CHECKING:
    from ..memory.artifacts import ArtifactStore
    from ..memory.journal import Report
    from ..memory.sessions import Sessions, State, Summary

_SHOWN = 2000


@click.group("sessions", invoke_without_command=True)
@options.as_json
@options.shared
@click.pass_context
def command(ctx: click.Context, as_json: bool, config_file: Path | None) -> None:
    """List sessions, show, move, check and repair them. An ID may be shortened as long as it is clear."""
    ctx.obj = config_file
    if ctx.invoked_subcommand is None:
        _list(config_file, as_json=as_json)


@command.command("list")
@options.as_json
@options.shared
@click.pass_obj
def list_(group_config: Path | None, as_json: bool, config_file: Path | None) -> None:
    """List all sessions, the one used last first."""
    _list(config_file or group_config, as_json=as_json)


@command.command("show", short_help="Show what was said, runs, context, approvals.")
@click.argument("session_id", metavar="ID")
@options.as_json
@options.shared
@click.pass_obj
def show(group_config: Path | None, session_id: str, as_json: bool, config_file: Path | None) -> None:
    """Show a session: what was said, its runs, shared context and open approvals."""
    from .output import print_json

    sessions, _ = _place(config_file or group_config)
    name = _full_id(sessions, session_id)
    state = sessions.load(name)
    if as_json:
        print_json(_as_data(name, state))
    else:
        _print_state(name, state)


@command.command("export", short_help="Print everything of a session as JSON.")
@click.argument("session_id", metavar="ID")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write to this file.")
@options.shared
@click.pass_obj
def export(group_config: Path | None, session_id: str, out: Path | None, config_file: Path | None) -> None:
    """Print everything of a session as JSON: events, artifacts, messages."""
    import json

    from ..memory.sessions.exchange import exported

    sessions, store = _place(config_file or group_config)
    data = exported(sessions, _full_id(sessions, session_id), store)
    text = json.dumps(data, ensure_ascii=False, indent=1) + "\n"
    if out is None:
        sys.stdout.write(text)
    else:
        _write(out, text)
        sys.stderr.write(f"{len(data['events']):,} events and {len(data['artifacts'])} artifacts in {out}\n")
    for sha256 in data["missing_artifacts"]:
        sys.stderr.write(f"Gone and not exported: artifact {sha256}\n")


@command.command("import", short_help="Make a session of a JSON file.")
@click.argument("file", metavar="FILE")
@click.option("--as", "session_id", metavar="ID", help="Give the session this id.")
@options.as_json
@options.shared
@click.pass_obj
def import_(
    group_config: Path | None, file: str, session_id: str | None, as_json: bool, config_file: Path | None
) -> None:
    """Make a session of an export, or of JSON with a list of messages; FILE - reads stdin."""
    from ..memory.sessions.exchange import imported
    from .output import print_json

    sessions, store = _place(config_file or group_config)
    name = imported(_read_json(file), sessions, store, session_id=session_id)
    if as_json:
        print_json({"session_id": name})
    else:
        sys.stdout.write(f"{name}\n")


@command.command("delete")
@click.argument("session_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Don't ask.")
@options.shared
@click.pass_obj
def delete(group_config: Path | None, session_ids: Sequence[str], yes: bool, config_file: Path | None) -> None:
    """Delete sessions for good."""
    sessions, _ = _place(config_file or group_config)
    names = [_full_id(sessions, session_id) for session_id in session_ids]
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("expected --yes to delete without asking")
        click.confirm(f"Delete {', '.join(names)} for good?", abort=True, err=True)
    for name in names:
        sessions.delete(name)
        sys.stderr.write(f"Deleted {name}.\n")


@command.command("compact", short_help="Make journals smaller; drop what is kept no longer.")
@click.argument("session_id", metavar="[ID]", required=False)
@options.as_json
@options.shared
@click.pass_obj
def compact(group_config: Path | None, session_id: str | None, as_json: bool, config_file: Path | None) -> None:
    """Make journals smaller, and drop what sessions.retention_days and sessions.max_bytes keep no longer."""
    from dataclasses import asdict

    from ..memory.sessions.retention import tidy
    from .output import print_json
    from .view import as_size

    sessions, store = _place(config_file or group_config)
    done = tidy(sessions, store, only=None if session_id is None else _full_id(sessions, session_id))
    before, after = (sum(getattr(s, name) for s in done.sessions) for name in ("before_bytes", "after_bytes"))
    if as_json:
        print_json(asdict(done))
    else:
        sys.stdout.write(
            f"{len(done.sessions)} sessions: {as_size(before)} before, {as_size(after)} now; {done.runs_dropped} runs "
            f"and {done.artifacts_removed} artifacts ({as_size(done.artifact_bytes)}) removed\n"
        )
    for problem in done.problems:
        sys.stderr.write(f"Left as it is: {problem}\n")
    if done.problems:
        click.get_current_context().exit(1)


@command.command("verify", short_help="Check journals byte by byte.")
@click.argument("session_ids", metavar="[ID...]", nargs=-1)
@options.as_json
@options.shared
@click.pass_obj
def verify(group_config: Path | None, session_ids: Sequence[str], as_json: bool, config_file: Path | None) -> None:
    """Check journals byte by byte, all without an ID; exit code 1 when something is damaged."""
    from ..memory.journal import verify as look_over

    sessions, _ = _place(config_file or group_config)
    names = [_full_id(sessions, one) for one in session_ids] or [summary.id for summary in sessions.all()]
    reports = [look_over(sessions.path(name)) for name in names]
    _print_reports(reports, as_json=as_json)
    if not all(report.ok for report in reports):
        click.get_current_context().exit(1)


@command.command("repair", short_help="Make a damaged session readable.")
@click.argument("session_id", metavar="ID")
@options.as_json
@options.shared
@click.pass_obj
def repair(group_config: Path | None, session_id: str, as_json: bool, config_file: Path | None) -> None:
    """Make a damaged session readable: every whole record is kept, the damaged file stays beside it."""
    from ..clock import SystemClock
    from ..memory.journal import repair as make_whole

    sessions, _ = _place(config_file or group_config)
    name = _full_id(sessions, session_id)
    report = make_whole(sessions.path(name), SystemClock())
    _print_reports([report], as_json=as_json, word="repaired")
    if not as_json and not report.ok:
        sys.stdout.write("All else is kept and can be read again; the damaged file stays beside it as .damaged.\n")


# ---- what the commands share


def _place(config_file: Path | None) -> tuple[Sessions, ArtifactStore]:
    from ..clock import SystemClock
    from ..memory.artifacts import ArtifactStore
    from ..memory.sessions import Sessions

    config = options.settings(config_file).config
    state = Path(config.state).expanduser().resolve()
    return Sessions(state, config.sessions, SystemClock()), ArtifactStore(state / "artifacts")


def _full_id(sessions: Sessions, given: str) -> str:
    """The id that a person means: as it is, or the only one that begins so.

    Raises:
        UsageError: there is none, or several.
    """
    if sessions.path(given).is_dir():
        return given
    names = [path.name for path in sessions.folder.glob("*") if path.is_dir() and path.name.startswith(given)]
    if len(names) == 1:
        return names[0]
    if names:
        raise UsageError(f"expected the id of one session, got {given!r}, with which begin: {', '.join(sorted(names))}")
    raise UsageError(f"expected the id of a session, got {given!r}; `planloom sessions list` shows them")


def _read_json(file: str) -> Any:
    import json

    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8-sig")
        return json.loads(text)
    except OSError as error:
        raise UsageError(f"expected a file to read, got {file!r}: {error}") from error
    except ValueError as error:
        raise UsageError(f"expected JSON in {file!r}, got: {error}") from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise JournalError(f"expected to write {str(path)!r}, got: {error}") from error


# ---- what people see


def _list(config_file: Path | None, *, as_json: bool) -> None:
    from dataclasses import asdict

    from .output import print_json, print_table

    sessions, _ = _place(config_file)
    summaries = sessions.all()
    if as_json:
        print_json([asdict(summary) for summary in summaries])
    elif not summaries:
        sys.stderr.write(f"No sessions in {sessions.folder} yet.\n")
    else:
        print_table([_row(summary) for summary in summaries], ("bold", "dim", "dim", "dim", ""))


def _row(summary: Summary) -> tuple[str, str, str, str, str]:
    from .view import as_size

    runs = f"{len(summary.runs)} run{'s' * (len(summary.runs) != 1)}"
    notes = []
    if summary.problem:
        notes.append(f"DAMAGED, run: planloom sessions repair {summary.id}")
    if summary.open_approvals:
        notes.append(f"{summary.open_approvals} open approval{'s' * (summary.open_approvals != 1)}")
    about = " · ".join([*notes, summary.title] if summary.title else notes) or "empty"
    return summary.id, _when(summary.updated), runs, as_size(summary.size_bytes), about


def _when(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at)) if at else "-"


def _as_data(name: str, state: State) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "session_id": name,
        "title": state.title,
        "messages": [asdict(message) for message in state.messages],
        "runs": [asdict(run) for run in state.runs.values()],
        "context": state.context,
        "open_approvals": [asdict(asked) for asked in state.approvals.values()],
        "events": state.events,
        "last": state.last,
        "began": state.began,
        "updated": state.updated,
    }


def _print_state(name: str, state: State) -> None:
    from .output import print_heading, print_table, print_text
    from .view import as_seconds, first_line

    print_heading(name)
    print_text(f"{_when(state.began)} to {_when(state.updated)}, {state.events:,} events", "dim")
    for message in state.messages:
        print_heading(f"\n{message.role}  {_when(message.at)}")
        text = message.text if len(message.text) <= _SHOWN else message.text[:_SHOWN] + "… (--json shows it whole)"
        print_text(text)
    if state.runs:
        print_heading("\nRuns")
        runs = state.runs.values()
        rows = [(f"  {run.id}", run.status, as_seconds(run.seconds), first_line(run.goal)) for run in runs]
        print_table(rows, ("bold", "cyan", "dim", ""))
    if state.approvals:
        print_heading("\nOpen approvals")
        asked = [(f"  {one.run_id}", one.step, one.question) for one in state.approvals.values()]
        print_table(asked, ("bold", "cyan", ""))
    if state.context:
        print_heading("\nContext")
        print_table([(f"  {name}", str(value)[:_SHOWN]) for name, value in state.context.items()], ("bold", ""))


def _print_reports(reports: Sequence[Report], *, as_json: bool, word: str = "DAMAGED") -> None:
    from dataclasses import asdict

    from .output import print_json, print_table

    if as_json:
        print_json([{**asdict(report), "ok": report.ok} for report in reports])
        return
    rows = [(r.session, "ok" if r.ok else word, f"{r.events:,} events", _told(r, word)) for r in reports]
    print_table(rows, ("bold", "cyan", "dim", ""))


def _told(report: Report, word: str) -> str:
    """What is wrong, in words."""
    verb = "were" if word == "repaired" else "are"
    parts = [f"{d.file}: {d.size} bytes from byte {d.offset} on {verb} damaged" for d in report.damages]
    parts += [f"events {lost} are lost" for lost in report.lost]
    parts += [f"events {lost} were lost before an earlier repair" for lost in report.lost_before]
    if report.torn_bytes:
        parts.append(f"{report.torn_bytes} bytes of an unfinished group at the end")
    if not report.ok and word == "DAMAGED":
        parts.append(f"run: planloom sessions repair {report.session}")
    return "; ".join(parts) or "whole"
