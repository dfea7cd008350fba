"""Parts that the composition root makes from the settings alone. Rule: None is what is switched off."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from ..agents.audit import Audit, Redaction
from ..agents.call import Caller, Processes
from ..agents.hub.tools import TOOLS as HUB_TOOLS
from ..agents.loop.crew import Crew
from ..agents.registry import Registry
from ..agents.roster import PREFIX, Roster
from ..agents.secrecy import Concealment, secrets_of
from ..agents.tool import Tool
from ..clock import Clock
from ..config import Config
from ..events import Notice
from ..models.client import Models
from ..models.scope import current
from .answering.writer import Writer
from .intake.conversation import Message, said
from .intake.reception import Reception
from .planning.cached.cache import PlanCache
from .planning.planner import PlaybookPlanner
from .planning.playbooks import Library
from .resuming.underway import Underway
from .running.judge import Judge
from .running.suspicion import addressed

if TYPE_CHECKING:
    from ..agents.tools.model.asking import Asker

_QUESTIONS_A_CALL = 16


def playbook_planner(config: Config, library: Library, models: Models | None) -> PlaybookPlanner:
    """What plans with playbooks; a goal has to fit more clearly where a model can plan it."""
    settings = config.playbooks
    has_model = models is not None and models.has("planner")
    return PlaybookPlanner(library, max(settings.threshold, settings.threshold_with_model if has_model else 0.0))


def plan_cache(config: Config, state: Path, registry: Registry) -> PlanCache | None:
    """Plans kept from verified runs."""
    if not config.features.plan_cache or not config.caches.plan_cache_size:
        return None
    return PlanCache(
        folder=state / "plans",
        registry=registry,
        size=config.caches.plan_cache_size,
        max_steps=config.execution.max_steps,
        notice=lambda text: current().report(Notice(text)),
    )


def reception(clock: Clock, underway: Underway) -> Reception:
    """What takes goals in; a session is told by its journal."""

    def session(name: str, run: str) -> list[Message]:
        return said(underway.sessions.load(name), run) if run in underway else []

    return Reception(clock, session)


def judge(config: Config, models: Models) -> Judge:
    """What judges results by criteria in words."""
    settings = config.models
    context = settings.verifier.context_tokens or settings.context_tokens
    return Judge(models, context_tokens=context, max_items=_questions_a_call(config))


def writer(config: Config, models: Models) -> Writer:
    """What writes answers."""
    settings = config.models
    return Writer(models, context_tokens=settings.writer.context_tokens or settings.context_tokens)


def asker(config: Config, models: Models | None) -> Asker | None:
    """What answers the questions of tools; None without a model."""
    if models is None:
        return None
    from ..agents.tools.model.asking import Asker

    settings = config.models
    return Asker(
        models,
        context_tokens=settings.worker.context_tokens or settings.context_tokens,
        max_output_tokens=settings.worker.max_output_tokens or settings.max_output_tokens,
        is_addressed=addressed,
        max_items=_questions_a_call(config),
    )


def crew(config: Config, registry: Registry, models: Models | None) -> Crew:
    """The agents, of the settings' folders, of plug-ins and built-in; their tools are those of the registry."""

    def find_tools(patterns: Iterable[str]) -> list[Tool]:
        wanted = list(patterns)
        found = {name: tool for name, tool in HUB_TOOLS.items() if named(name, wanted)}
        names = [name for name in registry.names() if not name.startswith(PREFIX)]
        if any(not any(named(name, [pattern]) for name in (*names, *found)) for pattern in wanted):
            names = [tool.name for tool in registry if not tool.name.startswith(PREFIX)]  # a server is not known yet
        chosen = (registry.find(name) for name in names if named(name, wanted))
        return [*(tool for tool in chosen if tool is not None), *found.values()]

    caches = config.caches
    roster = Roster(map(Path, config.agents.folders), prompts=caches.prompt_cache_size)
    made = Crew(roster, find_tools, models, size=caches.agent_cache_size, lazy=config.features.lazy_agents)
    registry.join(made)
    return made


def named(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name is among names and patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def audit(config: Config, state: Path, clock: Clock) -> Audit | None:
    """The audit log."""
    if not config.audit.enabled:
        return None
    clean = Redaction(secrets_of(config))
    return Audit(state / "audit", clock, max_bytes=config.audit.max_bytes, secrets=clean)


def caller(config: Config, workers: Callable[[], Processes]) -> Caller:
    """What calls tools; nothing that comes back holds a secret of the settings."""
    return Caller(workers, Concealment(secrets_of(config, is_sure=True)))


def _questions_a_call(config: Config) -> int:
    return _QUESTIONS_A_CALL if config.features.call_batching else 1
