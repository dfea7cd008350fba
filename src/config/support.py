"""How the support desk works."""

from __future__ import annotations

from pydantic import Field, SecretStr

from .group import Group


class Support(Group):
    database: SecretStr = Field(
        SecretStr(""),
        description="Customers and orders for the support desk: a name in tools.sql.databases, a SQLite file or a URL. "
        "Empty: sample data, made on first use.",
    )
    policy: str = Field("", description="File with what the desk may do, see docs/support.md. Empty: an example.")
    knowledge: str = Field("", description="Folder with the desk's articles. Empty: those of the sample shop.")
