"""Sentiment and priority. Rule: a lexicon and rules first; a model may say otherwise, within one step of priority."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

from ..shapes import History, Level, Priority, Sentiment, Ticket, Triage
from ..triage.words import lexicon, plain

Mood = Literal["angry", "unhappy", "neutral", "happy"]
MOODS: tuple[Mood, ...] = ("angry", "unhappy", "neutral", "happy")
LEVELS: tuple[Level, ...] = ("low", "normal", "high", "urgent")
_BASE = {"damaged": 1, "delivery": 1, "billing": 1, "refund": 1, "account": 1, "other": 1, "praise": 0, "abuse": 1}
_WORD = 0.45
_ANGRY, _UNHAPPY, _HAPPY = -0.6, -0.15, 0.3


def sentiment(text: str, language: str) -> Sentiment:
    """How the customer sounds: VADER for English, the categories' own words for the other languages."""
    score = _vader(text) if language in ("en", "") else _by_words(text)
    return Sentiment(score=score, mood=mood_of(score), by="VADER" if language in ("en", "") else "word lists")


def mood_of(score: float) -> Mood:
    """The word for a score of -1 to 1."""
    if score <= _ANGRY:
        return "angry"
    if score <= _UNHAPPY:
        return "unhappy"
    return "happy" if score >= _HAPPY else "neutral"


def priority(ticket: Ticket, triage: Triage, *, score: float) -> Priority:
    """How soon it needs an answer, and why."""
    level, reasons = _BASE[triage["category"]], []
    raised = (
        (triage["threat"], 2, "it holds a threat"),
        ("charged_twice" in triage["claims"], 1, "money was taken twice"),
        (score <= _ANGRY, 1, "the customer sounds angry"),
        (triage["category"] == "account" and _is_locked(triage), 1, "the customer can't get in"),
        (ticket["channel"] == "chat", 1, "the customer is waiting in the chat"),
    )
    for holds, by, why in raised:
        if holds:
            level += by
            reasons.append(why)
    return Priority(level=LEVELS[min(level, 3)], reasons=reasons or [f"usual for {triage['category']}"], by="rules")


def nearest(level: Level, wished: str) -> Level:
    """A model's level, at most one step away from the rules'."""
    at, to = LEVELS.index(level), LEVELS.index(wished)
    return LEVELS[max(at - 1, min(at + 1, to))]


def summary(history: History) -> str:
    """What is known of a customer, in a sentence."""
    if not history["known"]:
        return "Nobody is known by this customer id."
    told = f"{history['name']} ({history['tier']}), {history['orders']} orders"
    if history["refunds"]:
        told += f", {history['refunds']} refunds within a year"
    return told + "."


def _is_locked(triage: Triage) -> bool:
    return any(
        word in plain(triage["said"]) for word in ("lock", "gesperrt", "bloque", "log in", "sign in", "anmelden")
    )


def _by_words(text: str) -> float:
    words, known = plain(text), lexicon().categories
    good = sum(len(set(pattern.findall(words))) for pattern in known["praise"].values())
    bad = sum(len(set(pattern.findall(words))) for pattern in known["abuse"].values())
    sad = sum(len(set(pattern.findall(words))) for pattern in known["damaged"].values())
    return round(max(-1.0, min(1.0, _WORD * good - 2 * _WORD * bad - _WORD / 2 * sad)), 3)


def _vader(text: str) -> float:
    return round(float(_analyzer().polarity_scores(text[:5000])["compound"]), 3)


@lru_cache(maxsize=1)
def _analyzer() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()
