"""The provider itself: takes a request, decides what becomes of it, and keeps count. Rule: no I/O and no waiting."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...clock import Clock
from . import answer as answers
from . import brains, counting, embeddings, exchange, prefixes, problems
from . import request as requests
from .answer import Answer, Head, ToolCall
from .chance import Chance, Draw
from .embeddings import EmbeddingRequest
from .exchange import Exchange
from .problems import ApiError
from .quota import Quota
from .request import ChatRequest
from .scenario import Asked, Scripted
from .settings import Settings, reply_name
from .stats import Stats, count

_ERRORS = ("429", "500", "503", "529")
_NOTHING = Scripted()


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What is known of a request before it is answered. `fault` empty: none; `at_s` is when it came, loop time."""

    scope: tuple[str, str]
    draw: Draw
    scripted: Scripted
    fault: str
    latency_s: float
    headers: Mapping[str, str]
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What becomes of a request. `learn` is called with the time of the first token.

    `embed` makes the exchange with its vectors; it takes some 20 us a word and may run in a thread. None: not needed.
    """

    exchange: Exchange
    learn: Callable[[float], None] | None = None
    embed: Callable[[], Exchange] | None = None


class Provider:
    """One simulated provider with its settings, limits, caches and counts; `requests` holds the bodies kept."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.requests: deque[dict[str, Any]] = deque(maxlen=settings.keep_requests)
        self.stats = Stats()
        self._clock = clock
        self._chance = Chance(settings.seed)
        self._quota = Quota(settings.limits, count_rejected=settings.count_rejected)
        self._prefixes = prefixes.Prefixes()

    def models(self, name: str = "") -> dict[str, Any]:
        """The list of models, or one of them.

        Raises:
            ApiError: there is no model `name`.
        """
        if name:
            self._check_model(name)
        known = self.settings.models or ("simulated-large", "simulated-small", "simulated-embedding")
        names = (name,) if name else known
        data = [{"id": n, "object": "model", "created": 1_700_000_000, "owned_by": "simulated"} for n in names]
        return data[0] if name else {"object": "list", "data": data}

    def check_key(self, key: str) -> None:
        """Refuses keys it does not know.

        Raises:
            ApiError: 401.
        """
        if self.settings.api_keys and key not in self.settings.api_keys:
            raise problems.wrong_key(key)

    def chat(self, body: Any, *, key: str, model: str, now: float) -> Decision:
        """What becomes of a chat request that came at loop time `now`.

        Raises:
            ApiError: it is refused for what it is.
        """
        asked = requests.read(body, without=self.settings.without, model=model)
        self._check_model(asked.model)
        limit, wanted = self.settings.context_tokens, asked.prompt_tokens + asked.max_tokens
        if limit and wanted > limit:
            raise problems.too_long(wanted, limit)
        turn = self._turn(body, _asked(asked), key=key, now=now)
        if (ended := _scripted_end(turn)) is not None:
            return Decision(exchange=ended)
        told = self._told(asked, turn)
        completion = sum(answer.tokens for answer in told)
        reserved = asked.max_tokens * asked.choices or completion
        charged = asked.prompt_tokens + (reserved if self.settings.reserve else completion)
        if (refused := self._refused(turn, charged)) is not None:
            return Decision(exchange=refused)
        count(self.stats.brains, told[0].brain)
        beginnings = prefixes.digests(asked.prompt, "\0".join(turn.scope))
        cached = self._prefixes.cached_tokens(beginnings, now)
        self.stats.admitted(
            asked.model, prompt=asked.prompt_tokens, completion=completion, cached=cached, charged=charged, now=now
        )
        made = self._reply(asked, told, turn, cached)
        made = exchange.spoiled(made, turn.fault, self.settings.stall_s)
        return Decision(exchange=made, learn=lambda at_s: self._prefixes.learn(beginnings, at_s))

    def embeddings(self, body: Any, *, key: str, model: str, now: float) -> Decision:
        """What becomes of an embedding request.

        Raises:
            ApiError: it is refused for what it is.
        """
        if "embeddings" in self.settings.without:
            raise ApiError(404, "Invalid URL (POST /v1/embeddings)")
        asked = embeddings.read(body, dimensions=self.settings.embedding_dimensions, model=model)
        self._check_model(asked.model)
        text = "\n".join(asked.texts)
        seen = Asked(endpoint="embeddings", model=asked.model, text=text, last_user=text)
        turn = self._turn(body, seen, key=key, now=now)
        if (ended := _scripted_end(turn)) is not None:
            return Decision(exchange=ended)
        if turn.scripted.text is not None:
            data = turn.scripted.text
            made = exchange.raw(data, turn.scripted.status, turn.headers, turn.latency_s, "application/json")
            return Decision(exchange=made)
        if (refused := self._refused(turn, asked.tokens)) is not None:
            return Decision(exchange=refused)
        self.stats.admitted(asked.model, prompt=asked.tokens, completion=0, cached=0, charged=asked.tokens, now=now)
        return Decision(exchange=Exchange(), embed=lambda: self._vectors(asked, turn))

    def _turn(self, body: Any, asked: Asked, *, key: str, now: float) -> Turn:
        """Throws the dice for a request."""
        draw = self._chance.draw(counting.canonical(body).encode("utf-8", "surrogatepass"))
        scenario = self.settings.scenario
        scripted = (scenario.reply(asked) if scenario is not None else None) or _NOTHING
        fault = scripted.fault.removeprefix("none") if scripted.fault else self._thrown_fault(draw)
        if fault:
            count(self.stats.faults, fault)
        return Turn(
            scope=(key, asked.model),
            draw=draw,
            scripted=scripted,
            fault=fault,
            latency_s=scripted.delay_s + self.settings.latency_s.draw(draw.stream("latency")),
            headers={"x-request-id": f"req_sim{draw.digest}", "x-simulated": "1"},
            at_s=now,
        )

    def _thrown_fault(self, draw: Draw) -> str:
        """The fault this request meets, empty for none; one throw decides among all."""
        thrown = draw.stream("fault").random()
        for kind, rate in self.settings.faults.items():
            thrown -= rate
            if thrown < 0:
                return kind
        return ""

    def _refused(self, turn: Turn, tokens: int) -> Exchange | None:
        """The refusal by a limit or by a failure on purpose, None: it is let in. A failure takes no tokens."""
        is_failure = turn.fault in _ERRORS
        refusal = self._quota.admit(turn.scope, 0 if is_failure else tokens, turn.at_s)
        headers = {**turn.headers, **self._quota.headers(turn.scope, turn.at_s)}
        if refusal is not None:
            count(self.stats.rejected, refusal.unit.lower())
            return exchange.refused(problems.limited(refusal, turn.scope[1]), headers)
        if not is_failure:
            return None
        extra = problems.after(1000) if turn.fault == "429" else None
        return exchange.refused(problems.failure(int(turn.fault), headers=extra), headers, turn.latency_s)

    def _reply(self, asked: ChatRequest, told: tuple[Answer, ...], turn: Turn, cached: int) -> Exchange:
        rate = turn.scripted.token_rate
        rate = self.settings.token_rate if rate is None else rate
        head = Head(id=f"chatcmpl-sim{turn.draw.digest}", model=reply_name(asked.model), created=self._created())
        used = answers.usage(asked.prompt_tokens, cached, told)
        first_s = self._first_s(turn, asked.prompt_tokens - cached)
        headers = self._reply_headers(turn, first_s)
        if asked.stream:
            return exchange.streamed(
                head, told, used, headers, first_s=first_s, token_rate=rate, with_usage=asked.stream_usage
            )
        return exchange.whole(answers.completion(head, told, used), headers, first_s + answers.duration_s(told, rate))

    def _vectors(self, asked: EmbeddingRequest, turn: Turn) -> Exchange:
        name = reply_name(asked.model)
        data = embeddings.reply(asked, name=name, size=self.settings.embedding_dimensions)
        if turn.fault == "empty":
            data["data"] = []
        if turn.fault == "wrong_schema":
            data = {"object": "list", "model": name, "vectors": "not the shape of this endpoint"}
        first_s = self._first_s(turn, asked.tokens)
        fault = "truncated_body" if turn.fault == "truncated_json" else turn.fault
        made = exchange.whole(data, self._reply_headers(turn, first_s), first_s)
        return exchange.spoiled(made, fault, self.settings.stall_s)

    def _told(self, asked: ChatRequest, turn: Turn) -> tuple[Answer, ...]:
        """What the model says, once for each choice."""
        told = []
        for number in range(asked.choices):
            draw = Draw(f"{turn.draw.digest}/{number}") if number else turn.draw
            answer = self._said(asked, draw, turn.scripted)
            told.append(answers.limited(_faulty(answer, asked, turn.fault), asked.max_tokens, asked.stop))
        return tuple(told)

    def _said(self, asked: ChatRequest, draw: Draw, scripted: Scripted) -> Answer:
        settings = self.settings
        if scripted.says:
            return _scripted_answer(scripted)
        answer = brains.think(
            asked,
            draw,
            plans=settings.plans,
            seconds_per_step=settings.seconds_per_step,
            judge_failure_rate=settings.judge_failure_rate,
        )
        if scripted.seconds_per_line is not None:
            answer = replace(answer, seconds_per_line=scripted.seconds_per_line)
        return replace(answer, usage=scripted.usage)

    def _check_model(self, name: str) -> None:
        if self.settings.models and name not in self.settings.models:
            raise problems.unknown_model(name)

    def _created(self) -> int:
        return int(self._clock.wall())

    def _reply_headers(self, turn: Turn, first_s: float) -> dict[str, str]:
        limits = self._quota.headers(turn.scope, turn.at_s)
        return {**turn.headers, **limits, "openai-processing-ms": str(round(first_s * 1000)), **turn.scripted.headers}

    def _first_s(self, turn: Turn, uncached: int) -> float:
        """Seconds from the request to the first token."""
        settings, scripted = self.settings, turn.scripted
        seconds = scripted.ttft_s if scripted.ttft_s is not None else settings.ttft_s.draw(turn.draw.stream("ttft"))
        if settings.prefill_rate:
            seconds += uncached / settings.prefill_rate
        return turn.latency_s + seconds + (settings.slow_s if turn.fault == "slow" else 0.0)


def _asked(request: ChatRequest) -> Asked:
    wanted = request.body.get("response_format")
    features = {"stream"} if request.stream else set()
    features |= {"tools"} if request.tools else set()
    features |= {str(wanted.get("type"))} if isinstance(wanted, Mapping) else set()
    return Asked(
        endpoint="chat",
        model=request.model,
        text=request.text(),
        last_user=request.last_user_text,
        features=frozenset(features),
    )


def _scripted_end(turn: Turn) -> Exchange | None:
    """The exchange of a rule that gives a status or raw bytes; such a request meets no limit."""
    scripted = turn.scripted
    headers = {**turn.headers, **scripted.headers}
    if scripted.body is not None:
        return exchange.raw(scripted.body, scripted.status, headers, turn.latency_s)
    if scripted.status < 400:
        return None
    return exchange.refused(problems.failure(scripted.status, scripted.message), headers, turn.latency_s)


def _scripted_answer(scripted: Scripted) -> Answer:
    return Answer(
        text=scripted.text or "",
        reasoning=scripted.reasoning,
        tool_calls=tuple(ToolCall(name, _arguments(given)) for name, given in scripted.tool_calls),
        finish=scripted.finish_reason,
        seconds_per_line=scripted.seconds_per_line or 0.0,
        brain="scenario",
        usage=scripted.usage,
    )


def _arguments(given: Any) -> str:
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, default=str)


def _faulty(answer: Answer, asked: ChatRequest, fault: str) -> Answer:
    """The answer with a fault of content; other faults change nothing here."""
    match fault:
        case "truncated_json":
            return answers.broken_off(answer)
        case "empty":
            return replace(answer, text="", tool_calls=())
        case "wrong_schema" if answer.tool_calls:
            wrong = tuple(ToolCall(call.name, '{"simulated_wrong_argument": true}') for call in answer.tool_calls)
            return replace(answer, tool_calls=wrong)
        case "wrong_schema" if asked.json:
            return replace(answer, text='{"simulated": "not the shape that was asked for"}')
        case "wrong_schema":
            return replace(answer, text="I would rather describe in my own words what could be done here.\n")
    return answer
