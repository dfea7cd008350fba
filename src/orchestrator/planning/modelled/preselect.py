"""Which tools a planner's model is shown for a goal, and how: one line a tool, within a budget of characters.

Rule: by words alone and always the same for the same goal and tools, so that prompts can be cached.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ....agents.tool import Tool, short
from ..lint.schemas import Schema, resolved

MAX_CHARS = 15_000  # at most 5,000 tokens: names and types take more of them than prose
WHOLE_CHARS = 20_000  # the whole list may be longer: it is the same for every goal, so servers keep it in their caches
ALWAYS = ("files.list", "files.read", "files.scan", "tables.read", "text.summary", "results.find", "reports.write")
_WORD = re.compile(r"[^\W_]+")
_SPLIT = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_LONGEST = 400
_NAME, _PARAMETER, _TOLD = 3.0, 1.5, 1.0
_NEAR = 84
_TOGETHER = 0.3  # of its group's best score a tool gets too: tools of one group are used together


def select(goal: str, tools: Iterable[Tool], *, max_chars: int = MAX_CHARS, top: int = 0) -> list[Tool]:
    """The tools for a goal, by name: all when they fit `WHOLE_CHARS`, else the likeliest and a few of general use.

    `top` 0: as many as fit `max_chars`.
    """
    known = {tool.name: tool for tool in tools}
    lines = {name: line(tool) for name, tool in known.items()}
    if not top and sum(len(text) + 1 for text in lines.values()) <= WHOLE_CHARS:
        return [known[name] for name in sorted(known)]
    wanted = [*(name for name in ALWAYS if name in known), *rank(goal, list(known.values()))]
    chosen: list[str] = []
    left = max_chars
    for name in dict.fromkeys(wanted):
        if left > len(lines[name]) and (not top or len(chosen) < top):
            chosen.append(name)
            left -= len(lines[name]) + 1
    return [known[name] for name in sorted(chosen)]


def catalogue(tools: Iterable[Tool]) -> str:
    """The lines of tools."""
    return "\n".join(line(tool) for tool in tools)


def rank(goal: str, tools: Sequence[Tool]) -> list[str]:
    """Names, the likeliest for a goal first; without a common word they come in turns from each group."""
    bags = {tool.name: _bag(tool) for tool in tools}
    spread = Counter(word for bag in bags.values() for word in bag)
    rarity = {word: math.log(1 + len(tools) / count) for word, count in spread.items()}
    asked = _near(sorted(set(_words(goal))), sorted(spread))
    places = _turns(sorted(bags))

    own = {
        name: sum(bag.get(word, 0.0) * rarity[word] * share for word, share in asked.items())
        for name, bag in bags.items()
    }
    best: dict[str, float] = {}
    for name, score in own.items():
        group = name.partition(".")[0]
        best[group] = max(best.get(group, 0.0), score)

    def key(name: str) -> tuple[float, int, str]:
        return -round(own[name] + _TOGETHER * best[name.partition(".")[0]], 6), places[name], name

    return sorted(bags, key=key)


def line(tool: Tool) -> str:
    """`name(argument: type, other?: type) -> fields: what it does [effect]`, at most about 400 characters."""
    told = re.split(r"(?<=[.!?])\s+(?=[A-Z])", short(tool.description), maxsplit=1)[0].rstrip(".")[:160]
    taken = _parameters(tool.input_schema)
    for depth in (3, 2, 1, 0):
        given = _type(tool.output_schema, tool.output_schema, depth)
        text = f"{tool.name}({taken}) -> {given}: {told}. [{tool.effect}]"
        if len(text) <= _LONGEST:
            break
    return text if len(text) <= 2 * _LONGEST else f"{tool.name}({taken[:_LONGEST]} ...) -> {given}: {told}."


# ---- words


def _bag(tool: Tool) -> dict[str, float]:
    """What a tool is found by: words with the weight of the best place they stand in."""
    bag: dict[str, float] = {}
    names = " ".join(tool.input_schema.get("properties", {}))
    for text, weight in ((tool.name, _NAME), (names, _PARAMETER), (tool.description, _TOLD)):
        for word in _words(text):
            bag[word] = max(bag.get(word, 0.0), weight)
    return bag


def _words(text: str) -> Iterator[str]:
    for match in _WORD.finditer(_SPLIT.sub(" ", text).replace("_", " ")):
        word = match[0].casefold()
        if len(word) > 2:
            yield _stem(word)


def _stem(word: str) -> str:
    """A word without the endings that change most: reports, report and reporting are one."""
    for ending in ("ations", "ation", "ings", "ing", "ies", "ed", "es", "s", "y", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def _near(asked: Sequence[str], known: Sequence[str]) -> dict[str, float]:
    """The known words a goal means, with how sure that is: 1 for the word itself, less for one spelt nearly so."""
    from rapidfuzz import fuzz, process

    exact = set(known)
    found: dict[str, float] = {}
    for word in asked:
        if word in exact:
            found[word] = 1.0
        elif len(word) >= 5 and (match := process.extractOne(word, known, scorer=fuzz.ratio, score_cutoff=_NEAR)):
            found[match[0]] = max(found.get(match[0], 0.0), match[1] / 200)
    return found


def _turns(names: Sequence[str]) -> dict[str, int]:
    """The place of each name within its group."""
    seen: Counter[str] = Counter()
    places = {}
    for name in names:
        group = name.partition(".")[0]
        places[name] = seen[group]
        seen[group] += 1
    return places


# ---- types


def _parameters(schema: Schema) -> str:
    required = schema.get("required", ())
    return ", ".join(
        f"{name}{'' if name in required else '?'}: {_type(inner, schema, 2)}"
        for name, inner in schema.get("properties", {}).items()
    )


def _type(schema: Schema, root: Schema, depth: int) -> str:
    """A schema in a few words; below `depth` only the kind of it."""
    schema = resolved(schema, root)
    options = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(options, list):
        return " | ".join(dict.fromkeys(_type(option, root, depth) for option in options))
    if isinstance(schema.get("enum"), list):
        return " | ".join(f'"{value}"' if isinstance(value, str) else str(value) for value in schema["enum"])
    if "const" in schema:
        return f'"{schema["const"]}"'
    kind = schema.get("type", "any")
    if isinstance(kind, list):
        return " | ".join(str(one) for one in kind)
    if kind == "array":
        return f"[{_type(schema.get('items') or {}, root, depth)}]" if depth else "array"
    if kind == "object" and depth and isinstance(schema.get("properties"), Mapping):
        return "{" + ", ".join(_fields(schema["properties"], root, depth - 1)) + "}"
    return str(kind)


def _fields(properties: Mapping[str, Any], root: Schema, depth: int) -> Iterator[str]:
    for name, inner in properties.items():
        yield f"{name}: {_type(inner, root, depth)}"
