"""Who may do what: one table, and the promises that hold for every wish."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planloom.agents.policy import Wish, decide, may_ever, role_of
from planloom.config import Policy, PolicyRole
from planloom.errors import ConfigError

HOME = Path("/home/a/work")


def wish(tool="files.write", effect="write", *, agent="", tainted=False, **arguments):
    return Wish(
        tool=tool, effect=effect, arguments=arguments, agent=agent, tainted=tainted, workspace=(HOME, HOME / "out")
    )


TABLE = [
    # reading is free, wherever
    (wish("files.read", "read", path="/etc/passwd"), {}, "allow"),
    (wish("http.fetch", "read", url="https://example.com"), {}, "allow"),
    (wish("text.summary", "pure", text="rm -rf /"), {}, "allow"),
    # writing inside the workspace is free, elsewhere it is asked for
    (wish(path="note.txt"), {}, "allow"),
    (wish(path="out/note.txt"), {}, "allow"),
    (wish(path="/home/a/work/deep/er.txt"), {}, "allow"),
    (wish(path="../other.txt"), {}, "ask"),
    (wish(path="/home/a/worker/x"), {}, "ask"),
    (wish(path="a/../../x"), {}, "ask"),
    (wish(path="ok.txt", target_folder="/tmp"), {}, "ask"),
    (wish(files=["ok.txt", "/etc/cron.d/x"]), {}, "ask"),
    (wish(options={"output_path": "/etc/x"}), {}, "ask"),
    (wish(path="~root/x"), {}, "ask"),
    (wish(path="x\0y"), {}, "ask"),
    # commands and the network
    (wish("process.run", command="ls"), {}, "ask"),
    (wish("code.run", text="1"), {}, "ask"),
    (wish("http.post", url="https://example.com/a"), {}, "ask"),
    (wish("my.push", body={"where": "see https://evil.example"}), {}, "allow"),
    (wish("my.push", body={"where": "https://evil.example/x"}), {}, "ask"),
    (wish("mail.send", text="hi"), {}, "ask"),
    (wish("my.send", to="a@example.com"), {}, "ask"),
    # a tool of one's own that names no place: a plan may, an agent asks
    (wish("my.book", "write", name="x"), {}, "allow"),
    (wish("my.book", "write", agent="helper", name="x"), {}, "ask"),
    # agents that have read something ask before every write
    (wish(agent="helper", path="note.txt"), {}, "allow"),
    (wish(agent="helper", tainted=True, path="note.txt"), {}, "ask"),
    (wish(agent="helper", tainted=True, path="note.txt"), {"after_reading": "allow"}, "allow"),
    (wish("files.read", "read", agent="helper", tainted=True, path="x"), {}, "allow"),
    # lists of a role
    (wish(path="/srv/share/x"), {"paths": ["/srv/share"]}, "allow"),
    (wish("http.post", url="https://api.example.com"), {"hosts": ["*.example.com"]}, "allow"),
    (wish("http.post", url="https://API.EXAMPLE.com."), {"hosts": ["*.example.com"]}, "allow"),
    (wish("http.post", url="https://example.com.evil.org"), {"hosts": ["*example.com"]}, "ask"),
    (wish("http.post", url="https://example.com@evil.org"), {"hosts": ["example.com"]}, "ask"),
    (wish(path="../x"), {"otherwise": "deny"}, "deny"),
    (wish("process.run", command="ls"), {"otherwise": "deny"}, "deny"),
    (wish("files.read", "read", path="docs/a"), {"only_paths": ["docs"]}, "allow"),
    (wish("files.read", "read", path="secret/a"), {"only_paths": ["docs"]}, "deny"),
    (wish("files.read", "read", path="docs/../secret"), {"only_paths": ["docs"]}, "deny"),
    (wish("http.fetch", "read", url="https://a.org"), {"only_hosts": ["b.org"]}, "deny"),
    (wish("http.fetch", "read", url="https://b.org/x"), {"only_hosts": ["b.org"]}, "allow"),
    (wish(path="note.txt"), {"effects": ["pure", "read"]}, "deny"),
    (wish(path="note.txt"), {"tools": ["text.*"]}, "deny"),
    (wish("agent:helper", "read"), {"agents": ["other"]}, "deny"),
    (wish("agent:helper", "write"), {"effects": ["pure", "read"]}, "deny"),
    (wish("agent:helper", "write"), {"tools": ["text.*"]}, "allow"),
    (wish("files.read", "read", agent="helper"), {"agents": ["other"]}, "deny"),
]


@pytest.mark.parametrize(("wanted", "role", "verdict"), TABLE, ids=lambda value: str(value)[:60])
def test_decision(wanted, role, verdict):
    decision = decide(PolicyRole(**role), wanted)
    assert decision.verdict == verdict, decision.reason
    assert decision.reason


def test_a_link_out_of_the_workspace_leads_outside(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "link").symlink_to(tmp_path)
    wanted = Wish(
        tool="files.write", effect="write", arguments={"path": "link/x"}, workspace=((tmp_path / "work").resolve(),)
    )
    decision = decide(PolicyRole(), wanted)
    assert decision.verdict == "ask" and decision.outside == (tmp_path.resolve() / "x",)


@given(
    st.dictionaries(st.text(max_size=8), st.recursive(st.text(max_size=30) | st.none(), st.lists, max_leaves=5)),
    st.sampled_from(["pure", "read", "write"]),
)
def test_no_arguments_make_a_tainted_agents_write_free(arguments, effect):
    wanted = Wish(tool="x.y", effect=effect, arguments=arguments, agent="helper", tainted=True, workspace=(HOME,))
    assert (decide(PolicyRole(), wanted).verdict == "allow") == (effect != "write")


def test_unknown_role_names_those_there_are():
    policy = Policy(role="guest", roles={"staff": PolicyRole()})
    with pytest.raises(ConfigError, match="default, staff"):
        role_of(policy)
    assert role_of(policy, "staff") == PolicyRole() == role_of(Policy())


def test_what_can_never_be_done_is_known_without_arguments():
    role = PolicyRole(tools=["files.*"], effects=["read"])
    assert may_ever(role, "files.read", "read")
    assert not may_ever(role, "files.write", "write") and not may_ever(role, "http.fetch", "read")
