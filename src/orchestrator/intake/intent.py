"""What a message is: a goal of its own, one that goes on from the last, a question about the session, a greeting.

Rule: by rules alone, at no cost; whatever is not clearly something else is a goal. No model is asked for this, because
a planner that is shown the session finds out by itself, and a wrong guess here would cost the goal.
"""

from __future__ import annotations

import re
from typing import Literal

Kind = Literal["goal", "follow_up", "session", "greeting"]


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_HELLO = (
    r"hi|hello|hey|good (?:morning|afternoon|evening|day)|thanks|thank you",
    r"hallo|servus|moin|guten (?:tag|morgen|abend)|danke",
    r"bonjour|salut|bonsoir|merci",
    r"hola|buenos d[ií]as|buenas (?:tardes|noches)|gracias",
    r"ciao|buongiorno|grazie|ol[aá]|bom dia|obrigad[oa]",
    r"你好|您好|こんにちは|안녕하세요|привет|здравствуйте",
)
_TO = r"there|you|all|everyone|planloom|zusammen|very much|so much|sch[oö]n|beaucoup|tout le monde"
_GREETING = re.compile(rf"(?:{'|'.join(_HELLO)})(?:[ ,]+(?:{_TO}))*[\s!.?,]*", re.IGNORECASE)
_DONE = r"ask|do|done|did|say|said|tell|told|find|found|run|make|made|talk|discuss"
_SESSION = _any(
    rf"\b(?:what|which)\b.{{0,30}}\b(?:did|have|had|was|were)\b.{{0,20}}\b(?:i|we|you)\b.{{0,30}}\b(?:{_DONE})\w*",
    r"\bwhat (?:was|were) (?:my|your|our|the) (?:last|first|previous|earlier) (?:question|goal|answer|result|run)s?\b",
    r"\b(?:summari[sz]e|recap|sum up|list|show) (?:this|the|our|my) (?:session|conversation|chat|earlier goals?)\b",
    r"\b(?:so far|earlier|before) (?:in )?(?:this|the|our) (?:session|conversation|chat)\b",
    r"\bwas (?:habe|hatte|haben) (?:ich|wir|du)\b.{0,40}\b(?:gefragt|gemacht|gesagt|getan|gefunden|besprochen)",
    r"\b(?:fasse?|zeige?)\b.{0,20}\b(?:sitzung|gespr[aä]ch|unterhaltung|chat)\b",
    r"\bqu['\u2019]?(?:est-ce que|ai-je|avons-nous|as-tu)\b.{0,40}\b(?:demand|fait|dit|trouv)\w*",
    r"\bqu[eé] (?:he|hemos|has)\b.{0,30}\b(?:preguntado|hecho|dicho|encontrado|pedido)",
)
_FILLER = r"(?:and|also|again|instead|ok(?:ay)?|yes|no|but|then|now|please)"
_HANGS = (
    r"(?:as|in|with|without|for|to|only|just|the same|it|that|this|them|those|once more|again|by|from|"
    r"what about|how about|shorter|longer)\b"
)
_GOES_ON = _any(
    rf"{_FILLER}\b[ ,]*(?:{_FILLER}\b[ ,]*)*{_HANGS}",
    rf"(?:{_FILLER}\b[ ,]*)*(?:make|turn|convert|translate|send|save|sort|export|explain|shorten|redo|repeat|draw|plot|"
    r"put|write|show|compare)\s+(?:it|that|this|them|those)\b(?!\s+(?:folder|file|table|report|page|text))",
    r"(?:what|how) about\b|(?:the )?same\b",
    r"(?:once more|again|more|shorter|longer|as an? \w+|in (?:english|german|french|spanish|italian))[\s.!?]*$",
    r"(?:und|jetzt|nun|noch|auch|dann|aber|bitte)\b[ ,]*(?:(?:jetzt|nun|noch|auch|das|bitte|mal)\b[ ,]*)*"
    r"(?:als|in|mit|ohne|f[uü]r|nur|dasselbe|das gleiche|einmal|k[uü]rzer|l[aä]nger|nach)\b",
    r"(?:das|es|dasselbe|das gleiche)\b.{0,40}\b(?:als|auf|noch ?mal)\b",
    r"(?:et|maintenant|aussi|puis|mais)\b[ ,]*(?:maintenant|aussi)?[ ,]*(?:en|avec|sans|pour|comme|la m[eê]me)\b",
    r"(?:y|ahora|tambi[eé]n|luego|pero)\b[ ,]*(?:ahora|tambi[eé]n)?[ ,]*(?:en|como|con|sin|para|solo|lo mismo)\b",
)
_LONGEST_FOLLOW_UP = 200


def kind(text: str) -> Kind:
    """What a message is by its words alone; `follow_up` and `session` count only where a session went before."""
    told = " ".join(text.split())
    if _GREETING.fullmatch(told):
        return "greeting"
    if len(told) <= _LONGEST_FOLLOW_UP:
        if _SESSION.search(told):
            return "session"
        if _GOES_ON.match(told):
            return "follow_up"
    return "goal"


def greeting(text: str, example: str) -> str:
    """The answer to a greeting or to thanks, in its language, with a goal that works."""
    words = re.findall(r"[^\W\d_]+", text.casefold())
    spoken = next((code for code, known in _SPOKEN.items() if known & set(words)), "en")
    hello, thanks, offer = _ANSWERS[spoken]
    opening = thanks if _THANKS & set(words) else hello
    return f"{opening} {offer.format(example=example)}"


_SPOKEN = {
    "de": frozenset(("hallo", "servus", "moin", "guten", "danke", "zusammen")),
    "fr": frozenset(("bonjour", "salut", "bonsoir", "merci")),
    "es": frozenset(("hola", "buenos", "buenas", "gracias")),
}
_THANKS = frozenset(("thanks", "thank", "danke", "merci", "gracias", "grazie", "obrigado", "obrigada"))
_ANSWERS = {
    "en": ("Hello.", "You are welcome.", "Tell me a goal, and I plan it and run it. For example: {example}"),
    "de": ("Hallo.", "Gern geschehen.", "Nenne mir ein Ziel, ich plane es und führe es aus. Zum Beispiel: {example}"),
    "fr": ("Bonjour.", "Je vous en prie.", "Donnez-moi un but, je le planifie et l'exécute. Par exemple : {example}"),
    "es": ("Hola.", "De nada.", "Dime un objetivo y lo planifico y lo ejecuto. Por ejemplo: {example}"),
}
