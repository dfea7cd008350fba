"""The input `database` of the ready workflows. Rule: an address is a setting of this process, never recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..config import Config

_NAME = "database"


def with_database(config: Config, given: dict[str, Any]) -> tuple[Config, dict[str, Any]]:
    """Settings and inputs after `--set database=...`: a URL, a SQLite file, or a name in `tools.sql.databases`.

    The inputs keep a file's path or a name; a URL is replaced by the name `database`, under which it is known.
    """
    from pydantic import SecretStr

    address = given.get(_NAME)
    if not isinstance(address, str) or not address:
        return config, given
    known = config.tools.sql.databases
    wanted = known.get(address, SecretStr(address))
    groups: dict[str, Any] = {
        name: getattr(config, name).model_copy(update={"database": wanted}) for name in ("deck", "support")
    }
    if "://" in address:
        sql = config.tools.sql.model_copy(update={"databases": {**known, _NAME: wanted}})
        groups["tools"] = config.tools.model_copy(update={"sql": sql})
        given = {**given, _NAME: _NAME}
    return config.model_copy(update=groups), given
