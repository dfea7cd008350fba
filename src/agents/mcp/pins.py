"""Which tools of a server were seen and approved. Rule: a tool that has changed since is another tool.

The first time a server is met its tools are taken as they are; later changes of a description or schema are told, and
an untrusted server's changed or new tools can't be called until a person has looked at them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..catalog import Shelf
from .listing import Listing, Offer

_SHOWN_CHARS = 120


@dataclass(frozen=True, slots=True)
class Change:
    """A tool that is not what it was; `before` None: it is new."""

    tool: str
    before: str | None
    after: str

    def __str__(self) -> str:
        if self.before is None:
            return f"{self.tool} is new: {_part(self.after, 0)}"
        if self.before == self.after:
            return f"{self.tool} has changed in its arguments, result or hints"
        pairs = enumerate(zip(self.before, self.after, strict=False))
        same = next((place for place, (one, other) in pairs if one != other), 0)
        return f"{self.tool} has changed, from {_part(self.before, same)} to {_part(self.after, same)}"


def _part(text: str, start: int) -> str:
    """What is there from about `start` on, short."""
    start = max(0, start - 20)
    cut = " ".join(text[start : start + _SHOWN_CHARS].split())
    return repr(f"{'...' * (start > 0)}{cut}{'...' * (len(text) > start + _SHOWN_CHARS)}")


class Pins:
    """The approved tools of one server, kept on a shelf; one that keeps nothing remembers for this process."""

    def __init__(self, shelf: Shelf, server: str) -> None:
        self._shelf = shelf
        self._name = f"approved {server}"
        self._approved: dict[str, dict[str, str]] | None = None

    def approve(self, listing: Listing) -> None:
        """Takes the tools as they are now."""
        self._approved = {
            offer.name: {"fingerprint": offer.fingerprint, "told": offer.description} for offer in listing.offers
        }
        self._shelf.put(self._name, "", self._approved)

    def changes(self, listing: Listing) -> list[Change]:
        """What is not as approved; at the first meeting everything is approved."""
        approved = self._known()
        if approved is None:
            self.approve(listing)
            return []
        return [change for offer in listing.offers if (change := _change(approved, offer)) is not None]

    def is_approved(self, offer: Offer) -> bool:
        """Whether the tool is one that was approved."""
        approved = self._known()
        return approved is None or _change(approved, offer) is None

    def _known(self) -> Mapping[str, Mapping[str, str]] | None:
        if self._approved is None and (found := self._shelf.get(self._name, "")) is not None:
            self._approved = found
        return self._approved


def _change(approved: Mapping[str, Mapping[str, str]], offer: Offer) -> Change | None:
    known = approved.get(offer.name)
    if known is None:
        return Change(offer.name, None, offer.description)
    if known["fingerprint"] != offer.fingerprint:
        return Change(offer.name, known["told"], offer.description)
    return None
