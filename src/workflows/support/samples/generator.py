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

from ..shapes import Category

Half = Literal["known", "held", "both"]
CATEGORIES: tuple[Category, ...] = ("damaged", "delivery", "billing", "refund", "account", "praise", "abuse")
LANGUAGES = ("en", "de", "fr", "es")
_WEIGHTS = (20, 20, 16, 18, 10, 8, 8)
_ENGLISH = 0.4
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

    def ticket(self) -> dict[str, str]:
        """The ticket alone, as a line of an inbox."""
        return {name: getattr(self, name) for name in ("id", "customer", "channel", "text", "order")}

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose order a ticket is about."""

    customer: str
    order: str
    item: str


def samples(
    subjects: Sequence[Subject],
    count: int,
    seed: int,
    *,
    half: Half = "both",
    mixed: float = 0.1,
    injected: float = 0.05,
) -> list[Sample]:
    """Tickets about the subjects, in their order. `mixed`, `injected`: shares of those with two matters, with an attack."""
    chance = random.Random(seed)  # noqa: S311  # not a secret
    return [_sample(chance, subjects[n % len(subjects)], n, half, mixed, injected) for n in range(count)]


def injections() -> list[str]:
    """The sentences of attacks, with `{order}` in them."""
    return list(_told()["injections"])


def sentences(category: str, language: str, half: Half) -> Sequence[str]:
    """What tickets of a category say, with `{item}` and `{order}` in it."""
    both: Mapping[str, list[str]] = _told()[category][language]
    return [*both["known"], *both["held"]] if half == "both" else both[half]


def _sample(chance: random.Random, subject: Subject, number: int, half: Half, mixed: float, injected: float) -> Sample:
    category = chance.choices(CATEGORIES, _WEIGHTS)[0]
    language = "en" if chance.random() < _ENGLISH else chance.choice(LANGUAGES[1:])
    second = ""
    if chance.random() < mixed and category not in ("abuse", "praise"):
        second = chance.choice([one for one in CATEGORIES[:5] if one != category])
    is_attack = chance.random() < injected
    said = [one for one in _pieces(chance, category, second, language, half, is_attack) if one]
    text = " ".join(said).format(item=subject.item, order=subject.order)
    return Sample(
        id=f"T-{seed_name(number)}",
        customer=subject.customer,
        channel=chance.choice(("email", "chat", "form")),
        text=text,
        order=subject.order if chance.random() < 0.5 and category != "account" else "",
        category=category,
        second=second,
        language=language,
        injection=is_attack,
    )


def seed_name(number: int) -> str:
    """The number of a ticket as it is shown."""
    return f"{number + 1:04d}"


def _pieces(
    chance: random.Random, category: str, second: str, language: str, half: Half, is_attack: bool
) -> Iterator[str]:
    told = _told()
    yield chance.choice(told["openings"][language])
    yield chance.choice(sentences(category, language, half))
    if second:
        yield chance.choice(sentences(second, language, half))
    if is_attack:
        yield chance.choice(told["injections"])
    yield chance.choice(told["closings"][language]).format(name=chance.choice(_NAMES))


@lru_cache(maxsize=1)
def _told() -> Mapping[str, Any]:
    import yaml

    made: Mapping[str, Any] = yaml.safe_load(files(__package__).joinpath("templates.yaml").read_text("utf-8"))
    return made
