"""A section of the configuration. Rule: unknown keys are errors; every field says its unit and what 0 does."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Schedule = Literal["dataflow", "generations", "sequential"]
Verify = Literal["off", "background", "blocking"]
Fsync = Literal["always", "interval", "never"]
Effect = Literal["pure", "read", "write"]


class Group(BaseModel):
    """A section of the configuration; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)
