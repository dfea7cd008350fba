"""A conversation made to fit a model's context. Rule: what is left out is said, and is read by its handle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...models.guard import Guard

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage

_PLACE = "planloom_place"


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a model takes: `tokens` in all (0: not known), `reply` of them for the reply."""

    model: str
    tokens: int
    reply: int

    def smaller(self, share: float) -> Room:
        """A share of the room, after a server said that less fits."""
        return Room(model=self.model, tokens=int(self.tokens * share), reply=self.reply)


def pruned(
    guard: Guard,
    room: Room,
    messages: Sequence[AnyMessage],
    tools: Any,
    keep: Callable[[str], str],
) -> list[AnyMessage]:
    """The messages, tool outputs shortened and turns left out as far as it takes; oldest first.

    Raises:
        ContextError: it does not fit, whatever may be left out.
    """
    from langchain_core.messages import convert_to_openai_messages

    plain = convert_to_openai_messages(list(messages))
    assert isinstance(plain, list)
    marked = [{**message, _PLACE: place} for place, message in enumerate(plain)]
    fitted = guard.fit(room.model, marked, limit=room.tokens, reserve_output=room.reply, tools=tools, keep=keep)
    kept = []
    for message in fitted.messages:
        place = message[_PLACE]
        was = messages[place]
        same = message.get("content") == plain[place].get("content")
        kept.append(was if same else was.model_copy(update={"content": message["content"]}))
    if fitted.dropped:
        first = next(place for place, message in enumerate(kept) if message.type == "human")
        told = f"{kept[first].text}\n\n[{fitted.dropped} earlier messages of this conversation are left out for room.]"
        kept[first] = kept[first].model_copy(update={"content": told})
    return kept
