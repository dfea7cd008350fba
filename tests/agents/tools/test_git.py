from __future__ import annotations

from pathlib import Path

import pytest
from repositories import Repository

from planloom.agents.tool import ToolContext
from planloom.agents.tools import git
from planloom.agents.workspace import Workspace
from planloom.errors import ToolError


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Three commits by two authors, in January and March; a.py changes twice."""
    made = Repository(tmp_path / "repo")
    made.commit({"a.py": "1\n2\n"}, at="2025-01-10T12:00:00+00:00", subject="First")
    made.commit({"a.py": "1\n3\n4\n", "sub/b c.py": "1\n"}, at="2025-01-20T12:00:00+00:00", author="Bob")
    made.commit({"sub/b c.py": None}, at="2025-03-01T12:00:00+00:00", subject="Last: ends")
    return made


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    root = tmp_path / "repo"
    root.mkdir(exist_ok=True)
    return ToolContext(workspace=Workspace(root, tmp_path / "out"))


def test_log_lists_the_newest_first(repository: Repository, context: ToolContext) -> None:
    found = git.log(context=context)
    assert [(c["at"], c["author"], c["subject"]) for c in found["commits"]] == [
        ("2025-03-01T12:00:00+00:00", "Ada", "Last: ends"),
        ("2025-01-20T12:00:00+00:00", "Bob", "Change"),
        ("2025-01-10T12:00:00+00:00", "Ada", "First"),
    ]
    assert found["truncated"] is False
    assert found["commits"][0]["hash"] == repository.git("rev-parse", "HEAD").strip()


def test_log_says_that_it_is_cut(repository: Repository, context: ToolContext) -> None:
    found = git.log(limit=2, context=context)
    assert (len(found["commits"]), found["truncated"]) == (2, True)


def test_log_of_one_file_and_of_a_time(repository: Repository, context: ToolContext) -> None:
    assert len(git.log(file="sub/b c.py", context=context)["commits"]) == 2
    assert len(git.log("sub", file="b c.py", context=context)["commits"]) == 2
    assert git.log(file="*.py", context=context)["commits"] == []
    assert len(git.log(since="2025-01-15", until="2025-02-01", context=context)["commits"]) == 1


@pytest.mark.parametrize("bad", [{"file": "--output=made"}, {"since": "-1"}, {"until": "--all"}])
def test_argument_that_could_be_an_option_is_refused(
    repository: Repository, context: ToolContext, bad: dict[str, str]
) -> None:
    with pytest.raises(ToolError, match="does not start with '-'"):
        git.log(**bad, context=context)
    assert not (repository.path / "made").exists()


def test_stats_add_up_the_history(repository: Repository, context: ToolContext) -> None:
    found = git.stats(context=context)
    assert (found["commits"], found["author_count"], found["truncated"]) == (3, 2, False)
    assert found["authors"] == [{"name": "Ada", "commits": 2}, {"name": "Bob", "commits": 1}]
    assert [(m["month"], m["commits"]) for m in found["months"]] == [("2025-01", 2), ("2025-02", 0), ("2025-03", 1)]
    assert found["churn"] == [
        {"path": "a.py", "added": 4, "deleted": 1, "commits": 2},
        {"path": "sub/b c.py", "added": 1, "deleted": 1, "commits": 2},
    ]
    assert (found["first"], found["last"]) == ("2025-01-10T12:00:00+00:00", "2025-03-01T12:00:00+00:00")


def test_stats_hold_no_mail_addresses(repository: Repository, context: ToolContext) -> None:
    assert "@" not in str(git.stats(context=context)) + str(git.log(context=context)).replace(str(repository.path), "")


def test_stats_read_the_newest_commits_up_to_the_limit(repository: Repository, context: ToolContext) -> None:
    found = git.stats(max_commits=2, context=context)
    assert (found["commits"], found["truncated"], found["first"][:7]) == (2, True, "2025-01")


def test_stats_of_a_subfolder_count_only_that(repository: Repository, context: ToolContext) -> None:
    (repository.path / "sub").mkdir(exist_ok=True)
    found = git.stats("sub", context=context)
    assert (found["commits"], [c["path"] for c in found["churn"]]) == (2, ["sub/b c.py"])


def test_folder_without_repository_is_refused_or_empty(context: ToolContext) -> None:
    with pytest.raises(ToolError, match="inside a git repository"):
        git.stats(context=context)
    found = git.stats(required=False, context=context)
    assert (found["commits"], found["sentence"], found["sections"], found["charts"]) == (0, "", [], [])


def test_repository_without_commits_is_refused(tmp_path: Path, context: ToolContext) -> None:
    Repository(tmp_path / "repo")
    with pytest.raises(ToolError, match="with commits"):
        git.log(context=context)


def test_programs_that_a_repository_names_are_not_run(
    repository: Repository, context: ToolContext, tmp_path: Path
) -> None:
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\ncat\n")
    trap.chmod(0o755)
    (repository.path / ".gitattributes").write_text("*.py diff=trap\n")
    for key in ("diff.external", "diff.trap.command", "diff.trap.textconv", "core.pager", "gpg.program"):
        repository.git("config", key, str(trap))
    repository.git("config", "log.showSignature", "true")
    assert git.stats(context=context)["commits"] == 3
    assert len(git.log(context=context)["commits"]) == 3
    assert not (tmp_path / "ran").exists()
