"""What plans may do: tools, agents, servers, and what needs a person."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from .group import Effect, Group
from .reaching import Calendars, Mail, Notify, Speech, Stocks, Web


class Http(Group):
    timeout_s: float = Field(30.0, gt=0, description="Seconds one request may take. More than 0.")
    max_bytes: int = Field(10_000_000, gt=0, description="Bytes of one response that are read at most. More than 0.")
    allow_private: bool = Field(False, description="Whether private, loopback and link-local addresses may be fetched.")


class Sql(Group):
    databases: dict[str, SecretStr] = Field(
        default_factory=dict,
        description="Databases by name: {shop: shop.db, crm: 'postgresql://reader:${ENV:CRM_PASSWORD}@db/crm'}. "
        "SQLite files need no name.",
    )
    timeout_s: float = Field(30.0, gt=0, description="Seconds one statement may take. More than 0.")
    max_rows: int = Field(
        10_000, gt=0, description="Rows that sql.query returns at most; sql.extract takes any number."
    )
    max_bytes: int = Field(8_000_000, gt=0, description="Bytes of values that sql.query returns at most.")


class Code(Group):
    """What Python that a plan brings along may use; it runs in a sandbox without network."""

    sandbox: Literal["auto", "bubblewrap", "namespaces"] = Field(
        "auto", description="How code is walled in. auto: the first way that withstands attacks on this machine."
    )
    timeout_s: float = Field(30.0, gt=0, description="Seconds one run of code may take. More than 0.")
    cpu_s: int = Field(20, gt=0, description="Seconds of processor time one run may use. More than 0.")
    memory_bytes: int = Field(
        1_073_741_824, ge=67_108_864, description="Bytes of address space one run may use. At least 64 MiB."
    )
    scratch_bytes: int = Field(67_108_864, ge=65_536, description="Bytes of files one run may have, kept in memory.")
    output_bytes: int = Field(
        1_048_576, ge=1_024, description="Bytes one run may print, of standard output and of standard error each."
    )


class Process(Group):
    allow: list[str] = Field(
        default_factory=list,
        description='Commands that may be run, with * and ? in their words: ["make test", "pandoc * -o *.html"]. '
        "A last word ** takes any further ones. Empty: none.",
    )
    timeout_s: float = Field(300.0, gt=0, description="Seconds one command may take. More than 0.")
    output_bytes: int = Field(
        1_048_576, ge=1_024, description="Bytes kept of what a command prints, of each stream; the middle is left out."
    )
    env: list[str] = Field(
        default_factory=list, description="Variables of this process that commands may see, besides PATH and the like."
    )


class Tools(Group):
    modules: list[str] = Field(
        default_factory=list, description="Python files or importable modules with functions marked @tool."
    )
    http: Http = Http()
    sql: Sql = Sql()
    web: Web = Web()
    mail: Mail = Mail()
    calendars: Calendars = Calendars()
    notify: Notify = Notify()
    stocks: Stocks = Stocks()
    speech: Speech = Speech()
    code: Code = Code()
    process: Process = Process()


class McpServer(Group):
    """A server that speaks the Model Context Protocol: `command` starts one, `url` names one, `preset` a known one."""

    preset: str = Field("", description="A well-known server, see `planloom mcp list --presets`. Empty: none.")
    command: str = Field("", description="Program to start; it speaks on stdin and stdout.")
    args: list[str] = Field(default_factory=list, description="Arguments; after those of the preset.")
    env: dict[str, SecretStr] = Field(
        default_factory=dict, description="Variables for the program; ${ENV:NAME} takes one of this process."
    )
    cwd: str = Field("", description="Folder to start it in. Empty: the working folder.")
    url: str = Field("", description="Address of a server that is already running.")
    headers: dict[str, SecretStr] = Field(default_factory=dict, description="HTTP headers; ${ENV:NAME} as in env.")
    transport: Literal["auto", "http", "sse"] = Field(
        "auto", description="How `url` is spoken to. auto: streamable HTTP; sse: the older way."
    )
    concurrency: int = Field(8, ge=0, description="Calls side by side. 0: no limit.")
    timeout_s: float = Field(120.0, ge=0, description="Seconds one call may take. 0: no limit.")
    connect_timeout_s: float = Field(60.0, gt=0, description="Seconds until the server must be ready.")
    trust: Literal["trusted", "untrusted"] = Field(
        "untrusted", description="trusted: what the server says of its tools' effects counts."
    )
    effects: dict[str, Literal["pure", "read", "write"]] = Field(
        default_factory=dict, description="Effects by tool name or pattern, over what the server says: {get_*: read}."
    )
    approval: Literal["default", "always", "never"] = Field(
        "default",
        description="When writes ask. default: unless a trusted server calls them harmless.",
    )
    tools: list[str] = Field(default_factory=list, description="Names or patterns of tools to offer. Empty: all.")
    enabled: bool = Field(True, description="Off: as if it were not there.")


class Mcp(Group):
    servers: dict[str, McpServer] = Field(
        default_factory=dict,
        description="Servers by name, started when first needed: {docs: {preset: filesystem, args: [./docs]}, "
        "wiki: {url: http://localhost:8000/mcp, trust: trusted}}. All keys are in docs/mcp.md.",
    )
    max_message_bytes: int = Field(
        67_108_864, ge=65_536, description="Bytes one message of a server may have; above, its call fails."
    )


class Agents(Group):
    folders: list[str] = Field(
        default_factory=list, description="Folders with your own agents (NAME.md), searched before the built-in ones."
    )


class PolicyRole(Group):
    """What a role may do. Patterns take * and ?; what no list names is denied, or decided by `otherwise`."""

    agents: list[str] = Field(["*"], description="Agents it may use, by name or pattern.")
    tools: list[str] = Field(["*"], description="Tools it may use, by name or pattern.")
    effects: list[Effect] = Field(["pure", "read", "write"], description="Effects its actions may have.")
    paths: list[str] = Field(
        default_factory=list, description="Folders where writing needs no approval, besides the workspace."
    )
    hosts: list[str] = Field(default_factory=list, description="Hosts to which writing needs no approval.")
    only_paths: list[str] = Field(
        default_factory=list, description="Folders outside of which nothing is read or written. Empty: any."
    )
    only_hosts: list[str] = Field(default_factory=list, description="Hosts besides which none is reached. Empty: any.")
    otherwise: Literal["ask", "deny"] = Field(
        "ask", description="Writes elsewhere, over the network, and commands: ask a person, or deny."
    )
    after_reading: Literal["ask", "allow"] = Field(
        "ask", description="Writes of an agent that has read something, which may hold instructions: ask, or as others."
    )


class Policy(Group):
    role: str = Field("default", description="Role of the runs of this process, one of `roles`.")
    roles: dict[str, PolicyRole] = Field(
        default_factory=dict,
        description="What roles may do, by name: {guest: {effects: [pure, read], only_paths: [docs]}}. "
        "The role `default` is there without being named.",
    )


class Audit(Group):
    enabled: bool = Field(
        True, description="Off: tool calls, approvals and decisions are not written to the audit log."
    )
    max_bytes: int = Field(
        67_108_864, ge=0, description="Bytes after which the audit log goes on in a new file. 0: never."
    )
