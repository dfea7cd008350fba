"""What a dashboard looks at. Rule: plain data; it travels to Streamlit's script as one argument."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """`url` is a server, `state` the folder with its journals, `reports` the folder or file of load reports.

    The two limits are those of the settings, for one model and minute; 0: none.
    """

    url: str
    state: str
    reports: str
    requests_per_minute: int = 0
    tokens_per_minute: int = 0

    def text(self) -> str:
        """As one argument of a command line; it holds no secret."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Source:
        """What `text` wrote."""
        data: dict[str, Any] = json.loads(text)
        return cls(**data)
