"""What a role may do: allow, ask a person, or deny. Rule: `decide` is a pure function of what it is given.

Reading is allowed, and so is writing inside the workspace; writing elsewhere, writing over the network and running
commands need approval. An agent that has read something asks before every write, because what it read may have told it
to. Lists of a role narrow or widen this.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from ...config import Policy, PolicyRole
from ...errors import ConfigError
from ..roster.agent import PREFIX
from ..tool import Effect
from .places import hosts_in, is_command, is_network, paths_in

Verdict = Literal["allow", "ask", "deny"]
DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to do. `agent` empty: a step of a plan. `tainted`: an agent that has read data of others.

    `workspace` are the folders that count as inside; relative paths count from the first.
    """

    tool: str
    effect: Effect
    arguments: Mapping[str, Any]
    agent: str = ""
    tainted: bool = False
    workspace: Sequence[Path] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict and why; `outside` are the paths that lead outside the workspace."""

    verdict: Verdict
    reason: str
    outside: tuple[Path, ...] = ()


_HARMLESS = Decision("allow", "it changes nothing by itself")


def role_of(policy: Policy, name: str = "") -> PolicyRole:
    """A role by name; empty: that of the process.

    Raises:
        ConfigError: there is no such role.
    """
    name = name or policy.role
    if name in policy.roles:
        return policy.roles[name]
    if name == DEFAULT:
        return PolicyRole()
    raise ConfigError(f"policy.role: expected one of {', '.join({DEFAULT: 0, **policy.roles})}, got {name!r}")


def decide(role: PolicyRole, wish: Wish) -> Decision:
    """Whether a role may do what is wished."""
    if reason := _not_listed(role, wish):
        return Decision("deny", reason)
    changes_nothing = wish.effect != "write" or wish.tool.startswith(PREFIX)
    if changes_nothing and not role.only_paths and not role.only_hosts:
        return _HARMLESS
    paths = [_absolute(text, wish.workspace) for text in paths_in(wish.arguments)]
    hosts = hosts_in(wish.arguments)
    only = [_absolute(folder, wish.workspace) for folder in role.only_paths]
    if only and (away := next((p for p in paths if not _is_below(p, only)), None)):
        return Decision("deny", f"{str(away)!r} is not below the paths of the role (policy only_paths)")
    if role.only_hosts and (host := _first_other(hosts, role.only_hosts)):
        return Decision("deny", f"{host!r} is not among the hosts of the role (policy only_hosts)")
    if changes_nothing:
        return _HARMLESS
    return _of_write(role, wish, paths, hosts)


def may_ever(role: PolicyRole, tool: str, effect: Effect, agent: str = "") -> bool:
    """Whether there are arguments with which a role may use a tool."""
    return not _not_listed(role, Wish(tool=tool, effect=effect, arguments={}, agent=agent))


def _not_listed(role: PolicyRole, wish: Wish) -> str:
    agent = wish.tool.removeprefix(PREFIX) if wish.tool.startswith(PREFIX) else wish.agent
    if agent and not _matches(agent, role.agents):
        return f"the role has no agent {agent!r} (policy agents)"
    if not wish.tool.startswith(PREFIX) and not _matches(wish.tool, role.tools):
        return f"the role has no tool {wish.tool!r} (policy tools)"
    if wish.effect not in role.effects:
        return f"the role has no actions with the effect {wish.effect} (policy effects)"
    return ""


def _of_write(role: PolicyRole, wish: Wish, paths: list[Path], hosts: list[str]) -> Decision:
    free = [*(Path(folder) for folder in wish.workspace), *(_absolute(f, wish.workspace) for f in role.paths)]
    outside = tuple(path for path in paths if not _is_below(path, free))
    if is_command(wish.tool):
        return Decision(role.otherwise, "it runs a command", outside)
    if outside:
        return Decision(role.otherwise, f"it writes outside the workspace: {str(outside[0])!r}", outside)
    host = _first_other(hosts, role.hosts)
    if host or (is_network(wish.tool) and not hosts):
        return Decision(role.otherwise, f"it writes over the network{f': {host!r}' if host else ''}")
    if wish.agent and wish.tainted and role.after_reading == "ask":
        return Decision("ask", "the agent has read data that others wrote, which may have asked for this")
    if wish.agent and not paths and not hosts:
        return Decision(role.otherwise, "it does not say what it changes")
    return Decision("allow", "it writes inside the workspace" if paths else "the role may")


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(pattern == "*" or fnmatchcase(name, pattern) for pattern in patterns)


def _first_other(hosts: Iterable[str], patterns: Sequence[str]) -> str:
    return next((host for host in hosts if not _matches(host, [p.lower() for p in patterns])), "")


def _absolute(text: str, workspace: Sequence[Path]) -> Path:
    """A path without `.` and `..`, links followed where they lead outside."""
    root = workspace[0] if workspace else Path("/")
    try:
        return Path(os.path.realpath(root / Path(text).expanduser()))
    except (OSError, RuntimeError, ValueError):
        return Path("/")  # nobody allows it


def _is_below(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)
