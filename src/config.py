"""The settings, their meaning, unit, default, and what 0 does. Where values come from is `settings`.

Order of precedence: flags over environment (`PLANLOOM_SECTION__KEY`) over YAML over the defaults here.
Rule: every description says what 0 does where 0 is allowed.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

Schedule = Literal["dataflow", "generations", "sequential"]
Verify = Literal["off", "background", "blocking"]
Fsync = Literal["always", "interval", "never"]
Effect = Literal["pure", "read", "write"]


class Group(BaseModel):
    """A section of the configuration; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Performance(Group):
    max_parallel_steps: int = Field(5, ge=0, description="Steps of one run side by side. 0: no limit.")
    max_parallel_llm_calls: int = Field(
        3, ge=0, description="Model calls of one run side by side; limits of the provider hold besides. 0: no limit."
    )
    schedule: Schedule = Field(
        "dataflow", description="When steps start: dataflow (its inputs are ready), generations (in waves), sequential."
    )
    worker_processes: int = Field(
        2, ge=1, le=64, description="Processes for tools that draw, parse or run untrusted input. 1 to 64."
    )


class Execution(Group):
    max_attempts: int = Field(
        3, ge=1, description="Tries of a step whose error may pass, the first included. At least 1."
    )
    max_redos: int = Field(
        2, ge=0, description="Times a step is redone after its verdict was fail. 0: the verdict is final."
    )
    max_replans: int = Field(2, ge=0, description="Times the planner may change a failing plan. 0: never.")
    max_steps: int = Field(1000, ge=0, description="Steps a plan may have. 0: no limit.")
    step_timeout_s: float = Field(
        300.0, ge=0, description="Seconds a step may take if it or its tool says nothing else. 0: no limit."
    )
    backoff_base_s: float = Field(
        0.5, ge=0, description="Seconds, upper bound of the first retry's random delay. 0: none."
    )
    backoff_cap_s: float = Field(30.0, ge=0, description="Seconds, upper bound of any retry's random delay. 0: none.")
    large_result_bytes: int = Field(
        32_768, ge=0, description="Bytes; results above this are stored as artifacts by hash. 0: every result."
    )
    max_result_bytes: int = Field(
        268_435_456, ge=0, description="Bytes; a result above this fails its step. 0: no limit."
    )
    plan_approval: bool = Field(False, description="On: no step starts before a person approved the whole plan.")
    seed: int = Field(0, description="Makes the random delays repeatable. 0: a seed like any other.")


class Verification(Group):
    verify: Verify = Field("background", description="When results are checked: off, background, blocking.")


class Limits(Group):
    wall_s: float = Field(0.0, ge=0, description="Seconds a run may take. 0: no limit.")
    usd: float = Field(0.0, ge=0, description="US dollars a run may cost. 0: no limit.")
    tokens: int = Field(0, ge=0, description="Model tokens a run may use. 0: no limit.")
    model_calls: int = Field(0, ge=0, description="Model calls a run may make. 0: no limit.")
    per_tool: dict[str, int] = Field(
        default_factory=dict, description="Calls of one tool side by side in this process, by tool name. 0: no limit."
    )
    session_usd: float = Field(0.0, ge=0, description="US dollars all runs of a session may cost. 0: no limit.")
    requests_per_minute: int = Field(
        10_000, ge=0, description="Calls a minute to one model, of all sessions; responses may tell less. 0: no limit."
    )
    tokens_per_minute: int = Field(
        2_000_000, ge=0, description="Tokens a minute of one model, sent and received. 0: no limit."
    )
    requests_per_day: int = Field(0, ge=0, description="Calls to one model within 24 hours. 0: no limit.")
    per_model: dict[str, dict[str, int]] = Field(
        default_factory=dict,
        description="The last three by model name or pattern: {gpt-4o*: {tokens_per_minute: 30000}}. 0: no limit.",
    )


class Role(Group):
    """A use of models; empty text and 0 mean: as in `models`."""

    model: str = Field("", description="Model name. Empty: that of `models`.")
    base_url: str = Field("", repr=False, description="Address of the endpoint, with /v1. Empty: that of `models`.")
    api_key: SecretStr = Field(SecretStr(""), description="Key of the endpoint. Empty: that of `models`.")
    temperature: float = Field(
        -1.0, ge=-1, le=2, description="Sampling temperature. 0: the likeliest words. -1: the server's default."
    )
    context_tokens: int = Field(0, ge=0, description="Tokens a request and its reply may have. 0: that of `models`.")
    max_output_tokens: int = Field(0, ge=0, description="Tokens a reply may have. 0: that of `models`.")


class Models(Group):
    """Any OpenAI-compatible endpoint. Without `base_url` and `api_key` nothing needs a model."""

    base_url: str = Field(
        "", repr=False, description="Address of the endpoint, with /v1. Empty: OpenAI's, when there is a key."
    )
    api_key: SecretStr = Field(SecretStr(""), description="Key. Empty: none is sent (local servers).")
    model: str = Field("", description="Model for every role that names none.")
    context_tokens: int = Field(128_000, ge=0, description="Tokens a request and its reply may have. 0: no limit.")
    max_output_tokens: int = Field(4096, ge=0, description="Tokens a reply may have. 0: the server's default.")
    timeout_s: float = Field(120.0, gt=0, description="Seconds one call may take, waiting for limits not counted.")
    max_wait_s: float = Field(
        3600.0, ge=0, description="Seconds a call may wait for limits and for a server to recover. 0: no limit."
    )
    max_attempts: int = Field(5, ge=1, description="Tries of a call whose error may pass, the first included.")
    prices: dict[str, dict[str, float]] = Field(
        default_factory=dict,
        description="US dollars for 1,000,000 tokens, by model name or pattern: "
        "{gpt-4o*: {input: 2.5, cached_input: 1.25, output: 10}}. A model not in it has an unknown cost. 0: free.",
    )
    planner: Role = Role()
    worker: Role = Role()
    verifier: Role = Role()
    writer: Role = Role()
    embeddings: Role = Role()


class Http(Group):
    timeout_s: float = Field(30.0, gt=0, description="Seconds one request may take. More than 0.")
    max_bytes: int = Field(10_000_000, gt=0, description="Bytes of one response that are read at most. More than 0.")
    allow_private: bool = Field(False, description="Whether private, loopback and link-local addresses may be fetched.")


class Tools(Group):
    modules: list[str] = Field(
        default_factory=list, description="Python files or importable modules with functions marked @tool."
    )
    http: Http = Http()


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


class Sessions(Group):
    fsync: Fsync = Field(
        "interval",
        description="When the disk is told to keep what was written: always (every group of events), interval (writes, "
        "approvals and cancels at once, all else within fsync_interval_s), never (left to the system).",
    )
    fsync_interval_s: float = Field(1.0, ge=0, description="Seconds for `interval`. 0: every group, as for always.")
    save_interval_s: float = Field(
        30.0, ge=0, description="Seconds that progress and pieces of answers may be unwritten. 0: written at once."
    )
    segment_bytes: int = Field(8_388_608, ge=4096, description="Bytes of a journal's file before the next is begun.")
    compression: Literal["zstd", "none"] = Field("zstd", description="How a journal's closed files are packed.")
    retention_days: float = Field(
        0.0, ge=0, description="Days after its end that a run's events are kept, at `sessions compact`. 0: for ever."
    )
    max_bytes: int = Field(
        0, ge=0, description="Bytes of all journals; `sessions compact` drops the oldest ended runs. 0: no limit."
    )
    max_open: int = Field(
        100, ge=1, description="Sessions held in memory; those unused for longest leave it and come back on demand."
    )


class Playbooks(Group):
    folders: list[str] = Field(
        default_factory=list, description="Folders with your own playbooks, searched before the built-in ones."
    )
    threshold: float = Field(
        0.6,
        ge=0,
        le=1,
        description="Lexical similarity (0 to 1) from which a goal matches a playbook. 0: any.",
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


class Embeddings(Group):
    """How texts become vectors. The endpoint is that of `models.embeddings`."""

    provider: Literal["auto", "endpoint", "lexical", "sentence-transformers"] = Field(
        "auto",
        description="What makes vectors: endpoint, lexical (no model), sentence-transformers. "
        "auto: the endpoint when models.embeddings.model is set, else lexical.",
    )
    model: str = Field("", description="Name or folder of the sentence-transformers model. Empty: none.")
    batch_size: int = Field(100, ge=1, le=2048, description="Texts of one call at most. 1: one call a text.")
    batch_tokens: int = Field(100_000, ge=1, description="Tokens of one call at most, estimated. At least 1.")
    parallel_calls: int = Field(4, ge=1, le=64, description="Calls on the way at the same time. 1 to 64.")
    cache: bool = Field(True, description="On: vectors are kept in `state` by the content of their texts.")
    cache_bytes: int = Field(
        2_147_483_648, ge=0, description="Bytes of the vectors kept; the oldest go first. 0: none is kept."
    )
    text_prefix: str = Field("", description="Put before each indexed text, for models that want one.")
    query_prefix: str = Field("", description="Put before each question, for models that want one.")


class Index(Group):
    """Search among vectors."""

    kind: Literal["auto", "flat", "hnsw", "ivf"] = Field(
        "auto", description="flat: exact; hnsw, ivf: quick. auto: by size and measured recall."
    )
    exact_below: int = Field(20_000, ge=0, description="Vectors up to which auto searches exactly. 0: never.")
    nlist: int = Field(0, ge=0, description="Lists of an ivf index. 0: by size.")
    nprobe: int = Field(10, ge=1, description="Lists of an ivf index that a search reads at least. At least 1.")
    target_recall: float = Field(
        0.95, gt=0, le=1, description="Share of the true 5 nearest that searches must find, measured when built."
    )


class Documents(Group):
    """How files are read, cut and found."""

    chunk_chars: int = Field(1200, ge=200, le=20_000, description="Characters of a passage at most. 200 to 20,000.")
    max_file_bytes: int = Field(
        104_857_600, ge=0, description="Bytes; a larger file is reported and left out. 0: no limit."
    )
    parse_timeout_s: float = Field(60.0, gt=0, description="Seconds one file may take to be read. More than 0.")
    parse_memory_bytes: int = Field(
        2_147_483_648, ge=0, description="Bytes of memory a process that reads files may take. 0: no limit."
    )
    processes: int = Field(2, ge=1, le=64, description="Processes that read files. 1 to 64.")
    ignore: list[str] = Field(
        default_factory=lambda: ["node_modules", "__pycache__", "*.min.js", "*.lock"],
        description="Names of files and folders that are left out, as patterns; hidden ones always are.",
    )


class Memory(Group):
    """Facts about people."""

    user: str = Field("local", min_length=1, description="Whose facts are used when nobody else is named.")


class Caches(Group):
    prompt_cache_size: int = Field(50, ge=0, description="Prompts of agents kept in memory. 0: none.")
    agent_cache_size: int = Field(
        20, ge=1, description="Agents kept ready in memory; those unused for longest go first. At least 1."
    )
    tool_catalog_cache: bool = Field(
        True, description="Off: all tools are imported and all servers asked whenever the planner needs the list."
    )
    plan_cache_size: int = Field(
        200, ge=0, description="Plans of verified runs kept in `state`; those unused for longest go first. 0: none."
    )
    response_cache: bool = Field(
        False, description="On: replies are kept in `state` and used again for equal requests."
    )
    response_cache_bytes: int = Field(
        268_435_456, ge=0, description="Bytes of the replies kept; those unused for longest go first. 0: none is kept."
    )


class Features(Group):
    parallel_execution: bool = Field(True, description="Off: steps run one after another.")
    background_verification: bool = Field(True, description="Off: dependents wait for the verdict.")
    step_batching: bool = Field(
        True,
        description="Off: one call a step. On: ready steps of a tool with a batch form are merged.",
    )
    call_batching: bool = Field(
        True, description="Off: each verdict and each question of a tool is a call. On: they share calls."
    )
    warm_fan_out: bool = Field(
        True,
        description="On: of calls with the same long beginning one goes first, so that the prompt cache is warm.",
    )
    batch_embeddings: bool = Field(
        True, description="Off: one call a text. On: many texts a call, several calls at once."
    )
    plan_streaming: bool = Field(True, description="Off: no step starts before the plan is whole.")
    plan_cache: bool = Field(True, description="Off: every goal that no playbook fits is planned anew by the model.")
    lazy_agents: bool = Field(True, description="Off: every agent is made when the first run begins.")


class Config(Group):
    """All settings. `workspace`, `state` and `out` are folders; relative ones count from the working folder."""

    workspace: str = Field(".", description="Folder that tools may write in without approval.")
    state: str = Field(".planloom", description="Folder for journals, artifacts, history and caches.")
    out: str = Field("planloom-out", description="Folder for the files a run makes, one folder a run in it.")
    performance: Performance = Performance()
    execution: Execution = Execution()
    verification: Verification = Verification()
    limits: Limits = Limits()
    models: Models = Models()
    tools: Tools = Tools()
    mcp: Mcp = Mcp()
    sessions: Sessions = Sessions()
    playbooks: Playbooks = Playbooks()
    agents: Agents = Agents()
    policy: Policy = Policy()
    audit: Audit = Audit()
    embeddings: Embeddings = Embeddings()
    index: Index = Index()
    documents: Documents = Documents()
    memory: Memory = Memory()
    caches: Caches = Caches()
    features: Features = Features()
