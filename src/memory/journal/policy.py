"""What has to be on disk when: which events may be written late, and which are synced at once. Rule: no I/O."""

from __future__ import annotations

from collections.abc import Iterable

from ... import events
from ...events import Payload

# What may be shown before it is written: it says how far something is, and a later event says how it ended.
SOFT: frozenset[type[Payload]] = frozenset(
    {events.StepProgress, events.AnswerToken, events.LimitWaiting, events.LimitChanged, events.AlertChanged}
)
SOFT_TYPES = frozenset(kind.type for kind in SOFT)
_ALWAYS_SYNCED = (events.ApprovalAsked, events.ApprovalAnswered, events.CancelRequested)

# After an unclean end numbers go on this much higher: what was shown and not written had lower ones.
GAP = 100_000
SOFT_BYTES = 1 << 20
SOFT_EVENTS = 10_000
UNSYNCED_EVENTS = 50_000


class Effects:
    """Which steps and agents' calls change the world, by run. What was never announced counts as one that does."""

    def __init__(self) -> None:
        self._harmless: dict[str, set[str]] = {}

    def need_sync(self, payload: Payload, run_id: str) -> bool:
        """Whether the group with this event has to be synced before the event is shown."""
        kind = type(payload)
        if kind is events.StepAdded:
            if payload.effect != "write":  # type: ignore[attr-defined]  # quicker than isinstance
                self._harmless.setdefault(run_id, set()).add(payload.step)  # type: ignore[attr-defined]
            return False
        if kind is events.StepStarted:
            return not self._are_harmless((payload.step, *payload.batch), run_id)  # type: ignore[attr-defined]
        if kind is events.StepFinished:
            return not self._are_harmless((payload.step,), run_id)  # type: ignore[attr-defined]
        if kind is events.AgentCalled:
            if payload.effect == "write":  # type: ignore[attr-defined]
                return True
            self._harmless.setdefault(run_id, set()).add(payload.call)  # type: ignore[attr-defined]
            return False
        if kind is events.AgentReturned:
            return not self._are_harmless((payload.call,), run_id)  # type: ignore[attr-defined]
        if kind is events.RunFinished:
            self._harmless.pop(run_id, None)
        return isinstance(payload, _ALWAYS_SYNCED)

    def _are_harmless(self, steps: Iterable[str], run_id: str) -> bool:
        return self._harmless.get(run_id, frozenset()).issuperset(steps)
