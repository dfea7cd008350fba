"""The settings, their meaning, unit, default, and what 0 does. Where values come from is `settings`.

Order of precedence: flags over environment (`PLANLOOM_SECTION__KEY`) over YAML over the defaults here.
Rule: every description says what 0 does where 0 is allowed.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

Schedule = Literal["dataflow", "generations", "sequential"]
Verify = Literal["off", "background", "blocking"]
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
    base_url: str = Field("", description="Address of the endpoint, with /v1. Empty: that of `models`.")
    api_key: SecretStr = Field(SecretStr(""), description="Key of the endpoint. Empty: that of `models`.")
    temperature: float = Field(
        -1.0, ge=-1, le=2, description="Sampling temperature. 0: the likeliest words. -1: the server's default."
    )
    context_tokens: int = Field(0, ge=0, description="Tokens a request and its reply may have. 0: that of `models`.")
    max_output_tokens: int = Field(0, ge=0, description="Tokens a reply may have. 0: that of `models`.")


class Models(Group):
    """Any OpenAI-compatible endpoint. Without `base_url` and `api_key` nothing needs a model."""

    base_url: str = Field("", description="Address of the endpoint, with /v1. Empty: OpenAI's, when there is a key.")
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
    enabled: bool = Field(True, description="Off: tool calls, approvals and decisions are not written to the audit log.")
    max_bytes: int = Field(
        67_108_864, ge=0, description="Bytes after which the audit log goes on in a new file. 0: never."
    )


class Caches(Group):
    prompt_cache_size: int = Field(50, ge=0, description="Prompts of agents kept in memory. 0: none.")
    agent_cache_size: int = Field(
        20, ge=1, description="Agents kept ready in memory; those unused for longest go first. At least 1."
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
    call_batching: bool = Field(True, description="Off: one model call a verdict. On: those waiting share a call.")
    warm_fan_out: bool = Field(
        True,
        description="On: of calls with the same long beginning one goes first, so that the prompt cache is warm.",
    )
    plan_streaming: bool = Field(True, description="Off: no step starts before the plan is whole.")
    lazy_agents: bool = Field(True, description="Off: every agent is made when the process starts.")


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
    playbooks: Playbooks = Playbooks()
    agents: Agents = Agents()
    policy: Policy = Policy()
    audit: Audit = Audit()
    caches: Caches = Caches()
    features: Features = Features()
