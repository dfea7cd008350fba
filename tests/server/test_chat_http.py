from __future__ import annotations

from pathlib import Path

import pytest
from tests.server.talking import calling, served, sums, talking, writing

from planloom.server.http.artifacts import file_headers, media_type


async def _written(found, talk) -> dict[str, str]:
    await talk.say("message", plan=writing())
    asked = await talk.until("approval.asked")
    await talk.say("approve", run_id=asked["run_id"], step="write")
    await talk.until("run.finished")
    return {"session_id": asked["session_id"], "run_id": asked["run_id"]}


async def test_everything_about_a_run_can_be_looked_at(tmp_path: Path) -> None:
    async with served(tmp_path) as found, talking(found) as talk, calling(found) as client:
        ids = await _written(found, talk)
        base = f"/api/runs/{ids['run_id']}"
        run = (await client.get(base)).json()
        step = (await client.get(f"{base}/steps/write")).json()
        plan = (await client.get(f"{base}/plan")).json()
        events = (await client.get(f"{base}/events?limit=3")).json()["events"]
        analysis = (await client.get(f"{base}/analysis")).json()
        mermaid = (await client.get(f"{base}/plan.mermaid")).text
        picture = await client.get(f"{base}/plan.svg")
        listed = (await client.get(f"/api/runs?session_id={ids['session_id']}&status=done")).json()["runs"]
        other = (await client.get("/api/runs?status=failed")).json()["runs"]
    assert (run["status"], run["answer"], run["approvals"]) == ("done", "Written.", [])
    assert (step["status"], step["parameters"]["path"], step["verdict"]["verdict"]) == ("ok", "note.txt", "pass")
    assert plan["steps"][0]["id"] == "write"
    assert [event["seq"] for event in events] == [1, 2, 3]
    assert analysis["wall_s"] > 0
    assert mermaid.startswith("flowchart")
    assert picture.headers["content-type"] == "image/svg+xml"
    assert [one["run_id"] for one in listed] == [ids["run_id"]]
    assert other == []


async def test_runs_are_begun_answered_and_cancelled_without_a_socket(tmp_path: Path) -> None:
    async with served(tmp_path) as found, calling(found) as client, talking(found) as talk:
        begun = await client.post("/api/runs", json={"plan": writing()})
        run_id = begun.json()["run_id"]
        await talk.ask("resume", "replayed", session_id=begun.json()["session_id"])
        if not any(event["type"] == "approval.asked" for event in talk.events):
            await talk.until("approval.asked")
        wrong = await client.post(f"/api/runs/{run_id}/approvals/other", json={"granted": True})
        answered = await client.post(f"/api/runs/{run_id}/approvals/write", json={"granted": False, "note": "no"})
        await talk.until("run.finished")
        late = await client.post(f"/api/runs/{run_id}/cancel", json={})
        again = await client.post(f"/api/runs/{run_id}/resume", json={})
        await talk.until("run.resumed")
    assert begun.status_code == 202
    assert answered.status_code == 200
    assert (wrong.status_code, late.status_code, again.status_code) == (409, 409, 202)


async def test_files_of_a_run_come_in_parts_with_safe_headers(tmp_path: Path) -> None:
    async with served(tmp_path) as found, talking(found) as talk, calling(found) as client:
        ids = await _written(found, talk)
        made = (await client.get(f"/api/runs/{ids['run_id']}/artifacts")).json()["artifacts"][0]
        whole = await client.get(made["url"])
        part = await client.get(made["url"], headers={"Range": "bytes=6-10"})
        saved = await client.get(f"{made['url']}?download=1")
        (tmp_path / "note.txt").write_text("changed")
        changed = await client.get(made["url"])
    assert (whole.text, part.text, part.status_code) == ("Hello\nthere\n", "there", 206)
    assert part.headers["content-range"] == "bytes 6-10/12"
    assert whole.headers["content-disposition"].startswith("inline")
    assert saved.headers["content-disposition"].startswith('attachment; filename="note.txt"')
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in whole.headers["content-security-policy"]
    assert changed.status_code == 409


@pytest.mark.parametrize(
    "path", ["../../../etc/passwd", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/etc/passwd", "0" * 64, "x"]
)
async def test_no_address_reaches_a_file_that_no_run_made(tmp_path: Path, path: str) -> None:
    async with served(tmp_path) as found, talking(found) as talk, calling(found) as client:
        ids = await _written(found, talk)
        answer = await client.get(f"/api/runs/{ids['run_id']}/artifacts/{path}")
    assert answer.status_code in (404, 405)
    assert "root:" not in answer.text


@pytest.mark.parametrize(
    "name", ["data.csv", "..%5C..%5Cevil.csv", ".hidden", "a b\u00e9.csv", "CON", "%00x", "a" * 300]
)
async def test_uploads_stay_in_the_folder_of_their_session(tmp_path: Path, name: str) -> None:
    async with served(tmp_path) as found, calling(found) as client:
        first = await client.put(f"/api/sessions/abc/files/{name}", content=b"a,b\n1,2\n")
        again = await client.put(f"/api/sessions/abc/files/{name}", content=b"other")
        listed = (await client.get("/api/sessions/abc/files")).json()["files"]
    assert first.status_code == again.status_code == 201
    assert first.json()["path"] != again.json()["path"]
    folder = tmp_path / "uploads" / "abc"
    assert {(tmp_path / one["path"]).parent for one in listed} == {folder}
    assert (tmp_path / first.json()["path"]).read_bytes() == b"a,b\n1,2\n"


async def test_an_uploaded_file_can_be_named_in_a_goal(tmp_path: Path) -> None:
    async with served(tmp_path) as found, calling(found) as client, talking(found) as talk:
        told = (await client.put("/api/sessions/abc/files/data.csv", content=b"a,b\n1,2\n")).json()
        step = {"id": "hash", "action": "files.hash", "parameters": {"path": told["path"]}}
        await talk.say("message", session_id="abc", plan={"goal": "Hash it", "steps": [step]})
        end = await talk.until("run.finished")
    assert end["status"] == "done"


async def test_what_is_too_large_is_refused(tmp_path: Path) -> None:
    limits = {"max_upload_bytes": 10, "max_frame_bytes": 1024}
    async with served(tmp_path, server=limits) as found, calling(found) as client:
        file = await client.put("/api/sessions/abc/files/x.txt", content=b"x" * 11)
        body = await client.post("/api/runs", json={"message": "x" * 2000})
    assert (file.status_code, body.status_code) == (413, 413)
    assert not (tmp_path / "uploads").exists()


async def test_a_token_opens_all_but_health_and_descriptions(tmp_path: Path) -> None:
    token = "a-token-" * 3
    async with served(tmp_path, server={"token": token}) as found, calling(found) as client:
        opened = [(await client.get(p)).status_code for p in ("/health/live", "/health/ready", "/openapi.json")]
        closed = [(await client.get(p)).status_code for p in ("/api/sessions", "/metrics", "/v1/models", "/api/runs")]
        header = await client.get("/api/sessions", headers={"Authorization": f"Bearer {token}"})
        wrong = await client.post("/api/login", json={"token": "wrong"})
        login = await client.post("/api/login", json={"token": token})
        cookie = await client.get("/api/sessions")
        await client.post("/api/logout")
        out = await client.get("/api/sessions")
    assert opened == [200, 200, 200]
    assert closed == [401, 401, 401, 401]
    assert (header.status_code, wrong.status_code, login.status_code) == (200, 401, 200)
    assert (cookie.status_code, out.status_code) == (200, 401)
    assert "httponly" in login.headers["set-cookie"].lower()
    assert token not in login.headers["set-cookie"]


async def test_people_do_not_see_each_others_runs_and_files(tmp_path: Path) -> None:
    tokens = {"anna": "token-of-anna-123456", "bert": "token-of-bert-123456"}
    anna, bert = ({"Authorization": f"Bearer {token}"} for token in tokens.values())
    async with served(tmp_path, server={"tokens": tokens}) as found, calling(found) as client:
        begun = (await client.post("/api/runs", json={"plan": sums(1)}, headers=anna)).json()
        session, run = begun["session_id"], begun["run_id"]
        own = await client.get(f"/api/runs/{run}", headers=anna)
        for path in (
            f"/api/sessions/{session}",
            f"/api/sessions/{session}/events",
            f"/api/sessions/{session}/files",
            f"/api/runs/{run}",
            f"/api/runs/{run}/plan",
            f"/api/runs/{run}/steps/s0",
            f"/api/runs/{run}/artifacts",
        ):
            assert (await client.get(path, headers=bert)).status_code == 404, path
        stolen = await client.put(f"/api/sessions/{session}/files/x", content=b"x", headers=bert)
        deleted = await client.delete(f"/api/sessions/{session}", headers=bert)
    assert own.status_code == 200
    assert (stolen.status_code, deleted.status_code) == (404, 404)


async def test_a_session_is_removed_for_good(tmp_path: Path) -> None:
    async with served(tmp_path) as found, talking(found) as talk, calling(found) as client:
        await talk.say("message", message="hello")
        session = (await talk.until("run.finished"))["session_id"]
        gone = await client.delete(f"/api/sessions/{session}")
        after = await client.get(f"/api/sessions/{session}")
    assert (gone.status_code, after.status_code) == (200, 404)


async def test_every_response_has_the_headers_that_keep_pages_safe(tmp_path: Path) -> None:
    async with served(tmp_path) as found, calling(found) as client:
        answers = [await client.get(path) for path in ("/", "/health/live", "/nope", "/api/runs/x")]
        foreign = await client.post("/api/runs", json={"message": "hello"}, headers={"Origin": "http://evil.example"})
        renamed = await client.get("/api/sessions", headers={"Host": "evil.example"})
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers
    assert (foreign.status_code, renamed.status_code) == (403, 403)


@pytest.mark.parametrize(
    ("declared", "name", "expected"),
    [
        ("text/html; charset=x", "a.html", "text/html"),
        ("application/x-sh", "a.sh", "application/octet-stream"),
        ("text/javascript", "a.js", "application/octet-stream"),
        ("", "a.png", "image/png"),
    ],
)
def test_only_known_types_are_served_as_what_they_are(declared: str, name: str, expected: str) -> None:
    assert media_type(declared, name) == expected


def test_a_file_name_cannot_add_headers() -> None:
    told = file_headers('a"\r\nSet-Cookie: x; \u00e9.html', "text/html", shows=False)["Content-Disposition"]
    assert "\r" not in told
    assert "\n" not in told
    assert told.isascii()
