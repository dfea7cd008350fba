"""What people on other pages, networks and sessions try; every one over a real connection."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.server.talking import calling, served, sums, talking
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

TOKEN = "a-token-that-is-long-enough"  # noqa: S105


async def _raw(url: str, target: str, *headers: str) -> str:
    """What comes back for an address as it is written; clients would tidy it first."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = (f"GET {target} HTTP/1.1", f"Host: {host}:{port}", "Connection: close", *headers, "", "")
    writer.write("\r\n".join(lines).encode())
    try:
        return (await asyncio.wait_for(reader.read(), 20)).decode("utf-8", "replace")
    finally:
        writer.close()


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:1", "http://127.0.0.1.evil.example"]
)
async def test_pages_of_others_get_no_socket_and_begin_nothing(tmp_path: Path, origin: str) -> None:
    async with served(tmp_path) as found, calling(found) as client:
        with pytest.raises(InvalidStatus):
            async with talking(found, origin=origin):
                pass
        form = {"Origin": origin, "Content-Type": "text/plain"}
        posted = await client.post("/api/runs", content=b'{"message": "Report on the folder ."}', headers=form)
        runs = (await client.get("/api/runs")).json()["runs"]
    assert posted.status_code == 403
    assert runs == []


@pytest.mark.parametrize("name", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8400", "0.0.0.0"])
async def test_a_name_that_was_made_to_point_here_reaches_nothing(tmp_path: Path, name: str) -> None:
    async with served(tmp_path) as found, calling(found) as client:
        answers = [(await client.get(path, headers={"Host": name})).status_code for path in ("/", "/api/sessions")]
        with pytest.raises(InvalidStatus):
            async with talking(found, additional_headers={"Host": name}, origin=f"http://{name}"):
                pass
    assert answers == [403, 403]


async def test_only_listed_origins_may_read_answers(tmp_path: Path) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, content-type"}
    settings = {"origins": ["https://Chat.example.org/"], "token": TOKEN}
    async with served(tmp_path, server=settings) as found, calling(found) as client:
        told = {}
        for origin in ("https://chat.example.org", "https://evil.example"):
            before = await client.options("/v1/chat/completions", headers={"Origin": origin, **asked})
            after = await client.get("/v1/models", headers={"Origin": origin, "Authorization": f"Bearer {TOKEN}"})
            told[origin] = [one.headers.get("access-control-allow-origin") for one in (before, after)]
            assert "access-control-allow-credentials" not in before.headers
    assert told == {"https://chat.example.org": ["https://chat.example.org"] * 2, "https://evil.example": [None, None]}


async def test_without_listed_origins_nobody_may_read_answers(tmp_path: Path) -> None:
    async with served(tmp_path) as found, calling(found) as client:
        answer = await client.get("/v1/models", headers={"Origin": "http://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_a_token_in_an_address_opens_nothing_and_is_not_logged(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monitoring = {"log_level": "debug"}
    async with served(tmp_path, server={"token": TOKEN}, monitoring=monitoring) as found, calling(found) as client:
        answer = await client.get(f"/api/sessions?token={TOKEN}&access_token={TOKEN}")
        async with connect(f"{found.url.replace('http', 'ws')}/ws/chat?token={TOKEN}") as socket:
            hello = await socket.recv()
        metrics = (await client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})).text
    logged = capfd.readouterr()
    assert answer.status_code == 401
    assert '"authorized":false' in str(hello)
    assert TOKEN not in logged.out + logged.err + metrics


@pytest.mark.parametrize(
    "target",
    [
        "/../app.py",
        "/assets/../../app.py",
        "/assets/..%2f..%2fapp.py",
        "/%2e%2e/%2e%2e/app.py",
        "/..%5capp.py",
        "//etc/passwd",
        "/assets//etc/passwd",
        "/%00/../app.py",
        "/api/sessions/..%2f..%2f/files",
        "/api/runs/..%2f..%2fx/artifacts/..%2f..%2fapp.py",
    ],
)
async def test_no_address_leads_out_of_the_page(tmp_path: Path, target: str) -> None:
    async with served(tmp_path) as found:
        told = await _raw(found.url, target)
    assert told.split()[1] in ("400", "404", "405")
    assert "Server" not in told
    assert "root:" not in told


async def test_uploads_do_not_follow_links_out_of_the_workspace(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "work"
    outside.mkdir()
    (folder / "uploads").mkdir(parents=True)
    (folder / "uploads" / "abc").symlink_to(outside)
    async with served(folder) as found, calling(found) as client:
        put = await client.put("/api/sessions/abc/files/x.txt", content=b"x")
        listed = await client.get("/api/sessions/abc/files")
    assert put.status_code == 409
    assert list(outside.iterdir()) == []
    assert listed.json()["files"] == []


FILES = {
    "page.html": ("text/html; charset=utf-8", "inline"),
    "picture.svg": ("image/svg+xml", "inline"),
    "data.csv": ("text/csv; charset=utf-8", "inline"),
    "script.js": ("application/octet-stream", "attachment"),
    "all.zip": ("application/octet-stream", "attachment"),
    "page.xml": ("application/octet-stream", "attachment"),
    "module.wasm": ("application/octet-stream", "attachment"),
    "noname": ("application/octet-stream", "attachment"),
}


async def test_files_of_runs_can_do_nothing_in_a_browser(tmp_path: Path) -> None:
    text = "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    steps = [
        {"id": f"f{n}", "action": "files.write", "parameters": {"path": name, "text": text}, "approval": False}
        for n, name in enumerate(FILES)
    ]
    async with served(tmp_path) as found, calling(found) as client, talking(found) as talk:
        await talk.say("message", plan={"goal": "Write", "steps": steps, "answer": "Written."})
        asked: set[str] = set()
        while True:
            event = await talk.until_any("approval.asked", "run.finished")
            if event["type"] == "run.finished":
                break
            if event["step"] not in asked:
                asked.add(event["step"])
                await talk.say("approve", run_id=event["run_id"], step=event["step"])
        made = (await client.get(f"/api/runs/{event['run_id']}/artifacts")).json()["artifacts"]
        got = {one["name"]: await client.get(one["url"]) for one in made}
    assert set(got) == set(FILES)
    for name, (kind, how) in FILES.items():
        headers = got[name].headers
        assert (headers["content-type"], headers["content-disposition"].partition(";")[0]) == (kind, how), name
        assert "sandbox" in headers["content-security-policy"], name
        assert "script" not in headers["content-security-policy"], name
        assert headers["x-content-type-options"] == "nosniff"


async def test_a_message_in_pieces_without_an_end_is_cut_off(tmp_path: Path) -> None:
    limits = {"max_frame_bytes": 1024}
    async with served(tmp_path, server=limits) as found, talking(found, close_timeout=0.1) as talk:

        async def pieces():
            while True:
                yield "x" * 1000

        with pytest.raises(ConnectionClosed) as closed:
            async with asyncio.timeout(20):
                await talk.socket.send(pieces())
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_nothing_compressed_is_taken(tmp_path: Path) -> None:
    async with served(tmp_path) as found, talking(found, compression="deflate") as talk:
        assert talk.socket.response is not None
        assert "sec-websocket-extensions" not in talk.socket.response.headers


async def test_those_who_do_not_say_who_they_are_leave_places_for_the_others(tmp_path: Path) -> None:
    settings = {"token": TOKEN, "max_connections": 8}
    bearer = {"additional_headers": {"Authorization": f"Bearer {TOKEN}"}}
    async with served(tmp_path, server=settings) as found, talking(found), talking(found) as second:
        with pytest.raises(InvalidStatus):
            async with talking(found):
                pass
        async with talking(found, **bearer) as known:
            await known.ask("ping", "pong")
        await second.ask("hello", "hello", token=TOKEN)  # now there is a place for one more
        async with talking(found):
            pass


@pytest.mark.parametrize("headers", [{}, {"Sec-WebSocket-Version": "1"}, {"Sec-WebSocket-Key": ""}])
async def test_what_is_no_handshake_gets_no_socket(tmp_path: Path, headers: dict[str, str]) -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"} if headers else {}
    async with served(tmp_path) as found, calling(found) as client:
        answer = await client.get("/ws/chat", headers={**upgrade, **headers})
    assert 400 <= answer.status_code < 500


async def test_ids_of_sessions_and_runs_cannot_be_guessed(tmp_path: Path) -> None:
    async with served(tmp_path) as found, calling(found) as client:
        begun = [(await client.post("/api/runs", json={"plan": sums(1)})).json() for _ in range(3)]
    ids = {one["session_id"] for one in begun}
    assert len(ids) == 3
    assert all(len(one) >= 22 for one in ids)
