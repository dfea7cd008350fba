"""Turns the sums of a folder into the result of `files.scan`: figures, sentences, tables and charts.

Rule: pure; an empty folder gives sentences too, and no charts.
"""

from __future__ import annotations

from pathlib import Path

from .. import figures as say
from .folder import LeftOut
from .listing import day
from .scanning import (
    SIZE_LABELS,
    KindTotal,
    Scan,
    Tally,
    best,
    file_entry,
    kinds_by_size,
)

_CHART_ROWS = 12


def scan_result(root: Path, tally: Tally, left_out: LeftOut, *, max_kinds: int, inventory: Path | None) -> Scan:
    """The whole result of one walk."""
    kinds = kinds_by_size(tally)
    rest = kinds[max_kinds:]
    return {
        "path": str(root),
        "name": root.name or str(root),
        "source": left_out.source,
        "files": tally.files,
        "folders": left_out.folders,
        "bytes": tally.size,
        "depth": tally.depth,
        "kinds": kinds[:max_kinds],
        "other_kinds": {
            "kinds": len(rest),
            "files": sum(k["files"] for k in rest),
            "bytes": sum(k["bytes"] for k in rest),
        },
        "largest": [file_entry(e) for e in best(tally.largest)],
        "oldest": file_entry(tally.oldest) if tally.oldest else None,
        "newest": file_entry(tally.newest) if tally.newest else None,
        "prose": [{"path": str(root / e.path), "name": e.path, "bytes": e.size} for e in best(tally.prose)],
        "prose_paths": [str(root / e.path) for e in best(tally.prose)],
        "skipped": [f"{name} ({count:,})" for name, count in left_out.skipped.most_common()],
        "unreadable": {"count": left_out.unreadable_count, "names": left_out.unreadable},
        "inventory": str(inventory) if inventory else None,
        "sentence": _sentence(root, tally, kinds),
        "sections": _sections(tally, left_out, kinds),
        "charts": _charts(tally, kinds),
    }


def _sentence(root: Path, tally: Tally, kinds: list[KindTotal]) -> str:
    name = say.code(root.name or str(root))
    if not tally.files:
        return f"{name} holds no files."
    lead = max(kinds, key=lambda k: k["files"])
    text = f"{name} holds {say.counted(tally.files, 'file')} with {say.size(tally.size)} in all"
    if len(kinds) == 1:
        return f"{text}, all of one kind: {lead['kind']}."
    text += f", of {len(kinds)} kinds. {say.share(lead['files'], tally.files)} of the files are {lead['kind']}"
    if kinds[0] is lead:
        return f"{text}, which also take the most space ({say.share(lead['bytes'], tally.size)})."
    return f"{text}; {say.share(kinds[0]['bytes'], tally.size)} of the space goes to {kinds[0]['kind']}."


def _sections(tally: Tally, left_out: LeftOut, kinds: list[KindTotal]) -> list[say.Section]:
    first = _overview(tally, left_out, kinds)
    if not tally.files:
        return [first]
    return [first, _kinds(tally, kinds), _folders(tally), _sizes(tally), _largest(tally)]


def _overview(tally: Tally, left_out: LeftOut, kinds: list[KindTotal]) -> say.Section:
    facts = [
        say.fact("Files", say.number(tally.files)),
        say.fact("Folders", say.number(left_out.folders)),
        say.fact("Size", say.size(tally.size)),
        say.fact("Kinds", say.number(len(kinds))),
    ]
    if tally.oldest and tally.newest:
        facts.append(say.fact("Levels of folders", say.number(tally.depth)))
        facts.append(say.fact("Last change", day(tally.newest.modified)))
    return say.section("At a glance", _how_counted(left_out), facts)


def _how_counted(left_out: LeftOut) -> str:
    if left_out.source == "git":
        text = "Counted are the files that git tracks or would track."
    else:
        text = "Counted are all files in the folder and below it."
    if left_out.skipped:
        parts = [f"{name} ({count:,})" for name, count in left_out.skipped.most_common(8)]
        more = len(left_out.skipped) - len(parts)
        text += f" Left out: {', '.join(parts)}{f' and {more} more' if more else ''}."
    if left_out.unreadable_count:
        names = ", ".join(say.code(name) for name in left_out.unreadable[:5])
        text += f" Could not be read: {say.counted(left_out.unreadable_count, 'entry', 'entries')}, such as {names}."
    return " ".join([text, *left_out.notes])


def _kinds(tally: Tally, kinds: list[KindTotal]) -> say.Section:
    rows = [
        [k["kind"], say.number(k["files"]), say.size(k["bytes"]), say.share(k["bytes"], tally.size)] for k in kinds[:20]
    ]
    if rest := kinds[20:]:
        total = sum(k["bytes"] for k in rest)
        files = say.number(sum(k["files"] for k in rest))
        rows.append([f"{len(rest)} other kinds", files, say.size(total), say.share(total, tally.size)])
    table: say.Table = {"columns": ["Kind", "Files", "Size", "Share of size"], "rows": rows}
    return say.section("Kinds of files", "", table=table, charts=_kinds_chart(tally, kinds))


def _folders(tally: Tally) -> say.Section:
    tops = sorted(tally.tops.items(), key=lambda t: (-t[1], t[0]))
    text = ""
    if tops:
        name, size = tops[0]
        shown = name if name.startswith("files ") else say.code(name)
        text = f"The largest part is {shown} with {say.size(size)}, {say.share(size, tally.size)} of everything."
    return say.section("Where the space goes", text, charts=_folders_chart(tally))


def _sizes(tally: Tally) -> say.Section:
    small = sum(tally.steps[:3])
    text = f"{say.share(small, tally.files)} of the files are smaller than 10 kB." if tally.files else ""
    if tally.steps[0]:
        text += f" {say.counted(tally.steps[0], 'file is', 'files are')} empty."
    return say.section("Sizes", text, charts=_sizes_chart(tally))


def _largest(tally: Tally) -> say.Section:
    entries = best(tally.largest)
    rows = [[e.path, e.kind.name, say.size(e.size)] for e in entries[:15]]
    text = ""
    if len(entries) > 1:
        total = sum(e.size for e in entries)
        text = f"The {len(entries)} largest files hold {say.share(total, tally.size)} of the size."
    table: say.Table = {"columns": ["File", "Kind", "Size"], "rows": rows}
    return say.section("Largest files", text, table=table, charts=_largest_chart(tally))


def _charts(tally: Tally, kinds: list[KindTotal]) -> list[say.Chart]:
    return [*_kinds_chart(tally, kinds), *_folders_chart(tally), *_sizes_chart(tally), *_largest_chart(tally)]


def _kinds_chart(tally: Tally, kinds: list[KindTotal]) -> list[say.Chart]:
    shown = [(k["kind"], k["bytes"]) for k in kinds[: _CHART_ROWS - 1]]
    if rest := kinds[_CHART_ROWS - 1 :]:
        shown.append(("All other kinds", sum(k["bytes"] for k in rest)))
    if not shown:
        return []
    title = f"{kinds[0]['kind']}: {say.share(kinds[0]['bytes'], tally.size)} of the size"
    return say.drawable(
        say.chart("barh", title, [n for n, _ in shown], [b for _, b in shown], value_format="bytes", name="kinds")
    )


def _folders_chart(tally: Tally) -> list[say.Chart]:
    tops = sorted(tally.tops.items(), key=lambda t: (-t[1], t[0]))
    shown = tops[: _CHART_ROWS - 1]
    if rest := tops[_CHART_ROWS - 1 :]:
        shown.append((f"{len(rest)} others", sum(size for _, size in rest)))
    if len(tops) < 2:
        return []
    labels = say.labels([name for name, _ in shown])
    made = say.chart(
        "barh", "Size by top folder", labels, [s for _, s in shown], value_format="bytes", name="top-folders"
    )
    return say.drawable(made)


def _sizes_chart(tally: Tally) -> list[say.Chart]:
    title = "How large the files are"
    used = [i for i, count in enumerate(tally.steps) if count]
    shown = range(used[0], used[-1] + 1) if used else range(0)
    labels, counts = [SIZE_LABELS[i] for i in shown], [tally.steps[i] for i in shown]
    return say.drawable(say.chart("bar", title, labels, counts, name="sizes", y_label="files"))


def _largest_chart(tally: Tally) -> list[say.Chart]:
    shown = best(tally.largest)[:10]
    labels = say.labels([e.path for e in shown])
    made = say.chart(
        "barh", "The largest files", labels, [e.size for e in shown], value_format="bytes", name="largest-files"
    )
    return say.drawable(made)
