"""Where goals come in: what needs no plan is answered here, the others go on with what is known of them.

Rule: whatever can't be found out in time is left out, and the event says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ...clock import Clock
from ...config import Models
from ...errors import PlanloomError
from ...events import IntakeDone
from ...language import NAMES
from ...models.endpoints import endpoint_of
from ...models.scope import current
from ..planning.plan import Plan, escape
from ..planning.planner import Goal, Proposal
from . import Choose, Intake, Recall, Sources, greeting, kind, language, take
from .conversation import Message, listed, visible

Session = Callable[[str, str], Sequence[Message]]

GREETING, SESSION = "greeting", "session"
_EXAMPLE = "Report on the folder ."
_EARLIER_TOKENS = 4_000


class Reception:
    """Takes in goals. `session` gives the messages of a session before a run.

    `recall` gives facts that fit a goal, None: nothing is remembered; `choose` gives tools that do, None: all.
    """

    def __init__(self, clock: Clock, session: Session) -> None:
        self.recall: Recall | None = None
        self.choose: Choose | None = None
        self._clock = clock
        self._session = session

    async def answer(self, text: str) -> Proposal | None:
        """A plan without steps for a greeting or a question about the session; None for everything else."""
        began = self._clock.now()
        what = kind(text)
        if what == "greeting":
            self._report(Intake(kind=what, language=language(text)), began)
            told = greeting(text, _EXAMPLE)
            return Proposal(plan=Plan(goal=text, answer=str(escape(told))), source=GREETING)
        if what != "session":
            return None
        earlier = tuple(await self._earlier())
        if not earlier:
            return None
        self._report(Intake(kind=what, language=language(text), earlier=earlier), began)
        return Proposal(plan=Plan(goal=text, answer=str(escape(listed(earlier)))), source=SESSION)

    async def known(self, goal: Goal) -> Goal:
        """The goal with what can be found out about it in time."""
        began = self._clock.now()
        found = await take(goal.text, Sources(recall=self.recall, choose=self.choose, earlier=self._earlier))
        self._report(found, began)
        return replace(
            goal,
            tools=found.tools,
            facts=found.facts,
            earlier=await asyncio.to_thread(_shown, goal.text, found.earlier),
            language=NAMES.get(found.language, ""),
        )

    async def _earlier(self) -> Sequence[Message]:
        scope = current()
        if not scope.session:
            return ()
        return await asyncio.to_thread(self._session, scope.session, scope.run)

    def _report(self, found: Intake, began: float) -> None:
        current().report(
            IntakeDone(
                kind=found.kind,
                language=found.language,
                tools=len(found.tools or ()),
                facts=len(found.facts),
                earlier=len(found.earlier),
                seconds=self._clock.now() - began,
                failed=found.failed,
                recalled=found.recalled,
            )
        )


def advice(settings: Models) -> str:
    """What to set so that a model can plan; empty when one can."""
    if endpoint_of(settings, "planner") is not None:
        return ""
    if settings.base_url or settings.api_key.get_secret_value():
        return (
            "A server for models is set, but no model: name one in PLANLOOM_MODELS__MODEL or models.model, and a model "
            "plans whatever no playbook fits; `planloom doctor` checks it."
        )
    return (
        "To have a model plan whatever no playbook fits, set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your "
        "own (such as http://localhost:11434/v1), and PLANLOOM_MODELS__MODEL to the model's name; `planloom doctor` "
        "checks it."
    )


def _shown(goal: str, earlier: Sequence[Message]) -> tuple[Any, ...]:
    """The session as a planner sees it."""
    if not earlier:
        return ()
    try:
        return tuple(visible([*earlier, {"role": "user", "content": goal}], {}, _EARLIER_TOKENS)[:-1])
    except PlanloomError:  # the goal alone is larger: then it needs no session to be understood
        return ()
