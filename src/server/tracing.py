"""Traces of runs for OpenTelemetry, when a collector is set. Rule: made of events, so that no run waits.

The names that OpenTelemetry gives to calls of models are in `genai` alone: they still change.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..errors import ConfigError

if TYPE_CHECKING:
    from ..config import Monitoring
    from .spans import Tracer


def tracer(settings: Monitoring, *, secrets: Iterable[str] = ()) -> Tracer | None:
    """What hears events and sends spans; None: no collector is set.

    Raises:
        ConfigError: a collector is set, and the packages are not installed.
    """
    if not settings.enabled or not settings.otlp_endpoint:
        return None
    try:
        from .spans import Tracer
    except ImportError as error:
        raise ConfigError(
            f"monitoring.otlp_endpoint: expected the packages for traces, got: {error}; pip install 'planloom[otel]'"
        ) from error
    return Tracer(settings, secrets=secrets)
