"""What earlier rounds and stretches of a run left: outcomes by content, answers, what was cut off in the middle.

Rule: a key is the action, its resolved arguments, the digests of its inputs. Outcomes of the step itself are taken one
after another, in the order they happened, so a run that goes on takes the same turns again without any call; a result
carried over from an earlier round serves every step with its key. Within one round nothing is shared: two steps that
read the same thing both look.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...agents.loop.thread import Threads
from ...events import AgentMessage, ApprovalAnswered, ApprovalAsked, ArtifactCreated
from ...memory.codec import digest, pack
from .ticks import Verdict
from .values import Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One outcome: a result with its verdict (None: not verified yet), or, without `stored`, a final `error`."""

    stored: Stored | None = None
    files: tuple[ArtifactCreated, ...] = ()
    verdict: Verdict | None = None
    error: str = ""


@dataclass(slots=True, kw_only=True)
class Past:
    """`cancelled` are reasons by step, `interrupted` the writes that were running when the process ended.

    `again` are writes that took effect: they never run once more, with other inputs or on demand, before a person
    agrees.
    """

    rounds: dict[str, Kept] = field(default_factory=dict)
    outcomes: dict[tuple[str, str], deque[Kept]] = field(default_factory=dict)
    answers: dict[tuple[str, str, str], ApprovalAnswered] = field(default_factory=dict)
    interrupted: set[str] = field(default_factory=set)
    again: set[str] = field(default_factory=set)
    cancelled: dict[str, str] = field(default_factory=dict)
    threads: Threads = field(default_factory=Threads)
    messages: list[AgentMessage] = field(default_factory=list)

    def keep(self, key: str, kept: Kept) -> None:
        """Makes a final result available to every step of the next round."""
        self.rounds[key] = kept

    def take(self, step: str, key: str) -> Kept | None:
        """The next outcome of this step under this key, else one of an earlier round; None if there is none."""
        own = self.outcomes.get((step, key))
        return own.popleft() if own else self.rounds.get(key)

    def has(self, step: str, key: str) -> bool:
        """Whether `take` would give something."""
        return bool(self.outcomes.get((step, key))) or key in self.rounds

    def was_interrupted(self, step: str) -> bool:
        """Whether this write was running when the process ended; said once."""
        if step not in self.interrupted:
            return False
        self.interrupted.discard(step)
        return True

    def answer(self, asked: ApprovalAsked) -> ApprovalAnswered | None:
        """The answer given before to the same question about the same arguments; said once."""
        return self.answers.pop(question_key(asked), None)


def question_key(asked: ApprovalAsked, changes: Mapping[str, Any] | None = None) -> tuple[str, str, str]:
    """What an approval is bound to: the step, the kind, and the arguments as they are once `changes` are in."""
    return asked.step, asked.kind, digest(pack({**asked.arguments, **(changes or {})}))


def key_of(action: str, arguments: Mapping[str, Any], inputs: Sequence[str], write_id: str) -> str:
    """The content key of a step; a write's key has its id too, so that two equal writes are both done."""
    return digest(pack([action, arguments, inputs, write_id]))


def judged(kept: Kept, verdict: Verdict) -> Kept:
    """The outcome once it was verified."""
    return replace(kept, verdict=verdict)
