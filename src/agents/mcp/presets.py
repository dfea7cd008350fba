"""Well-known public servers, so that one line of settings switches one on. Rule: nothing is installed by us.

`uvx` and `npx` fetch a server's package when it is first started, which takes a while and needs the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """How a server is started or reached. `args` says what the settings have to add, `env` what must be set.

    `effects` are of tools that are known not to write, by name or pattern. `is_local`: nothing leaves the machine.
    """

    purpose: str
    command: tuple[str, ...] = ()
    args: str = ""
    env: tuple[str, ...] = ()
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    effects: Mapping[str, str] = field(default_factory=dict)
    is_local: bool = False


def _npx(package: str) -> tuple[str, ...]:
    return ("npx", "-y", package)


def _uvx(package: str) -> tuple[str, ...]:
    return ("uvx", package)


_READS = "read"

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "filesystem": Preset(
            purpose="Reads, writes and searches files below the folders given.",
            command=_npx("@modelcontextprotocol/server-filesystem"),
            args="FOLDER...",
            is_local=True,
            effects={
                "read_*": _READS,
                "list_*": _READS,
                "directory_tree": _READS,
                "search_files": _READS,
                "get_file_info": _READS,
            },
        ),
        "git": Preset(
            purpose="Shows and changes git repositories.",
            command=_uvx("mcp-server-git"),
            args="[--repository FOLDER]",
            is_local=True,
            effects={
                "git_status": _READS,
                "git_diff*": _READS,
                "git_log": _READS,
                "git_show": _READS,
                "git_branch": _READS,
            },
        ),
        "fetch": Preset(
            purpose="Fetches web pages as Markdown.", command=_uvx("mcp-server-fetch"), effects={"fetch": _READS}
        ),
        "time": Preset(
            purpose="Tells the time and converts it between time zones.",
            command=_uvx("mcp-server-time"),
            args="[--local-timezone ZONE]",
            is_local=True,
            effects={"get_current_time": _READS, "convert_time": "pure"},
        ),
        "memory": Preset(
            purpose="Keeps facts as a graph of entities and relations.",
            command=_npx("@modelcontextprotocol/server-memory"),
            is_local=True,
            effects={"read_graph": _READS, "search_nodes": _READS, "open_nodes": _READS},
        ),
        "sqlite": Preset(
            purpose="Queries and changes an SQLite database.",
            command=_uvx("mcp-server-sqlite"),
            args="--db-path FILE",
            is_local=True,
            effects={"read_query": _READS, "list_tables": _READS, "describe_table": _READS},
        ),
        "everything": Preset(
            purpose="Shows every feature of the protocol; for trying clients out.",
            command=_npx("@modelcontextprotocol/server-everything"),
        ),
        "sequential-thinking": Preset(
            purpose="Takes down numbered thoughts.",
            command=_npx("@modelcontextprotocol/server-sequential-thinking"),
            is_local=True,
            effects={"sequentialthinking": _READS},
        ),
        "playwright": Preset(purpose="Drives a web browser.", command=_npx("@playwright/mcp")),
        "duckduckgo": Preset(
            purpose="Searches the web.",
            command=_uvx("duckduckgo-mcp-server"),
            effects={"search": _READS, "fetch_content": _READS},
        ),
        "github": Preset(
            purpose="Repositories, issues and pull requests on GitHub.",
            url="https://api.githubcopilot.com/mcp/",
            headers={"Authorization": "Bearer ${ENV:GITHUB_TOKEN}"},
            env=("GITHUB_TOKEN",),
            effects={"get_*": _READS, "list_*": _READS, "search_*": _READS},
        ),
    }
)
