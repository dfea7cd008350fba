"""How plans run: side by side, again, checked, within limits."""

from __future__ import annotations

from pydantic import Field

from .group import Group, Schedule, Verify


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
