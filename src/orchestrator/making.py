"""Parts that the composition root makes from the settings alone. Rule: None is what is switched off."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..agents.registry import Registry
from ..config import Config
from ..events import Notice
from ..models.client import Models
from ..models.scope import current
from .planning.cached.cache import PlanCache
from .running.judge import Judge
from .suspicion import addressed

if TYPE_CHECKING:
    from ..agents.tools.model.asking import Asker

_QUESTIONS_A_CALL = 16


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


def judge(config: Config, models: Models) -> Judge:
    """What judges results by criteria in words."""
    return Judge(models, context_tokens=config.models.context_tokens, max_items=_questions_a_call(config))


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


def _questions_a_call(config: Config) -> int:
    return _QUESTIONS_A_CALL if config.features.call_batching else 1
