"""Sentences of a ticket that speak to the machine instead of the shop. Rule: they are set aside before anything reads.

Setting aside is a courtesy to the other rules, not what protects: actions follow from records and the policy alone.
"""

from __future__ import annotations

import re
import unicodedata

from .words import plain

_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]")
_SENTENCE = re.compile(r"(?<=[.!?\u3002])\s+|\n+")
_CLAUSE = re.compile(r"\s*(?:[,;:\u2014]|\s-|\b(?:and|und|et|y)\b)\s+", re.IGNORECASE)
_MACHINE = re.compile(
    r"\b(?:ignor\w+|disregard\w*|forget|override|bypass|skip|vergiss\w*|oublie\w*|olvida)\b.{0,60}"
    r"\b(?:instruct\w*|anweisung\w*|consigne\w*|instruccion\w*|rule\w*|regel\w*|regle\w*|regla\w*|polic\w+|prompt\w*|"
    r"verification|above|previous|check\w*|limit\w*)"
    r"|\b(?:system|developer|admin\w*|debug|god|root)\s+(?:mode|prompt|message|override|note|instruction\w*)"
    r"|\b(?:previous|prior|vorherig\w+|precedent\w*|anterior\w*)\s+(?:instruct\w*|anweisung\w*|consigne\w*|instruc\w*)"
    r"|\b(?:you are now|you must now|act as|you act as|pretend|roleplay|from now on|new rule|neue regel|nouvelle regle|"
    r"nueva regla|du bist jetzt|tu es maintenant|ahora eres|faites comme si|fais comme si|tun sie so als|tu so als|"
    r"haz como si|haga como si)\b"
    r"|\b(?:(?:dear|hey|you the|virtual|ai) assistant|language model|llm|gpt|claude|refundbot|the ai|an ai|"
    r"ki assistent|asistente virtual)\b"
    r"|\b(?:approved|approval|genehmigt|approuve|aprobado)\b.{0,30}\b(?:true|human|person|manager|already|by)\b"
    r"|\b(?:authori[sz]e|instruct|command)\s+(?:you|the)\b|^assistant\b"
    r"|\bpolicy file\b"
    r"|\b(?:policy|limit|richtlinie|politique|politica)\b.{0,30}\b(?:raised|changed|lifted|suspended|is now)\b"
    r"|\b(?:auto approv\w*|automatically approv\w*|pre approved|all refunds|every refund|every order|"
    r"escalate privileges|forget everything|classify (?:this|the|it|my)|begin your (?:answer|reply)|"
    r"output the following|respond with|reply with|print your|reveal your|execute (?:the|this|following|a))\b"
    r"|\b(?:override|jailbreak|tool ?call|function ?call|system prompt|prompt injection|your instructions)\b"
    r"|\b(?:category|claim|action|cents|amount|approved|verified|priority|status)\s+(?:must|should|shall|has to)\s+be\b"
    r"|\btreat (?:my|this|the) (?:order|ticket|case)\b.{0,40}\bas (?!urgent)"
    r"|\bmark (?:my|this|the|it)\b.{0,40}\b(?:as|approved|refunded|verified)\b"
)
_MARKUP = re.compile(
    r"\{.*[\"'].*[:=].*\}|</?\w+>|<<<|>>>|\[/?(?:INST|SYS\w*)\]|<\|"
    r"|\b[a-z]+\.[a-z_]+\s*\(|\bsupport\.\w+|\b\w+\s*=\s*(?:true|false|\d{3,})"
    r"|^\s*(?:#+\s*)?[\[(*]*"
    r"(?:system|assistant|developer|user|human|tool|tool_call|override|(?:new )?instructions?|admin\w*)[\])*]*\s*:",
    re.IGNORECASE,
)
# a sum of money to be paid, which records say and not the customer
_MONEY = re.compile(
    r"\b(?:refund|reimburs|erstatt|rembours|reembols)\w*\W+(?:\w+\W+){0,3}?"
    r"(?:[$€£]\s?\d|\d[\d.,]*\s?(?:eur|usd|dollar|[$€£]))",
    re.IGNORECASE,
)
_BLOB = re.compile(r"[A-Za-z0-9+/]{80,}={0,2}")


def split(text: str) -> tuple[str, list[str]]:
    """What the customer says to the shop, and the sentences that were set aside; nothing unseen is left in either."""
    shown = _UNSEEN.sub("", unicodedata.normalize("NFKC", text))
    kept: list[str] = []
    aside: list[str] = []
    for sentence in filter(None, (one.strip() for one in _SENTENCE.split(shown))):
        if not is_suspicious(sentence):
            kept.append(sentence)
            continue
        before, rest = _before(sentence)
        if before:
            kept.append(before)
        aside.append(rest)
    return "\n".join(kept), aside


def is_suspicious(text: str) -> bool:
    """Whether a piece of a ticket speaks to a machine, or names a sum that is to be paid."""
    return speaks_to_machine(text) or bool(_MONEY.search(text))


def speaks_to_machine(text: str) -> bool:
    """Whether a text speaks to a machine, or looks like what machines read."""
    return bool(_MARKUP.search(text) or _BLOB.search(text) or _MACHINE.search(plain(text)))


def _before(sentence: str) -> tuple[str, str]:
    """The clauses in front of the first suspicious one, and the rest; what looks like code is not taken apart."""
    end = 0
    if _MARKUP.search(sentence):
        return "", sentence
    for match in _CLAUSE.finditer(sentence):
        if is_suspicious(sentence[: match.start()]):
            break
        end = match.start()
    before = sentence[:end].strip()
    return ("", sentence) if not end or is_suspicious(before) else (before, sentence[end:].strip(" ,;:"))
