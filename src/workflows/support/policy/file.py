"""The policy's file. Rule: a key that is wrong stops the desk; nothing is guessed about money."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ....errors import ToolError
from ..shapes import Rule

_MOST_BYTES = 200_000
Days = Annotated[int, Field(ge=0, le=36_500)]
Cents = Annotated[int, Field(ge=0, le=10**12, strict=True)]
Percent = Annotated[int, Field(ge=0, le=100, strict=True)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RefundRule(_Part):
    """How much of what was paid comes back."""

    share_percent: Percent
    shipping: bool
    restocking_percent: Percent = 0
    restocking_most_cents: Cents = 0
    most_cents: Cents = 0
    duplicate_only: bool = False


class Yearly(_Part):
    refunds: Annotated[int, Field(ge=0)] = 0
    cents: Cents = 0


class Windows(_Part):
    damaged_days: Days
    return_days: Days
    late_after_days: Days


class Refunds(_Part):
    """`return` in the file is `returned` here."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    damaged: RefundRule
    missing: RefundRule
    returned: RefundRule = Field(alias="return")
    charged_twice: RefundRule


class Replacements(_Part):
    allowed: bool = True
    below_cents: Cents = 0


class Policy(_Part):
    """The whole file."""

    policy: Literal[1]
    name: str
    approval_above_cents: Cents
    customer_a_year: Yearly = Yearly()
    windows: Windows
    refunds: Refunds
    no_return_of: tuple[str, ...] = ()
    replacements: Replacements = Replacements()


def load(path: Path | None) -> Policy:
    """The policy in a YAML file; None: the example.

    Raises:
        ToolError: it can't be read or does not fit; names each key.
    """
    if path is None:
        return _example()
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ToolError(f"expected a policy of at most {_MOST_BYTES:,} bytes, got {path.stat().st_size:,}")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ToolError(f"expected a readable policy file, got {str(path)!r}: {error}") from error
    return parse(text, str(path))


def parse(text: str, where: str) -> Policy:
    """The policy written as YAML.

    Raises:
        ToolError: as `load`.
    """
    import yaml

    try:
        data: Any = yaml.safe_load(text)
        return Policy.model_validate(data)
    except yaml.YAMLError as error:
        raise ToolError(f"{where}: expected a policy in YAML, got: {error}") from error
    except ValidationError as error:
        told = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'the file'}: {one['msg']}"
            for one in error.errors(include_url=False)[:6]
        )
        raise ToolError(f"{where} is not a policy: {told}; see docs/support.md") from error


def rule_of(policy: Policy, name: str) -> Rule:
    """The policy's rule of a name, as it is handed on.

    Raises:
        ToolError: there is none of this name.
    """
    rules: dict[str, RefundRule] = {
        "damaged": policy.refunds.damaged,
        "missing": policy.refunds.missing,
        "return": policy.refunds.returned,
        "charged_twice": policy.refunds.charged_twice,
    }
    if name not in rules:
        raise ToolError(f"expected one of {', '.join(rules)} as the rule of a refund, got {name!r}")
    return Rule(name=name, **rules[name].model_dump())  # type: ignore[typeddict-item,no-any-return]


@lru_cache(maxsize=1)
def _example() -> Policy:
    return parse(files(__package__).joinpath("policy.yaml").read_text("utf-8"), "policy.yaml")
