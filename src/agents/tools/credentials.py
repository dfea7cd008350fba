"""What lets a tool in: secrets of the settings, with `${ENV:NAME}` filled in. Rule: no text of ours holds them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TypeVar

from pydantic import SecretStr

from ...errors import ToolError

_VARIABLE = re.compile(r"\$\{ENV:([A-Za-z_][A-Za-z0-9_]*)\}")
T = TypeVar("T")


def revealed(secret: SecretStr, key: str) -> str:
    """The secret itself; `key` is its place in the settings.

    Raises:
        ToolError: a variable that it names is not set.
    """

    def value(match: re.Match[str]) -> str:
        if (found := os.environ.get(match[1])) is None:
            raise ToolError(f"{key}: expected the environment variable {match[1]} to be set; set it and start again")
        return found

    return _VARIABLE.sub(value, secret.get_secret_value())


def chosen(accounts: Mapping[str, T], name: str, key: str) -> tuple[str, T]:
    """The account of a name; without one, the only one there is.

    Raises:
        ToolError: there is none of this name, or no name and not exactly one account.
    """
    if not accounts:
        raise ToolError(f"expected an account in the settings, got none; add one to {key}")
    if not name and len(accounts) == 1:
        return next(iter(accounts.items()))
    if name not in accounts:
        raise ToolError(f"expected one of the accounts {', '.join(sorted(accounts))}, got {name!r}; see {key}")
    return name, accounts[name]
