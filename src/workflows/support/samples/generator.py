"""Made-up tickets, the same for the same seed, each labelled with what it is about.

Rule: a label is what the writer of the sentence meant, never what a rule found.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

from ..shapes import Category, Line

Half = Literal["known", "held", "both"]
CATEGORIES: tuple[Category, ...] = ("damaged", "delivery", "billing", "refund", "account", "praise", "abuse")
LANGUAGES = ("en", "de", "fr", "es")
_WEIGHTS = (20, 20, 16, 18, 10, 8, 8)
_ENGLISH = 0.4
_SUITED = 0.8
_NAMES = ("Kim", "Ada", "Jonas", "Lea", "Pablo", "Inès", "Noah", "Mara")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A ticket and what is true of it. `second` "": it is about one thing only."""

    id: str
    customer: str
    channel: str
    text: str
    order: str
    category: Category
    second: str
    language: str
    injection: bool

    def ticket(self) -> Line:
        """The ticket alone, as a line of an inbox."""
        return Line(
            id=self.id, customer=self.customer, channel=self.channel, text=self.text, order=self.order, transcript="",
            received="",
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose order a ticket is about; `suits` are the categories that its state gives a reason for."""

    customer: str
    order: str
    item: str
    suits: frozenset[str] = frozenset()


def samples(
    subjects: Sequence[Subject],
    count: int,
    seed: int,
    *,
    half: Half = "both",
    mixed: float = 0.1,
    injected: float = 0.05,
) -> list[Sample]:
    """Tickets about the subjects, each at most once as long as there are enough.

    `mixed` and `injected` are the shares of those with two matters, and with an attack. Most are about a subject
    that suits what they say; the others are the mistakes people make.
    """
    maker = _Maker(random.Random(seed), half, list(subjects))  # noqa: S311  # not a secret
    return [maker.sample(n, mixed=mixed, injected=injected) for n in range(count)]


def injections() -> list[str]:
    """The sentences of attacks, with `{order}` in them."""
    return list(_told()["injections"])


def sentences(category: str, language: str, half: Half) -> Sequence[str]:
    """What tickets of a category say, with `{item}` and `{order}` in it."""
    both: Mapping[str, list[str]] = _told()[category][language]
    return [*both["known"], *both["held"]] if half == "both" else both[half]


@dataclass(frozen=True, slots=True)
class _Maker:
    """Draws tickets from one half of the sentences."""

    chance: random.Random
    half: Half
    subjects: list[Subject]

    def sample(self, number: int, *, mixed: float, injected: float) -> Sample:
        chance = self.chance
        category = chance.choices(CATEGORIES, _WEIGHTS)[0]
        subject = self._subject(category)
        language = "en" if chance.random() < _ENGLISH else chance.choice(LANGUAGES[1:])
        second = ""
        if chance.random() < mixed and category not in ("abuse", "praise"):
            second = chance.choice([one for one in CATEGORIES[:5] if one != category])
        is_attack = chance.random() < injected
        said = " ".join(filter(None, self._pieces(category, second, language, is_attack=is_attack)))
        return Sample(
            id=f"T-{number + 1:04d}",
            customer=subject.customer,
            channel=chance.choice(("email", "chat", "form")),
            text=said.format(item=subject.item, order=subject.order),
            order=subject.order if chance.random() < 0.5 and category != "account" else "",
            category=category,
            second=second,
            language=language,
            injection=is_attack,
        )

    def _subject(self, category: str) -> Subject:
        """The next subject, one that suits four times of five; it goes to the end of the line."""
        wanted = category if self.chance.random() < _SUITED else ""
        found = next((n for n, one in enumerate(self.subjects) if not wanted or wanted in one.suits), 0)
        subject = self.subjects.pop(found)
        self.subjects.append(subject)
        return subject

    def _pieces(self, category: str, second: str, language: str, *, is_attack: bool) -> Iterator[str]:
        told, chance = _told(), self.chance
        yield chance.choice(told["openings"][language])
        yield chance.choice(sentences(category, language, self.half))
        if second:
            yield chance.choice(sentences(second, language, self.half))
        if is_attack:
            yield chance.choice(told["injections"])
        yield chance.choice(told["closings"][language]).format(name=chance.choice(_NAMES))


@lru_cache(maxsize=1)
def _told() -> Mapping[str, Any]:
    import yaml

    made: Mapping[str, Any] = yaml.safe_load(files(__package__).joinpath("templates.yaml").read_text("utf-8"))
    return made
