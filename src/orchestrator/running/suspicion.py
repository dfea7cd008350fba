"""Text that speaks to a model instead of telling something: orders, roles, verdicts, marks of prompts, unseen signs.

Rule: a finding proves nothing and hides nothing; it only means that a model's approval of this text does not count
by itself. Nothing depends on everything being found.
"""

from __future__ import annotations

import re
import unicodedata

_UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
_JOINERS = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff\u0300-\u036f]")
_MODEL = (
    r"(?:judge|grader|verifier|reviewer|evaluator|planner|writer|assistant|model|llm|ai|agent|bot|chatgpt|gpt|claude)"
)
_ORDERS = r"(?:instruct\w*|prompts?|rules?|criteria|criterion|guidelines?|directions?|orders?|context|messages?)"
_APPROVES = r"[\"'`*_\s]*(?:pass(?:es|ed)?|ok|true|approved|verified|bestanden|approuv\w+|aprobad\w+|通过)\b"
_SIGNS = (
    rf"\b(?:ignor\w*|disregard\w*|forget\w*|overrid\w*|bypass\w*|skip|drop)\b[^.\n]{{0,60}}\b{_ORDERS}\b",
    rf"\b(?:new|updated|real|actual|secret|hidden|following|system|developer)\s+(?:\w+\s+)?{_ORDERS}\s*(?::|follow|are|is)",
    rf"\byou\s+(?:are|must|should|will|shall|have to|need to|can)\b[^.\n]{{0,50}}\b{_MODEL}\b",
    rf"\b(?:note|message|instructions?|attention|dear|hey|hello|memo|order|notice)\b[,:]?\s+(?:to|for|of)?\s*(?:the\s+|any\s+|all\s+)?{_MODEL}s?\b",
    rf"\b{_MODEL}\s*[,:]\s*(?:please\s+)?(?:ignore|pass|answer|reply|respond|say|write|mark|give|return|run|call|add|output)\b",
    rf"\bverdicts?\b[\"'`*_\s]*(?::|=|is|are|must be|should be|->|of)?{_APPROVES}",
    rf"\b(?:mark|grade|judge|rate|report|treat|consider|accept|declare|return|answer|reply|respond|output|say)\b[^.\n]{{0,60}}\b(?:as|with|only|just)\b{_APPROVES}",
    r"^\s*(?:#+\s*)?(?:\*\*)?(?:system|assistant|developer|human|user)(?:\*\*)?\s*(?:message|prompt|note)?\s*:",
    r"\bsystem\s+(?:message|prompt|override|note|update|alert)\b",
    r"<\|[a-z_]+\|>|\[/?inst\]|<</?sys>>|</?(?:system|assistant|instructions?|data|goal|inputs|tool_call)>",
    r"<<<data\b|\bend\s+[0-9a-f]{8,}|\"?\baction\"?\s*:\s*\"[\w.]+\"[^\n]{0,200}\bparameters\b",
    r"\b(?:do not|don't|never)\s+(?:tell|inform|mention|reveal|show)\b[^.\n]{0,30}\b(?:user|person|human|anyone)\b",
    r"\b(?:ignorier\w*|vergiss|vergessen sie|missachte\w*)\b[^.\n]{0,60}(?:anweisung|regel|vorgabe|kriteri|vorherig)",
    r"\b(?:urteil|wertung|bewertung)\b\s*(?:ist|:|=|lautet)?" + _APPROVES,
    r"\b(?:ignore[rz]?|oublie[rz]?)\b[^.\n]{0,60}(?:instruction|consigne|regle|critere|precedent)",
    r"\b(?:ignora|olvida|ignore|esquece|dimentica)\w*\b[^.\n]{0,60}(?:instruc|istruzion|regla|regra|regol|criteri|anterior|preced)",
    r"(?:忽略|无视|忘记|不要理会)[^。\n]{0,30}(?:指令|指示|说明|规则|提示|要求)",
    r"(?:無視|忘れ)[^。\n]{0,20}(?:指示|命令)|(?:指示|命令)[^。\n]{0,12}(?:無視|忘れ)",
    r"(?:игнорир\w*|забуд\w*)[^.\n]{0,60}(?:инструкц|указан|правил|критери)",
)
_ANY = re.compile("|".join(f"(?:{sign})" for sign in _SIGNS), re.IGNORECASE | re.MULTILINE)
_LONGEST = 80


def addressed(text: str) -> str:
    """The first place in a text that speaks to a model, in a few words; empty when there is none.

    Linear in the size of the text.
    """
    if _UNSEEN.search(text):
        return "signs that nobody sees"
    match = _ANY.search(_plain(text))
    return " ".join(match[0].split())[:_LONGEST] if match is not None else ""


def _plain(text: str) -> str:
    """The text without what only disguises words: accents, joiners, wide letters, escapes of JSON."""
    text = text.replace("\\n", "\n").replace('\\"', '"')
    return _JOINERS.sub("", unicodedata.normalize("NFKD", text))
