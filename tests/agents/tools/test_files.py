from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from repositories import Repository

from planloom.agents.tool import Tool, ToolContext
from planloom.agents.tools import figures, files
from planloom.agents.tools.files import contents, kinds
from planloom.agents.workspace import Workspace
from planloom.errors import AccessError, ToolError


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    root = tmp_path / "folder"
    root.mkdir()
    return ToolContext(workspace=Workspace(root, tmp_path / "out"))


@pytest.fixture
def root(context: ToolContext) -> Path:
    return context.workspace.root


def _fill(root: Path, contents: Mapping[str, str | bytes]) -> None:
    for name, content in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


# reading and writing


@pytest.mark.parametrize(
    ("data", "text", "encoding"),
    [
        ("naïve".encode(), "naïve", "utf-8"),
        ("naïve".encode("utf-8-sig"), "naïve", "utf-8"),
        ("naïve".encode("utf-16"), "naïve", "utf-16"),
        ("naïve".encode("latin-1"), "naïve", "latin-1"),
        (b"", "", "utf-8"),
    ],
)
def test_text_is_read_in_any_encoding(root: Path, context: ToolContext, data: bytes, text: str, encoding: str) -> None:
    (root / "a.txt").write_bytes(data)
    found = files.read("a.txt", context=context)
    assert (found["text"], found["encoding"], found["truncated"]) == (text, encoding, False)


def test_cut_text_ends_at_a_whole_character_and_says_so(root: Path, context: ToolContext) -> None:
    (root / "a.txt").write_text("ääää", encoding="utf-8")
    found = files.read("a.txt", max_bytes=3, context=context)
    assert (found["text"], found["encoding"], found["truncated"], found["bytes"]) == ("ä", "utf-8", True, 8)


def test_binary_file_is_refused_as_text(root: Path, context: ToolContext) -> None:
    (root / "a.bin").write_bytes(b"\x00\x01\x02")
    with pytest.raises(ToolError, match="binary"):
        files.read("a.bin", context=context)


def test_written_file_has_the_hash_that_is_said(root: Path, context: ToolContext) -> None:
    made = files.write("new/a.txt", "grüße", context=context)
    data = (root / "new/a.txt").read_bytes()
    assert data == "grüße".encode()
    assert made == {"path": str(root / "new/a.txt"), "bytes": 7, "sha256": hashlib.sha256(data).hexdigest()}
    assert files.hash_("new/a.txt", context=context) == made


def test_existing_file_is_replaced_only_on_request(root: Path, context: ToolContext) -> None:
    files.write("a.txt", "one", context=context)
    with pytest.raises(ToolError, match="overwrite"):
        files.write("a.txt", "two", context=context)
    assert (root / "a.txt").read_text() == "one"
    files.write("a.txt", "two", overwrite=True, context=context)
    assert (root / "a.txt").read_text() == "two"
    assert [p.name for p in root.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("path", ["../outside.txt", "/etc/outside.txt", "link/outside.txt"])
def test_nothing_is_written_outside_the_workspace(root: Path, context: ToolContext, tmp_path: Path, path: str) -> None:
    (root / "link").symlink_to(tmp_path)
    with pytest.raises(AccessError):
        files.write(path, "x", context=context)
    assert not (tmp_path / "outside.txt").exists()


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("**", ["a.csv", "deep/er/c.csv", "deep/x.txt"]),
        ("*.csv", ["a.csv", "deep/er/c.csv"]),
        ("deep/*.txt", ["deep/x.txt"]),
        ("deep/**/*.csv", ["deep/er/c.csv"]),
        ("./*.csv", ["a.csv"]),
        ("[!a].csv", ["deep/er/c.csv"]),
        ("nothing*", []),
    ],
)
def test_glob_lists_what_matches(root: Path, context: ToolContext, pattern: str, expected: list[str]) -> None:
    _fill(root, {"a.csv": "1", "deep/er/c.csv": "1", "deep/x.txt": "1"})
    found = files.list_(pattern=pattern, context=context)
    assert [f["path"] for f in found["files"]] == expected


def test_list_says_that_it_is_cut(root: Path, context: ToolContext) -> None:
    _fill(root, {f"{i}.txt": "x" for i in range(5)})
    found = files.list_(limit=2, context=context)
    assert (len(found["files"]), found["count"], found["truncated"]) == (2, 5, True)


# kinds


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.py", "Python"),
        ("README", "Plain text"),
        ("README.md", "Markdown"),
        ("CMakeLists.txt", "CMake"),
        ("requirements-dev.txt", "INI"),
        ("x.svg", "Images"),
        ("X.JPG", "Images"),
        ("song.mp3", "Audio"),
        ("paper.docx", "Word documents"),
        ("data.tar.gz", "Archives"),
        (".gitignore", "Settings"),
        ("Makefile", "Make"),
    ],
)
def test_name_tells_the_kind_without_opening_the_file(name: str, kind: str) -> None:
    assert kinds.kind_of(f"/nowhere/{name}").name == kind


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"#!/usr/bin/env python3\n", "Python"),
        (b"#!/bin/sh -e\n", "Shell"),
        (b"words\n", "Other text"),
        (b"\x7fELF\x00\x01", "Other binaries"),
        (b"", "Empty files"),
    ],
)
def test_content_tells_the_kind_of_a_name_that_does_not(tmp_path: Path, content: bytes, kind: str) -> None:
    (tmp_path / "thing").write_bytes(content)
    assert kinds.kind_of(tmp_path / "thing").name == kind


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.py", "# one\n\nx = 1  # no comment line\n", (3, 1, 1, 1)),
        ("a.c", "/* one\n two */\nint x; // y\n// z\n", (4, 1, 3, 0)),
        ("a.html", "<!-- one -->\n<p>\n", (2, 1, 1, 0)),
        ("a.txt", "# one\nno end", (2, 2, 0, 0)),
        ("b.py", "", (0, 0, 0, 0)),
    ],
)
def test_lines_are_code_comment_or_blank(
    tmp_path: Path, name: str, text: str, expected: tuple[int, int, int, int]
) -> None:
    path = tmp_path / name
    path.write_text(text)
    found = contents.count_lines(path, kinds.kind_of(path))
    assert (found.total, found.code, found.comment, found.blank) == expected


# surveys


def test_empty_folder_is_surveyed_without_charts(context: ToolContext) -> None:
    found = files.scan(context=context)
    assert (found["files"], found["bytes"], found["kinds"], found["prose"], found["charts"]) == (0, 0, [], [], [])
    assert found["sentence"] == "`folder` holds no files."
    assert [s["heading"] for s in found["sections"]] == ["At a glance"]


def test_scan_adds_up_the_folder(root: Path, context: ToolContext) -> None:
    _fill(root, {"a.py": "x" * 10, "src/b.py": "y" * 20, "src/deep/c.md": "z" * 500, "d.png": b"\x00" * 100})
    found = files.scan(context=context)
    assert (found["files"], found["folders"], found["bytes"], found["depth"]) == (4, 2, 630, 2)
    assert [(k["kind"], k["files"], k["bytes"]) for k in found["kinds"]] == [
        ("Markdown", 1, 500),
        ("Images", 1, 100),
        ("Python", 2, 30),
    ]
    assert found["largest"][0]["path"] == "src/deep/c.md"
    assert [p["name"] for p in found["prose"]] == ["src/deep/c.md"]


def test_kinds_beyond_the_limit_are_added_up(root: Path, context: ToolContext) -> None:
    _fill(root, {"a.py": "x" * 30, "b.md": "x" * 20, "c.css": "x" * 10})
    found = files.scan(max_kinds=1, context=context)
    assert [k["kind"] for k in found["kinds"]] == ["Python"]
    assert found["other_kinds"] == {"kinds": 2, "files": 2, "bytes": 30}


def test_readme_is_read_before_longer_prose_and_licences_never(root: Path, context: ToolContext) -> None:
    sizes = {"long.md": 5000, "sub/README.md": 300, "README.md": 250, "LICENSE": 9000, "tiny.md": 10}
    _fill(root, {name: "w" * size for name, size in sizes.items()})
    found = files.scan(max_prose=3, context=context)
    assert [p["name"] for p in found["prose"]] == ["README.md", "sub/README.md", "long.md"]


def test_junk_and_links_are_left_out_and_said(root: Path, context: ToolContext) -> None:
    _fill(root, {"a.py": "x", "node_modules/m/index.js": "x", "__pycache__/a.pyc": "x", "planloom-out/r.html": "x"})
    (root / "loop").symlink_to(root)
    (root / "gone").symlink_to("nowhere")
    found = files.scan(context=context)
    assert found["files"] == 1
    assert set(found["skipped"]) == {"node_modules (1)", "__pycache__ (1)", "planloom-out (1)", "symbolic links (2)"}


def test_git_ignore_rules_decide_inside_a_repository(root: Path, context: ToolContext) -> None:
    repository = Repository(root)
    repository.commit({".gitignore": "*.log\nbuild/\n", "a.py": "x"}, at="2025-01-01T00:00:00+00:00")
    _fill(root, {"new.py": "x", "b.log": "x", "build/c.o": "x"})
    found = files.scan(context=context)
    assert (found["source"], found["files"]) == ("git", 3)
    assert found["skipped"] == ["entries that git ignores (2)"]


def test_ignored_folder_inside_a_repository_is_walked(root: Path, context: ToolContext) -> None:
    Repository(root).commit({".gitignore": "data/\n"}, at="2025-01-01T00:00:00+00:00")
    _fill(root, {"data/a.csv": "x"})
    found = files.scan("data", context=context)
    assert (found["source"], found["files"]) == ("folder", 1)


def test_file_system_monitor_of_a_repository_is_not_run(root: Path, context: ToolContext, tmp_path: Path) -> None:
    repository = Repository(root)
    repository.commit({"a.py": "x"}, at="2025-01-01T00:00:00+00:00")
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    repository.git("config", "core.fsmonitor", str(hook))
    assert files.scan(context=context)["files"] == 1
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_folder_is_counted_and_named(root: Path, context: ToolContext) -> None:
    _fill(root, {"closed/a.py": "x", "b.py": "x"})
    (root / "closed").chmod(0)
    found = files.scan(context=context)
    (root / "closed").chmod(0o755)
    assert (found["files"], found["unreadable"]) == (1, {"count": 1, "names": ["closed/"]})


def test_odd_names_survive_the_inventory(root: Path, context: ToolContext) -> None:
    _fill(root, {'a,"b"\nc.py': "x", os.fsdecode(b"caf\xe9.py"): "y"})
    found = files.scan(keep_inventory=True, context=context)
    summary = files.kind_summary(".", "Python", found["inventory"], context=context)
    assert (summary["files"], summary["lines"], summary["uncounted"]) == (2, 2, 0)


def test_file_that_is_no_inventory_is_refused(root: Path, context: ToolContext) -> None:
    _fill(root, {"a.csv": "1,2\n"})
    with pytest.raises(ToolError, match="inventory"):
        files.kind_summary(".", "CSV", "a.csv", context=context)


@pytest.mark.parametrize("keep", [True, False])
def test_kind_summary_is_the_same_with_and_without_inventory(root: Path, context: ToolContext, keep: bool) -> None:
    _fill(root, {"a.py": "x = 1\n\n# c\n", "b.py": "y\n", "c.md": "# t\n"})
    inventory = files.scan(keep_inventory=keep, context=context)["inventory"]
    found = files.kind_summary(".", "Python", inventory, context=context)
    assert (found["files"], found["lines"], found["code"], found["comment"], found["blank"]) == (2, 4, 2, 1, 1)
    assert found["median_bytes"] == 2


def test_kind_that_is_not_there_is_refused(context: ToolContext) -> None:
    with pytest.raises(ToolError, match="Cobol"):
        files.kind_summary(".", "Cobol", context=context)


def test_pictures_have_no_lines(root: Path, context: ToolContext) -> None:
    _fill(root, {"a.svg": "<svg>\n</svg>\n", "b.png": b"\x89PNG\n\n\n"})
    found = files.kind_summary(".", "Images", context=context)
    assert (found["files"], found["lines"], found["blank"]) == (2, None, None)


def test_comparison_survives_a_failed_kind(root: Path, context: ToolContext) -> None:
    _fill(root, {"a.py": "x\ny\n", "b.css": "p {}\n"})
    summaries = [files.kind_summary(".", kind, context=context) for kind in ("Python", "CSS")]
    found = files.compare_kinds([summaries[0], None, summaries[1]])
    assert (found["lines"], found["code"]) == (3, 3)
    assert [s["heading"] if s else None for s in found["sections"]][-3:] == ["Python", None, "CSS"]


# duplicates


def test_copies_are_found_and_the_space_they_take(root: Path, context: ToolContext) -> None:
    big = b"a" * 70_000
    _fill(
        root, {"a": b"same", "b": b"same", "c": b"diff", "x/1": big, "2": big, "3": big[:-1] + b"b", "e": "", "f": ""}
    )
    found = files.duplicates(".", context=context)
    assert [(g["paths"], g["copies"], g["wasted"]) for g in found["groups"]] == [
        (["2", "x/1"], 2, 70_000),
        (["a", "b"], 2, 4),
    ]
    assert (found["wasted_bytes"], found["extra_files"]) == (70_004, 2)


def test_hard_links_are_no_duplicates(root: Path, context: ToolContext) -> None:
    _fill(root, {"a": "same"})
    os.link(root / "a", root / "b")
    assert files.duplicates(".", context=context)["groups"] == []
    _fill(root, {"c": "same"})
    assert files.duplicates(".", context=context)["groups"][0]["copies"] == 2


# growth


def test_growth_follows_the_history_with_deleted_files(root: Path, context: ToolContext) -> None:
    repository = Repository(root)
    repository.commit({"a": "12345", "b": "123"}, at="2024-01-01T00:00:00+00:00")
    repository.commit({"c": "x" * 92}, at="2024-06-01T00:00:00+00:00")
    repository.commit({"a": None}, at="2025-01-01T00:00:00+00:00")
    found = files.growth(".", context=context)
    assert found["source"] == "git"
    assert [(p["date"], p["files"], p["bytes"]) for p in found["points"]] == [
        ("2024-01-01", 2, 8),
        ("2024-06-01", 3, 100),
        ("2025-01-01", 2, 95),
    ]


def test_growth_of_a_subfolder_counts_only_that(root: Path, context: ToolContext) -> None:
    repository = Repository(root)
    repository.commit({"a": "12345"}, at="2024-01-01T00:00:00+00:00")
    repository.commit({"sub/b": "123"}, at="2024-06-01T00:00:00+00:00")
    found = files.growth("sub", context=context)
    assert [(p["files"], p["bytes"]) for p in found["points"]] == [(1, 3)]


def test_growth_without_history_counts_by_file_times(root: Path, context: ToolContext) -> None:
    _fill(root, {"a": "12345", "b": "123", "old": "x"})
    for name, at in (("a", 1_700_000_000), ("b", 1_710_000_000), ("old", 0)):
        os.utime(root / name, (at, at))
    found = files.growth(".", context=context)
    assert (found["source"], found["undated"]) == ("modified", 1)
    assert found["points"][0] == {"date": "2023-11-14", "files": 1, "bytes": 5}
    assert found["points"][-1] == {"date": "2024-03-09", "files": 2, "bytes": 8}


# to-do marks


@pytest.mark.parametrize(
    ("line", "mark"),
    [
        ("x = 1  # TODO clean up", "TODO"),
        ("// FIXME: broken", "FIXME"),
        ("/* XXX */", "XXX"),
        ("<!-- HACK -->", "HACK"),
        ("TODO(ada): later", "TODO"),
        ("mktemp /tmp/XXXXXX", None),
        ('words = ["TODO", "FIXME"]', None),
        ("todo: small letters are words", None),
        ("see TODO.md", None),
        ('say("# TODO no")', None),
        ("say('# TODO no')", None),
        ('say("it\'s")  # TODO yes', "TODO"),
    ],
)
def test_marks_are_found_where_someone_wrote_a_mark(
    root: Path, context: ToolContext, line: str, mark: str | None
) -> None:
    _fill(root, {"a.py": f"first\n{line}\n"})
    found = files.todo_marks(".", context=context)
    assert [(m["mark"], m["line"]) for m in found["marks"]] == ([(mark, 2)] if mark else [])


def test_cut_marks_are_counted_in_full(root: Path, context: ToolContext) -> None:
    _fill(root, {"a.py": "# TODO a\n# FIXME b\n# TODO c\n", "data.json": '"# TODO no"'})
    found = files.todo_marks(".", limit=1, context=context)
    assert (found["total"], len(found["marks"]), found["truncated"], found["files_read"]) == (3, 1, True, 1)
    assert {c["mark"]: c["count"] for c in found["counts"]} == {"TODO": 2, "FIXME": 1, "XXX": 0, "HACK": 0}


def test_cancelled_walk_stops(root: Path, context: ToolContext) -> None:
    _fill(root, {"a.py": "# TODO"})
    stopped = ToolContext(workspace=context.workspace, cancelled=lambda: True)
    with pytest.raises(ToolError, match="cancelled"):
        files.todo_marks(".", context=stopped)


@pytest.mark.parametrize("tool", [files.scan, files.growth, files.duplicates, files.todo_marks, files.list_])
def test_file_in_place_of_a_folder_is_refused(root: Path, context: ToolContext, tool: Tool) -> None:
    _fill(root, {"a.txt": "x"})
    with pytest.raises(ToolError, match="expected a folder"):
        tool("a.txt", context=context)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (9_994, "9.99 kB"), (123_456, "123 kB"), (10**12, "1.00 TB")],
)
def test_sizes_have_three_digits(size: int, text: str) -> None:
    assert figures.size(size) == text


@given(st.lists(st.text("ab/", min_size=1, max_size=80), max_size=8))
def test_labels_fit_and_match_the_paths_one_by_one(paths: list[str]) -> None:
    made = figures.labels(paths)
    assert len(made) == len(paths)
    assert all(len(label) <= 24 for label in made)


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_share_is_whole_only_when_it_is(part: int, more: int) -> None:
    told = figures.share(part, part + more)
    assert (told == "100 %") == (part > 0 and more == 0)
    assert (told == "0 %") == (part == 0)
