"""How the merchant deck is made."""

from __future__ import annotations

from pydantic import Field, SecretStr

from .group import Group


class Deck(Group):
    database: SecretStr = Field(
        SecretStr(""),
        description="Orders for the merchant deck: a SQLite file, sqlite:///FILE or postgresql://user@host/db. "
        "Empty: sample data, made on first use.",
    )
    max_concurrent_requests: int = Field(3, ge=1, le=64, description="Data requests of decks side by side. 1 to 64.")
    max_concurrent_charts: int = Field(4, ge=1, le=16, description="Charts of decks drawn side by side. 1 to 16.")
    batch_size: int = Field(
        50, ge=0, description="Charts after which the processes that draw are replaced by fresh ones. 0: never."
    )
    concurrent_requests: bool = Field(True, description="Off: the data requests of a deck run one after another.")
    concurrent_charts: bool = Field(True, description="Off: the charts of a deck are drawn one after another.")
