from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr
from starlette.requests import HTTPConnection

from planloom.clock import ManualClock
from planloom.config import Server
from planloom.errors import ConfigError
from planloom.server.access import COOKIE, Access
from planloom.server.rates import Bucket, Buckets

TOKEN, OTHER = "a-token-that-is-long-enough", "another-token-long-enough"


def _from(peer: str = "127.0.0.1", **headers: str) -> HTTPConnection:
    raw = [
        (name.replace("_", "-").encode(), value.encode()) for name, value in {"host": "localhost:1", **headers}.items()
    ]
    return HTTPConnection({"type": "http", "headers": raw, "client": (peer, 1), "path": "/", "query_string": b""})


def _access(**settings: Any) -> Access:
    return Access(Server(**settings), ManualClock(), {})


def _guarded() -> Access:
    return _access(token=SecretStr(TOKEN), tokens={"anna": SecretStr(OTHER)})


def test_without_tokens_only_this_machine_gets_in() -> None:
    access = _access()
    assert access.client(_from("127.0.0.1")).owner == "local"
    assert access.client(_from("::1")).owner == "local"
    assert access.client(_from("10.0.0.7")) is None


def test_a_token_says_whose_it_is() -> None:
    access = _guarded()
    assert access.client(_from("10.0.0.7", authorization=f"Bearer {TOKEN}")).owner == "local"
    assert access.client(_from("10.0.0.7", authorization=f"bearer {OTHER}")).owner == "anna"
    assert access.client(_from(authorization=f"Bearer {TOKEN}x")) is None
    assert access.client(_from(authorization=f"Basic {TOKEN}")) is None
    assert access.client(_from()) is None


def test_a_cookie_stands_for_the_token_until_it_is_changed_or_old() -> None:
    access = _guarded()
    cookie = access.cookie(access.known(OTHER))
    assert access.client(_from(cookie=f"{COOKIE}={cookie}")).owner == "anna"
    assert OTHER not in cookie
    changed = _access(token=SecretStr(TOKEN), tokens={"anna": SecretStr("yet-another-token-of-anna")})
    assert changed.client(_from(cookie=f"{COOKIE}={cookie}")) is None
    access._clock.advance(31 * 86_400)
    assert access.client(_from(cookie=f"{COOKIE}={cookie}")) is None


@pytest.mark.parametrize(
    "cookie", ["", "x", "a.b.c", "6c6f63616c.9999999999.0", "6c6f63616c.9999999999.", "zz.1.2", "é.1.2"]
)
def test_a_made_up_cookie_is_nobody(cookie: str) -> None:
    assert _guarded().client(_from(cookie=f"{COOKIE}={cookie}")) is None


@pytest.mark.parametrize(
    ("host", "origin", "gets_in"),
    [
        ("localhost:8400", None, True),
        ("127.0.0.1:8400", "http://127.0.0.1:8400", True),
        ("[::1]:8400", "http://[::1]:8400", True),
        ("localhost:8400", "http://localhost:9000", False),
        ("localhost:8400", "http://evil.example", False),
        ("localhost:8400", "null", False),
        ("evil.example", "http://evil.example", False),
        ("evil.example:8400", None, False),
        ("localhost@evil.example", None, False),
        ("", None, False),
    ],
)
def test_only_pages_of_this_server_get_in_without_a_token(host: str, origin: str | None, gets_in: bool) -> None:
    headers = {"host": host} | ({"origin": origin} if origin is not None else {})
    assert (_access().refusal(_from(**headers), changes=True) is None) is gets_in


def test_listed_origins_and_hosts_get_in() -> None:
    access = _access(origins=["https://chat.example.org"], hosts=["planloom.example.org"])
    assert access.refusal(_from(host="planloom.example.org", origin="https://chat.example.org"), changes=True) is None
    assert access.refusal(_from(host="other.example.org"), changes=False) is not None


@pytest.mark.parametrize(
    "settings",
    [
        {"token": SecretStr("short")},
        {"tokens": {"a": SecretStr(TOKEN), "b": SecretStr(TOKEN)}},
        {"token": SecretStr(TOKEN), "tokens": {"local": SecretStr(OTHER)}},
        {"token": SecretStr("${ENV:NOT_THERE}")},
    ],
)
def test_tokens_that_protect_nothing_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as refused:
        _access(**settings)
    assert TOKEN not in str(refused.value)


def test_a_token_may_come_from_the_environment() -> None:
    access = Access(Server(token=SecretStr("${ENV:CHAT}")), ManualClock(), {"CHAT": TOKEN})
    assert access.known(TOKEN) is not None
    assert TOKEN not in repr(access)


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = Bucket.full(2.0, 3.0, 0.0)
    assert [bucket.take(0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert bucket.take(0.5) == 0.0
    assert bucket.take(0.5) > 0


def test_clients_have_buckets_of_their_own_and_are_forgotten_in_time() -> None:
    buckets = Buckets(60.0, burst_s=1.0, most=2)
    assert buckets.take("a", 0.0) == 0.0
    assert buckets.take("a", 0.0) > 0
    assert buckets.take("b", 0.0) == 0.0
    buckets.take("c", 0.0)
    assert len(buckets._buckets) == 2
