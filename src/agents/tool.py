"""What a tool is, and the `@tool` decorator that makes one from a typed function.

Rule: a tool is data plus a function. How it is called (event loop, thread, worker process) is `agents.call`.
"""

from __future__ import annotations

import asyncio
import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ..config import Config
from ..errors import ToolError
from .question import Ask
from .workspace import Workspace

if TYPE_CHECKING:
    from .hub import Hub
    from .knowledge import Knowledge
    from .loop.thread import Invoke

Effect = Literal["pure", "read", "write"]
Arguments = Mapping[str, Any]


class Report(Protocol):
    """Takes a step's progress; cheap, from any thread."""

    def __call__(self, done: float, total: float | None = None, note: str = "") -> None: ...


class Register(Protocol):
    """Makes a file an artifact of the run; cheap, from any thread."""

    def __call__(self, path: Path, media_type: str | None = None) -> None: ...


class Results(Protocol):
    """Reads results of the run by handle; from any thread."""

    def is_handle(self, text: str) -> bool:
        """Whether a text names a result rather than being one."""
        ...

    def value(self, handle: str) -> Any:
        """The result, as plain data or bytes.

        Raises:
            ToolError: there is none that may be read from here.
        """
        ...


def _no_report(done: float, total: float | None = None, note: str = "") -> None:
    """Progress nobody asked for."""


def _no_register(path: Path, media_type: str | None = None) -> None:
    """Artifacts nobody collects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """What a tool is handed when it has a parameter annotated `ToolContext`.

    `attempt` counts from 1. `feedback` is the verifier's reason when the step is redone, None the first time.
    `idempotency_key` is the same for every try of one write. `cancelled` turns true when the step is cancelled;
    tools that run in a thread look at it in their loops. `invoke` lets an agent's step call tools, and `hub` lets the
    agents of a run talk to each other; None for all others. `results` reads earlier results by handle; None in a worker
    process. `ask` asks a model, None when there is none. `knowledge` holds documents and facts; None outside a goal.
    """

    workspace: Workspace
    config: Config = field(default_factory=Config)
    run_id: str = ""
    step_id: str = ""
    attempt: int = 1
    feedback: str | None = None
    idempotency_key: str = ""
    progress: Report = _no_report
    artifact: Register = _no_register
    cancelled: Callable[[], bool] = lambda: False
    results: Results | None = None
    invoke: Invoke | None = None
    hub: Hub | None = None
    ask: Ask | None = None
    knowledge: Knowledge | None = None


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A typed function with a JSON schema in and out, and an effect. Calling it calls the function.

    `timeout_s` and `concurrency` 0 mean: the setting's default, no limit. `concurrency` counts in the whole process.
    `process`: runs in a worker process, which can be killed and shares nothing. `destructive`: each call needs
    approval. `outward`: what it is given leaves this machine (a request to another host). `idempotent`: takes the
    context's idempotency key, so a write may be repeated. `batch_growth`: how much longer a merged call takes for each
    further step, as a share of one step's time (0: not at all).
    """

    name: str
    description: str
    function: Callable[..., Any]
    effect: Effect
    timeout_s: float = 0.0
    concurrency: int = 0
    process: bool = False
    destructive: bool = False
    outward: bool = False
    idempotent: bool = False
    cost_usd: float = 0.0
    batch_function: Callable[..., Any] | None = None
    batch_limit: int = 100
    batch_growth: float = 0.0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def batch(self, *, limit: int = 100, growth: float = 0.0) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declares the batch form: `f(calls: list[dict]) -> list` of results or exceptions, in the same order.

        A parameter annotated `ToolContext` is handed the context of the call, as for the tool itself.
        """

        def declare(function: Callable[..., Any]) -> Callable[..., Any]:
            object.__setattr__(self, "batch_function", function)
            object.__setattr__(self, "batch_limit", limit)
            object.__setattr__(self, "batch_growth", growth)
            return function

        return declare

    @cached_property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.function)

    @cached_property
    def context_parameter(self) -> str | None:
        """Name of the parameter that takes the ToolContext, None if there is none."""
        return next((name for name, hint in self._hints.items() if hint is ToolContext), None)

    @cached_property
    def batch_context_parameter(self) -> str | None:
        """As `context_parameter`, of the batch form."""
        hints = typing.get_type_hints(self.batch_function) if self.batch_function is not None else {}
        return next((name for name, hint in hints.items() if hint is ToolContext), None)

    @cached_property
    def _hints(self) -> dict[str, Any]:
        return typing.get_type_hints(self.function, include_extras=True)

    @cached_property
    def _model(self) -> Any:
        from pydantic import ConfigDict, create_model

        fields: dict[str, Any] = {}
        for name, parameter in inspect.signature(self.function).parameters.items():
            if name == self.context_parameter or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[name] = (self._hints.get(name, Any), default)
        return create_model(self.name, __config__=ConfigDict(extra="forbid"), **fields)

    @cached_property
    def _fields(self) -> tuple[str, ...]:
        return tuple(self._model.model_fields)

    @cached_property
    def _output(self) -> Any:
        from pydantic import TypeAdapter

        return TypeAdapter(self._hints.get("return", Any))

    @cached_property
    def input_schema(self) -> dict[str, Any]:
        """JSON schema of the arguments; always an object."""
        schema: dict[str, Any] = self._model.model_json_schema()
        schema.pop("title", None)
        return schema

    @cached_property
    def output_schema(self) -> dict[str, Any]:
        """JSON schema of the result; `{}` when the function does not say."""
        schema: dict[str, Any] = self._output.json_schema(mode="serialization")
        return schema

    def validated(self, arguments: Arguments) -> dict[str, Any]:
        """The arguments as the function takes them, with defaults.

        Raises:
            ToolError: an argument is missing, unknown or of the wrong type; names each.
        """
        from pydantic import ValidationError

        try:
            model = self._model.model_validate(arguments)
        except ValidationError as error:
            raise ToolError(f"{self.name}: {_told(error)}") from error
        return {name: getattr(model, name) for name in self._fields}

    def checked(self, result: Any) -> Any:
        """The result after validation against the return annotation.

        Raises:
            ToolError: the result does not have the declared shape.
        """
        from pydantic import ValidationError

        try:
            return self._output.validate_python(result)
        except ValidationError as error:
            raise ToolError(f"{self.name} returned something else than its schema says: {_told(error)}") from error


def _told(error: Any) -> str:
    """pydantic's findings in one line: place, expected, got."""
    parts = []
    for problem in error.errors(include_url=False)[:5]:
        place = ".".join(str(p) for p in problem["loc"]) or "arguments"
        got = "" if problem["type"] in ("missing", "extra_forbidden") else f", got {str(problem['input'])[:80]!r}"
        parts.append(f"{place}: {problem['msg']}{got}")
    return "; ".join(parts)


@typing.overload
def tool(function: Callable[..., Any], /) -> Tool: ...
@typing.overload
def tool(
    *,
    effect: Effect,
    name: str | None = ...,
    description: str | None = ...,
    timeout_s: float = ...,
    concurrency: int = ...,
    process: bool = ...,
    destructive: bool = ...,
    outward: bool = ...,
    idempotent: bool = ...,
    cost_usd: float = ...,
) -> Callable[[Callable[..., Any]], Tool]: ...
def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    effect: Effect = "write",
    name: str | None = None,
    description: str | None = None,
    **options: Any,
) -> Any:
    """Makes a tool of a typed function.

    The name is `module.function` unless given; the description is the docstring; the schemas come from the
    annotations. Without an effect the tool counts as `write`, the careful choice.

    Raises:
        TypeError: a function that runs in a worker process is a coroutine or not at the top of its module.
    """

    def make(function: Callable[..., Any]) -> Tool:
        module = (function.__module__ or "").rpartition(".")[2]
        if options.get("process") and (asyncio.iscoroutinefunction(function) or "<locals>" in function.__qualname__):
            raise TypeError(
                f"expected a plain function at the top of its module for process=True, got {function.__qualname__!r}"
            )
        return Tool(
            name=name or f"{module}.{function.__name__.rstrip('_')}",
            description=description or inspect.cleandoc(function.__doc__ or ""),
            function=function,
            effect=effect,
            **options,
        )

    return make(function) if function is not None else make


def short(description: str) -> str:
    """The first sentence or line of a description."""
    return description.strip().split("\n", 1)[0]


def batch_results(tool: Tool, results: Any, count: int) -> Sequence[Any]:
    """The results of a merged call, checked for their number.

    Raises:
        ToolError: the batch form returned another number of results than it got calls.
    """
    if not isinstance(results, (list, tuple)) or len(results) != count:
        got = len(results) if isinstance(results, (list, tuple)) else type(results).__name__
        raise ToolError(f"{tool.name}: expected {count} results of the merged call, got {got}")
    return results
