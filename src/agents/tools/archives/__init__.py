"""Archives: list, unpack and pack ZIP and TAR. Rule: what others packed is not trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from ....errors import ToolError
from ...tool import ToolContext, tool

_MEDIA_TYPES = {"zip": "application/zip", "tar.gz": "application/gzip", "tar": "application/x-tar"}
_SHOWN_FILES = 1_000


class Member(TypedDict):
    """`kind`: file, folder, link or other. `bytes` is what it says it unpacks to."""

    name: str
    kind: str
    bytes: int
    modified: str


class Contents(TypedDict):
    """`count` and `bytes` are of all members; `warnings` say what archives.extract would refuse."""

    form: str
    members: list[Member]
    count: int
    bytes: int
    warnings: list[str]


class Unpacked(TypedDict):
    """`files` are the first thousand of `count`."""

    folder: str
    files: list[str]
    count: int
    bytes: int


class Packed(TypedDict):
    """`bytes` is the size of the archive, `unpacked` that of its files; `left_out` are links."""

    path: str
    count: int
    bytes: int
    unpacked: int
    left_out: list[str]


@tool(effect="read", process=True, timeout_s=300)
def list_(path: str, context: ToolContext, limit: Annotated[int, Field(ge=1)] = 1000) -> Contents:
    """Lists what is in an archive (ZIP, TAR, also packed with gzip, bzip2 or xz) without unpacking it."""
    from .extracting import MOST_BYTES, safe_place
    from .reading import MOST_ENTRIES, opened

    source = _file(path, context)
    members: list[Member] = []
    warnings: list[str] = []
    count = total = 0
    with opened(source) as archive:
        for entry in archive.entries():
            count, total = count + 1, total + entry.size
            if len(members) < limit:
                members.append(
                    {"name": entry.name, "kind": entry.kind, "bytes": entry.size, "modified": entry.modified}
                )
            try:
                safe_place(entry)
            except ToolError as error:
                warnings.append(str(error).removesuffix("; nothing was taken out"))
            if entry.is_encrypted:
                warnings.append(f"{entry.name!r} needs a password")
            if count >= MOST_ENTRIES or total > MOST_BYTES:
                warnings.append(f"there is more than {count:,} entries or {total:,} bytes; the rest was not looked at")
                break
        form = archive.form
    return {"form": form, "members": members, "count": count, "bytes": total, "warnings": warnings[:50]}


@tool(effect="read", process=True, timeout_s=900)
def extract(path: str, context: ToolContext, names: list[str] | None = None) -> Unpacked:
    """Takes files out of an archive (ZIP, TAR) into a new folder of this run: all, or those that match `names`.

    Archives with names that lead outside, links, devices or far too many bytes are refused as a whole.
    """
    source = _file(path, context)
    made = _unpacked(source, _new_folder(source, context), names, context)
    for file in made["files"]:
        context.artifact(Path(file))
    return made


@tool(effect="write", process=True, timeout_s=900)
def unpack(path: str, into: str, context: ToolContext, names: list[str] | None = None) -> Unpacked:
    """Takes files out of an archive (ZIP, TAR) into a folder of the workspace, overwriting nothing."""
    source = _file(path, context)
    folder = context.workspace.writable(f"{into.rstrip('/') or '.'}/x").parent
    return _unpacked(source, folder, names, context)


def _unpacked(source: Path, folder: Path, names: list[str] | None, context: ToolContext) -> Unpacked:
    from .extracting import extracted

    files = extracted(source, folder, names or [], context)
    return {
        "folder": str(folder),
        "files": [str(file) for file in files[:_SHOWN_FILES]],
        "count": len(files),
        "bytes": sum(file.stat().st_size for file in files),
    }


@tool(effect="read", process=True, timeout_s=900)
def create(
    paths: Annotated[list[str], Field(min_length=1)],
    context: ToolContext,
    *,
    form: Literal["zip", "tar.gz", "tar"] = "zip",
    name: str = "archive",
) -> Packed:
    """Packs files and folders into a new archive (ZIP, TAR, or TAR with gzip); links are left out."""
    from .packing import packed

    sources = [context.workspace.readable(path) for path in paths]
    target = context.workspace.output(f"{name}.{form}")
    try:
        count, unpacked, left_out = packed(sources, target, form, context)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    context.artifact(target, _MEDIA_TYPES[form])
    return {
        "path": str(target),
        "count": count,
        "bytes": target.stat().st_size,
        "unpacked": unpacked,
        "left_out": left_out[:100],
    }


def _file(path: str, context: ToolContext) -> Path:
    source = context.workspace.readable(path)
    if not source.is_file():
        raise ToolError(f"expected an archive, got {str(source)!r}, which is no file")
    return source


def _new_folder(source: Path, context: ToolContext) -> Path:
    """A folder of its own below the run's, named like the archive."""
    name = source.name.partition(".")[0] or "archive"
    place = context.workspace.output(f"unpacked/{name}")
    place.unlink()  # the name is ours now
    place.mkdir()
    return place
