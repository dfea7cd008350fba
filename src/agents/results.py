"""Turns what a tool returned into plain JSON data, or says exactly why it can't be.

Rule: a result is plain data (dict with text keys, list, text, finite number, bool, None) or bytes as a whole.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from ..errors import ResultError

_ATOMS = frozenset({str, int, bool, type(None)})


def plain(value: Any, *, where: str = "result") -> Any:
    """`value` as plain data: dates become ISO text, tuples and sets lists, dataclasses and models dicts.

    Lone surrogates in text are replaced, because no encoding can store them. Integers beyond 64 bits become text
    in full. Cost is linear in the size of the value.

    Raises:
        ResultError: NaN or infinity, bytes inside a structure, a cycle, or an object that is not data; names the place.
    """
    try:
        return _plain(value, where)
    except RecursionError:
        raise ResultError(
            f"expected plain data, got a structure that contains itself or is nested too deep at {where}"
        ) from None


def _plain(value: Any, where: str) -> Any:
    kind = type(value)
    if kind is str:
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if kind is int:
        return value if -(2**63) <= value < 2**64 else str(value)
    if kind in _ATOMS:
        return value
    if kind is float:
        if math.isfinite(value):
            return value
        raise ResultError(f"expected a finite number or None, got {value!r} at {where}; return None for 'no value'")
    if kind is dict:
        return {_key(k, where): _plain(v, f"{where}.{k}") for k, v in value.items()}
    if kind is list or kind is tuple:
        return [_plain(v, f"{where}[{i}]") for i, v in enumerate(value)]
    return _converted(value, where)


def _key(key: Any, where: str) -> str:
    if type(key) is str:
        return key if key.isascii() else key.encode("utf-8", "replace").decode("utf-8")
    if isinstance(key, (str, int, float, dt.date)):
        return str(key)
    raise ResultError(f"expected text keys, got a key of type {type(key).__name__} at {where}")


def _converted(value: Any, where: str) -> Any:
    match value:
        case enum.Enum():
            return _plain(value.value, where)
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat()
        case dt.timedelta():
            return value.total_seconds()
        case PurePath():
            return str(value)
        case bool() | str() | int() | float():
            base = next(t for t in (bool, str, int, float) if isinstance(value, t))
            return _plain(base(value), where)
        case Mapping():
            return {_key(k, where): _plain(v, f"{where}.{k}") for k, v in value.items()}
        case set() | frozenset():
            return [_plain(v, where) for v in sorted(value, key=repr)]
        case list() | tuple():
            return [_plain(v, f"{where}[{i}]") for i, v in enumerate(value)]
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {f.name: _plain(getattr(value, f.name), f"{where}.{f.name}") for f in dataclasses.fields(value)}
    if callable(dump := getattr(value, "model_dump", None)):  # pydantic
        return _plain(dump(mode="json"), where)
    if callable(item := getattr(value, "item", None)) and getattr(value, "ndim", None) == 0:  # numpy scalar
        return _plain(item(), where)
    if callable(tolist := getattr(value, "tolist", None)):  # numpy array
        return _plain(tolist(), where)
    raise ResultError(
        f"expected plain data (dict, list, text, number, bool, None), got {type(value).__name__} at {where}; "
        "return data, or write a file and return its path"
    )
