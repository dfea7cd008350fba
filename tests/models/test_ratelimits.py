"""What response headers say about limits."""

from __future__ import annotations

import pytest

from planloom.models.ratelimits import LONGEST_S, Headers, Told, read, seconds

WALL = 1_700_000_000.0  # 2023-11-14T22:13:20Z


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1s", 1), ("6m0s", 360), ("250ms", 0.25), ("1h2m3.5s", 3723.5), ("1d", 86_400), ("12", 12), ("0.5", 0.5),
        ("2023-11-14T22:13:50Z", 30), ("Tue, 14 Nov 2023 22:14:20 GMT", 60), ("1700000007", 7), ("1700000007500", 7.5),
        ("-5", 0), ("2001-01-01T00:00:00Z", 0), ("99999999", LONGEST_S),
        ("soon", None), ("", None), ("nan", None), ("1x", None), ("6m 0s", None),
    ],
)  # fmt: skip
def test_durations_and_dates_become_seconds(text: str, expected: float | None) -> None:
    assert seconds(text, WALL) == (None if expected is None else pytest.approx(expected))


def test_openai_headers_are_read_in_any_case() -> None:
    told = read(
        {
            "X-RateLimit-Limit-Requests": "60",
            "x-ratelimit-remaining-requests": "59",
            "x-ratelimit-reset-requests": "1s",
            "x-ratelimit-limit-tokens": "150000",
            "x-ratelimit-remaining-tokens": "149984",
            "x-ratelimit-reset-tokens": "6m0s",
        },
        WALL,
    )
    assert told == Headers(Told(60, 59, 1), Told(150000, 149984, 360))


def test_anthropic_and_proxied_names_are_read() -> None:
    told = read(
        {
            "anthropic-ratelimit-tokens-limit": "80000",
            "anthropic-ratelimit-tokens-remaining": "0",
            "anthropic-ratelimit-tokens-reset": "2023-11-14T22:13:50Z",
            "llm_provider-x-ratelimit-limit-requests": "50",
            "llm_provider-retry-after": "7",
        },
        WALL,
    )
    assert told == Headers(Told(50), Told(80000, 0, 30), 7)


def test_milliseconds_win_over_seconds() -> None:
    assert read({"retry-after": "2", "retry-after-ms": "1250"}, WALL).retry_after_s == 1.25
    assert read({"retry-after": "2", "retry-after-ms": "no"}, WALL).retry_after_s == 2


def test_nonsense_says_nothing() -> None:
    nonsense = {"x-ratelimit-limit-tokens": "-1", "x-ratelimit-remaining-tokens": "inf", "retry-after": "later"}
    assert read(nonsense, WALL) == Headers()
    assert read({"x-ratelimit-limit-requests": "0"}, WALL) == Headers()
