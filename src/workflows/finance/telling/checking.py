"""Whether each number in a text was computed. Rule: when in doubt a text is refused; the template says it instead.

A number fits a figure when it is that figure rounded to the digits shown, and points the same way. Dates, years within
the ledger and names that are known to have digits are not numbers; words that say how many times are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .figures import Figure

_MONTHS = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)"
)
_DATES = re.compile(
    r"\b\d{4}-\d{2}(?:-\d{2})?\b|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b|\b[qh][1-4]\b"
    rf"|\b{_MONTHS}\.? \d{{1,2}}(?:st|nd|rd|th)?\b(?![.,]?\d)(?! ?(?:%|k\b|m\b|million|thousand|percent))"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th)?\.? (?:of )?{_MONTHS}\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"(?P<sign>[-+\u2212]\s?)?(?P<money>[€$£]|\b(?:EUR|USD|GBP|CHF)\s?)?\s?(?P<sign2>[-+\u2212])?"
    r"(?P<digits>\d{1,3}(?:[,'\u2019\u00a0\u202f ]\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?|\.\d+)"
    r"(?:\s?(?P<scale>thousand|million|billion|mn|bn|k|m|b)\b)?"
    r"(?:\s?(?P<share>%|percent(?:age points?)?\b|per cent\b|pp\b))?"
    r"(?P<power>e[+-]?\d+|\s?(?:times|x|\u00d7|-?fold)\b)?",
    re.IGNORECASE,
)
_SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "million": 1e6, "b": 1e9, "bn": 1e9, "billion": 1e9}
_COUNTS = (
    "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen"
    "|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|dozens?|hundreds?|thousands?|millions?|billions?"
)
_WORDS = re.compile(
    rf"\b(?:(?:{_COUNTS})(?:-?fold| times| percent| per cent)?|doubl\w+|tripl\w+|quadrupl\w+|halv\w+|half|twice|thrice"
    r"|(?:two|a|one) thirds?|thirds of|a quarter (?=of )|three[- ]quarters|\w+fold|one (?:percent|per cent))\b",
    re.IGNORECASE,
)
_INNOCENT = re.compile(
    r"\b(?:(?:all )?four metrics|two (?:periods|years)|(?:three|six|twelve) months|second half|first half)\b",
    re.IGNORECASE,
)
_UP = re.compile(
    r"\b(?:rose|risen|rises?|rising|grew|grown|grows?|increase[ds]?|climb\w*|gain(?:ed|s)?|jump(?:ed|s)?|up)\b", re.I
)
_DOWN = re.compile(
    r"\b(?:fell|fallen|falls?|falling|declin\w+|decreas\w+|dropp?(?:ed|s)?|shrank|shrunk|shrinks?|down|los[est]+|reduc\w+"
    r"|lower)\b",
    re.IGNORECASE,
)  # fmt: skip


def wrong_numbers(
    text: str, figures: Sequence[Figure], *, years: Iterable[int], names: Iterable[str] = ()
) -> list[str]:
    """What is wrong in a text, a sentence each; [] when every number was computed.

    `names` are members of the ledger, whose digits and words are names.
    """
    plain = text
    for name in sorted(set(names), key=len, reverse=True):
        plain = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", " ", plain)
    plain = _DATES.sub(" ", plain)
    known = set(years)
    wrong = []
    for match in _NUMBER.finditer(plain):
        shown = match[0].strip()
        if _is_year(match, known) or _before_is_letter(plain, match):
            continue
        if not any(_fits(match, figure, _direction(plain, match)) for figure in figures):
            wrong.append(f"{shown!r} is none of the computed figures, or points the wrong way")
    for match in _WORDS.finditer(_INNOCENT.sub(" ", _NUMBER.sub(" ", plain))):
        wrong.append(f"{match[0]!r} stands for a number that was not computed; use the figures as they are")
    if re.search(r"[^\W\d_]?[\u0660-\u0669\u06f0-\u06f9\u0966-\u096f\uff10-\uff19\u00bc-\u00be\u2150-\u215e]", plain):
        wrong.append("digits of another script or fractions as signs are not allowed")
    return wrong


def _is_year(match: re.Match[str], known: set[int]) -> bool:
    bare = match["digits"].isdigit() and not any(match[part] for part in ("money", "scale", "share", "power", "sign"))
    return bare and len(match["digits"]) == 4 and int(match["digits"]) in known


def _before_is_letter(text: str, match: re.Match[str]) -> bool:
    """Digits inside a word, like the 2 in CO2 or B2B."""
    start = match.start("digits")
    return start > 0 and text[start - 1].isalpha() and not match["money"]


def _fits(match: re.Match[str], figure: Figure, direction: int) -> bool:
    if match["power"]:
        return False
    is_share = bool(match["share"])
    if is_share != (figure.unit == "share"):
        return False
    digits = re.sub(r"[,'\u2019\u00a0\u202f ](?=\d{3}(?!\d))", "", match["digits"]).replace(",", ".")
    places = len(digits.partition(".")[2])
    scale = 0.01 if is_share else _SCALES.get((match["scale"] or "").lower(), 1.0)
    if is_share and match["scale"]:
        return False
    shown, unit = float(digits) * scale, scale * 10.0**-places
    if abs(shown - abs(figure.value)) > unit * 0.5000001 + 1e-9 and not _is_rough(digits, shown, figure, scale):
        return False
    sign = (match["sign"] or match["sign2"] or "").strip()
    if sign and sign != "+":
        return figure.value < 0
    if sign == "+" and figure.value < 0:
        return False
    return not (direction and "change" in figure.name and figure.value * direction < 0)


def _is_rough(digits: str, shown: float, figure: Figure, scale: float) -> bool:
    """A large amount rounded to whole thousands or more, with three digits that count at least."""
    if figure.unit != "money" or scale != 1.0 or "." in digits:
        return False
    kept = digits.rstrip("0")
    zeros = len(digits) - len(kept)
    return zeros >= 2 and len(kept) >= 3 and abs(shown - abs(figure.value)) <= 0.5 * 10.0**zeros


def _direction(text: str, match: re.Match[str]) -> int:
    """1 or -1 when the words of the clause before a number say up or down, and only one of the two."""
    clause = re.split(r"[.;:,()]\s|\b(?:and|but|while|although|to)\b", text[: match.start()])[-1]
    up, down = bool(_UP.search(clause)), bool(_DOWN.search(clause))
    return 0 if up == down else (1 if up else -1)
