"""Notes and to-dos: what is written, what stays as it was, and several who write at the same time."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planloom.agents.tool import ToolContext
from planloom.agents.tools import notes
from planloom.agents.tools.notes import changing, checklist
from planloom.agents.workspace import Workspace
from planloom.errors import AccessError, ToolError

MIXED = """# House

Some text with - [ ] no box.

- [ ] Paint the door (due 2025-03-01)
  with blue paint
* [X] Oil the hinges
1. [ ] Call Ada

```
- [ ] not this
```

## Garden

> - [ ] Mow the lawn

- plain item
- [ ]no space
"""


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    (tmp_path / "work").mkdir()
    return ToolContext(workspace=Workspace(tmp_path / "work", tmp_path / "out"))


def work(context: ToolContext, name: str, text: str) -> Path:
    path = context.workspace.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


# ---- notes


def test_note_is_a_markdown_file_and_found_again(context):
    made = notes.add("Tide tables / North", "High water at 06:12.", ["sea", "north"], context=context)
    assert made == {"path": "notes/tide-tables-north.md", "title": "Tide tables / North", "added": True}
    text = (context.workspace.root / made["path"]).read_text()
    assert text == "# Tide tables / North\n\nHigh water at 06:12.\n\nTags: #sea #north\n"
    (found,) = notes.list_(tag="SEA", context=context)
    assert (found["title"], found["tags"], found["excerpt"]) == (
        "Tide tables / North",
        ["sea", "north"],
        "High water at 06:12.",
    )
    assert notes.list_(tag="land", context=context) == []


def test_same_note_is_added_once_and_another_of_its_title_beside_it(context):
    first = notes.add("List", "a", context=context)
    again = notes.add("List", "a", context=context)
    other = notes.add("List", "b", context=context)
    assert (again["added"], again["path"]) == (False, first["path"])
    assert other["path"] == "notes/list-2.md" and other["added"]


def test_notes_of_people_have_titles_and_tags_too(context):
    work(context, "notes/plain.md", "Just words\n")
    work(context, "notes/deep/with.md", "## Heading ##\nTags: one, two\n\nBody\n")
    work(context, "notes/data.csv", "a,b\n")
    found = {note["title"]: note["tags"] for note in notes.list_(context=context)}
    assert found == {"plain": [], "Heading": ["one", "two"]}


def test_folder_without_notes_has_none(context):
    assert notes.list_(context=context) == []
    assert notes.search("anything", folder="nowhere", context=context) == []


def test_search_finds_words_with_typing_errors_and_says_where(context):
    notes.add("Bread", "Flour, water and time.\nBake for an hour.", context=context)
    notes.todo("Buy flour", context=context)
    found = notes.search("flour", context=context)
    assert {(one["path"], one["line"]) for one in found} >= {("notes/bread.md", 3), ("todo.md", 3)}
    assert notes.search("bake for an huor", context=context)[0]["line"] == 4
    assert notes.search("zeppelin", context=context) == []


@pytest.mark.parametrize("folder", ["../elsewhere", "/etc", "link"])
def test_notes_stay_inside_the_workspace(context, tmp_path, folder):
    (tmp_path / "other").mkdir()
    (context.workspace.root / "link").symlink_to(tmp_path / "other")
    with pytest.raises(AccessError):
        notes.add("x", "y", folder=folder, context=context)
    assert not list((tmp_path / "other").iterdir())


def test_title_never_leads_elsewhere(context):
    made = notes.add("../../.ssh/authorized_keys", "x", context=context)
    assert Path(made["path"]).parent == Path("notes")


# ---- to-dos


def test_todos_are_items_of_lists_wherever_they_stand(context):
    work(context, "house.md", MIXED)
    found = notes.todos("house.md", done=True, context=context)
    assert [(one["line"], one["text"], one["done"], one["due"], one["under"]) for one in found] == [
        (5, "Paint the door", False, "2025-03-01", "House"),
        (7, "Oil the hinges", True, "", "House"),
        (8, "Call Ada", False, "", "House"),
        (16, "Mow the lawn", False, "", "Garden"),
    ]
    assert [one["text"] for one in notes.todos(".", context=context)] == ["Paint the door", "Call Ada", "Mow the lawn"]


def test_marking_changes_one_character(context):
    path = work(context, "house.md", MIXED.replace("\n", "\r\n"))
    marked = notes.done("mow the LAWN", "house.md", context=context)
    assert marked["changed"] and marked["todo"]["done"]
    assert path.read_bytes().decode() == MIXED.replace("> - [ ]", "> - [x]").replace("\n", "\r\n")
    assert notes.done("mow the lawn", "house.md", context=context)["changed"] is False
    assert notes.done("oil", "house.md", undone=True, context=context)["changed"]
    assert "* [ ] Oil" in path.read_text()


def test_words_that_fit_several_or_none_are_refused(context):
    notes.todo("Buy bread", context=context)
    notes.todo("Buy milk", context=context)
    with pytest.raises(ToolError, match=r"fits: 'Buy bread' \(line 3\); 'Buy milk' \(line 4\)"):
        notes.done("buy", context=context)
    with pytest.raises(ToolError, match="there are: 'Buy bread'"):
        notes.done("sell", context=context)
    with pytest.raises(ToolError, match=r"notes\.todo makes one"):
        notes.done("sell", "none.md", context=context)


def test_todo_is_open_once_and_again_after_it_was_done(context):
    first = notes.todo("Buy bread", "2025-01-31", context=context)
    assert notes.todo("buy  Bread", "2025-01-31", context=context) == {"todo": first["todo"], "changed": False}
    notes.done("bread", context=context)
    assert notes.todo("Buy bread", "2025-01-31", context=context)["todo"]["line"] == 4


def test_what_is_due_comes_in_order(context):
    for text, due in (("c", "2025-03-01"), ("a", "2025-01-01"), ("b", ""), ("d", "2025-09-01")):
        notes.todo(text, due, context=context)
    found = notes.todos(due_until="2025-03-01", context=context)
    assert [one["text"] for one in found] == ["a", "c"]
    with pytest.raises(ToolError, match="expected a date"):
        notes.todo("x", "soon", context=context)


def test_new_item_goes_behind_the_last_one_with_all_that_belongs_to_it(context):
    path = work(context, "t.md", "# T\n\n- [ ] a\n  more of a\n\nText after.\n")
    notes.todo("b", path="t.md", context=context)
    assert path.read_text() == "# T\n\n- [ ] a\n  more of a\n- [ ] b\n\nText after.\n"
    assert [one["text"] for one in notes.todos("t.md", context=context)] == ["a", "b"]


def test_code_and_other_files_are_no_checklists(context):
    work(context, "a.txt", "- [ ] x\n")
    with pytest.raises(ToolError, match="Markdown"):
        notes.todo("x", path="a.txt", context=context)
    (context.workspace.root / "b.md").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ToolError, match="UTF-8"):
        notes.todos("b.md", context=context)


def test_broken_notes_do_not_hide_the_others(context):
    (context.workspace.root / "broken.md").write_bytes(b"\xff\xfe- [ ] x")
    notes.todo("Buy bread", context=context)
    assert [one["text"] for one in notes.todos(".", context=context)] == ["Buy bread"]
    assert notes.search("bread", context=context)[0]["path"] == "todo.md"


def test_to_do_of_blanks_is_refused(context):
    with pytest.raises(ToolError, match="blanks"):
        notes.todo("  ", context=context)


KINDS_OF_LINES = """- [ ] a|- [x] b|  - [ ] c|> - [ ] d|1. [ ] e (due 2025-01-31)|* [X] f|# Head||text|```|    code
- item|~~~|<div>|---|\u2028|\x0c- [ ] g|  more|- [ ]|\t- [ ] h|- [ ] ```|<!--"""
LINES = st.sampled_from(KINDS_OF_LINES.replace("\n", "|").split("|"))


@given(st.lists(LINES, max_size=12), st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=150, deadline=None)
def test_any_text_takes_a_new_item_and_a_mark_and_keeps_the_rest(lines, end):
    text = end.join(lines)
    before = sorted(one.text for one in checklist.items(text))
    try:
        made = checklist.appended(text, "new one")
    except ToolError:
        assert {"```", "~~~", "<!--", "<div>"} & set(lines)  # something is open at the end
        return
    assert made is not None
    after = checklist.items(made)
    (new,) = [one for one in after if one.text == "new one"]
    if text.strip():
        assert sorted(one.text for one in after) == sorted([*before, "new one"])
        assert made.replace("- [ ] new one", "", 1).split() == text.split()
    assert checklist.marked(made, new, done=True) == made.replace("- [ ] new one", "- [x] new one")


# ---- several at the same time


def test_many_threads_lose_nothing(context):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: notes.todo(f"item number {n}", context=context), range(40)))
    assert {one["text"] for one in notes.todos(context=context)} == {f"item number {n}" for n in range(40)}
    assert sorted(path.name for path in context.workspace.root.iterdir()) == ["todo.md"]


def test_several_processes_lose_nothing(context):
    program = """
import sys
from pathlib import Path
from planloom.agents.tool import ToolContext
from planloom.agents.tools import notes
from planloom.agents.workspace import Workspace
context = ToolContext(workspace=Workspace(Path(sys.argv[1]), Path(sys.argv[1])))
for n in range(10):
    notes.todo(f"{sys.argv[2]} item {n}", context=context)
"""
    root = str(context.workspace.root)
    running = [subprocess.Popen([sys.executable, "-c", program, root, name]) for name in ("first", "second", "third")]
    assert [one.wait(60) for one in running] == [0, 0, 0]
    assert len(notes.todos(context=context)) == 30


def test_edit_by_somebody_else_in_the_middle_is_kept(context):
    path = work(context, "todo.md", "- [ ] a\n")
    asked = []

    def change(old: str | None) -> str | None:
        asked.append(old)
        if len(asked) == 1:  # an editor saves while we work
            path.write_text("- [ ] a\n- [ ] theirs\n")
        return checklist.appended(old, "ours")

    assert changing.changed(path, change)
    assert path.read_text() == "- [ ] a\n- [ ] theirs\n- [ ] ours\n" and len(asked) == 2


def test_rights_of_the_file_stay(context):
    path = work(context, "todo.md", "- [ ] a\n")
    path.chmod(0o600)
    notes.done("a", context=context)
    assert path.stat().st_mode & 0o777 == 0o600 and list(path.parent.iterdir()) == [path]
