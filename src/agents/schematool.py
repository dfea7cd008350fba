"""Tools whose schemas are given as data: those of servers, and those that are known from the catalog alone.

Rule: to the rest of the program they are tools like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any

from ..errors import ToolError
from .tool import Arguments, Tool

_SHOWN_CHARS = 300


@dataclass(frozen=True, kw_only=True)
class SchemaTool(Tool):
    """A tool with given JSON schemas; `given_output` empty: any result. The function takes keyword arguments.

    `is_checked`: the function sees to it that its result fits.
    """

    given_input: Mapping[str, Any] = field(default_factory=lambda: {"type": "object"})
    given_output: Mapping[str, Any] = field(default_factory=dict)
    is_checked: bool = False

    @cached_property
    def input_schema(self) -> dict[str, Any]:
        """JSON schema of the arguments; always an object."""
        return dict(self.given_input)

    @cached_property
    def output_schema(self) -> dict[str, Any]:
        """JSON schema of the result; `{}` when it is not known."""
        return dict(self.given_output)

    def validated(self, arguments: Arguments) -> dict[str, Any]:
        """The arguments, as they are.

        Raises:
            ToolError: they do not fit the schema; names each place.
        """
        given = dict(arguments)
        if self.context_parameter in given:
            raise ToolError(f"{self.name}: no argument can be named {self.context_parameter!r}")
        if found := faults(self.given_input, given):
            raise ToolError(f"{self.name}: {'; '.join(found)}")
        return given

    def checked(self, result: Any) -> Any:
        """The result, as it is.

        Raises:
            ToolError: it does not fit the schema.
        """
        if self.given_output and not self.is_checked and (found := faults(self.given_output, result)):
            raise ToolError(f"{self.name} returned something else than its schema says: {'; '.join(found)}")
        return result


def faults(schema: Mapping[str, Any], value: Any) -> list[str]:
    """What of `value` a schema does not allow, at most five places. Nothing outside of the schema is looked up."""
    from jsonschema import Draft202012Validator
    from referencing import Registry

    registry: Any = Registry()
    errors = Draft202012Validator(schema, registry=registry).iter_errors(value)
    return [
        f"{'.'.join(map(str, error.absolute_path)) or 'arguments'}: {error.message[:_SHOWN_CHARS]}"
        for error in islice(errors, 5)
    ]
