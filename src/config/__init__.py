"""The settings, their meaning, unit, default, and what 0 does. Where values come from is `settings`.

Order of precedence: flags over environment (`PLANLOOM_SECTION__KEY`) over YAML over the defaults here.
Rule: every description says what 0 does where 0 is allowed.
"""

from __future__ import annotations

from pydantic import Field

from .actions import Agents, Audit, Http, Mcp, McpServer, Policy, PolicyRole, Sql, Tools
from .deck import Deck
from .group import Effect, Fsync, Group, Schedule, Verify
from .keeping import Caches, Documents, Index, Memory, Playbooks, Sessions
from .models import Embeddings, Models, Role
from .running import Execution, Limits, Performance, Verification
from .serving import Alerts, Monitoring, Server
from .support import Support

__all__ = [
    "Config",
    "Features",
    "Group",
    "Schedule",
    "Verify",
    "Fsync",
    "Effect",
    "Agents",
    "Alerts",
    "Audit",
    "Caches",
    "Deck",
    "Documents",
    "Embeddings",
    "Execution",
    "Http",
    "Index",
    "Limits",
    "Mcp",
    "McpServer",
    "Memory",
    "Models",
    "Monitoring",
    "Performance",
    "Playbooks",
    "Policy",
    "PolicyRole",
    "Role",
    "Server",
    "Sessions",
    "Sql",
    "Support",
    "Tools",
    "Verification",
]


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
    deck: Deck = Deck()
    support: Support = Support()
    server: Server = Server()
    monitoring: Monitoring = Monitoring()
    alerts: Alerts = Alerts()
    features: Features = Features()
