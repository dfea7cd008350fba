"""The audit log: whole, by any number of processes; every kind of damage is named; no secrets."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from planloom.agents.audit import Audit, Redaction, entries, verify
from planloom.agents.secrecy import secrets_of
from planloom.clock import SystemClock
from planloom.config import Config, Models

WRITER = """
import sys
from pathlib import Path
from planloom.agents.audit import Audit
from planloom.clock import SystemClock
audit = Audit(Path(sys.argv[1]), SystemClock(), max_bytes=int(sys.argv[3]))
for number in range(60):
    audit.add("call", {"who": sys.argv[2]}, number=number)
    audit.flush()
"""


def log(folder: Path, count: int = 5, **options) -> Audit:
    audit = Audit(folder, SystemClock(), **options)
    for number in range(count):
        audit.add("call", {"step": f"s{number}"}, arguments={"path": "x"})
    audit.flush()
    return audit


def lines(folder: Path) -> list[str]:
    return (folder / "audit.jsonl").read_text().splitlines(keepends=True)


def rewrite(folder: Path, changed: list[str]) -> None:
    (folder / "audit.jsonl").write_text("".join(changed))


def test_untouched_log_is_whole_and_reads_back(tmp_path):
    log(tmp_path)
    report = verify(tmp_path)
    assert report.finding is None and report.lines == 5
    assert [entry["step"] for entry in entries(tmp_path)] == ["s0", "s1", "s2", "s3", "s4"]


def test_empty_folder_is_whole(tmp_path):
    assert verify(tmp_path / "none").finding is None


@pytest.mark.parametrize(
    ("damage", "fault", "number"),
    [
        (lambda rows: [*rows[:2], rows[2].replace("s2", "s9"), *rows[3:]], "altered", 3),
        (lambda rows: [*rows[:2], rows[2].replace('"n":3', '"n":4'), *rows[3:]], "altered", 3),
        (lambda rows: [*rows[:2], "\n", *rows[3:]], "altered", 3),
        (lambda rows: [*rows[:2], "[]\n", *rows[3:]], "altered", 3),
        (lambda rows: [*rows[:1], *rows[2:]], "missing", 2),
        (lambda rows: rows[1:], "missing", 1),
        (lambda rows: [rows[0], rows[2], rows[1], *rows[3:]], "reordered", 2),
        (lambda rows: [*rows[:3], rows[1], *rows[3:]], "reordered", 4),
        (lambda rows: rows[:-1], "cut", 5),
        (lambda rows: [*rows[:-1], rows[-1][:-20]], "cut", 5),
        (lambda rows: [], "cut", 1),
    ],
)
def test_the_first_fault_is_named(tmp_path, damage, fault, number):
    log(tmp_path)
    rewrite(tmp_path, damage(lines(tmp_path)))
    found = verify(tmp_path).finding
    assert found is not None and (found.fault, found.number) == (fault, number), found


def test_line_made_anew_with_a_right_hash_breaks_the_chain_behind_it(tmp_path):
    from planloom.agents.audit.chain import Link, linked

    log(tmp_path)
    rows = lines(tmp_path)
    before = json.loads(rows[1])
    rows[2] = linked({"at": "x", "kind": "call", "step": "forged"}, Link(2, before["hash"]))[0]
    rewrite(tmp_path, rows)
    found = verify(tmp_path).finding
    assert found is not None and found.number == 4


def test_line_cut_off_by_a_crash_is_removed_and_noted(tmp_path):
    log(tmp_path, 2)
    with (tmp_path / "audit.jsonl").open("a") as file:
        file.write('{"n":3,"at"')
    log(tmp_path, 1)
    assert verify(tmp_path).finding is None
    assert [entry["kind"] for entry in entries(tmp_path)] == ["call", "call", "note", "call"]


@pytest.mark.parametrize("max_bytes", [0, 4_000])
def test_several_processes_keep_one_chain(tmp_path, max_bytes):
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    running = [subprocess.Popen([*command, name, str(max_bytes)]) for name in ("one", "two", "three")]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    report = verify(tmp_path)
    assert report.finding is None and report.lines == 180
    for name in ("one", "two", "three"):
        assert [e["number"] for e in entries(tmp_path) if e["who"] == name] == list(range(60))
    assert (len(list(tmp_path.glob("audit-*.jsonl"))) > 3) == bool(max_bytes)


def test_what_a_line_tells_can_be_taken_out_and_the_chain_stays_whole(tmp_path):
    for _ in range(3):
        log(tmp_path, 3, max_bytes=900)
    audit = Audit(tmp_path, SystemClock(), max_bytes=900)
    audit.add("call", {"step": "secret"}, arguments={"text": "she keeps birds"})
    audit.flush()
    assert audit.empty(lambda entry: "birds" in str(entry["told"])) == 1
    assert "birds" not in "".join(path.read_text() for path in tmp_path.glob("*.jsonl"))
    report = verify(tmp_path)
    assert report.finding is None and (report.lines, report.emptied) == (11, 1)
    found = list(entries(tmp_path))
    assert [entry.get("arguments") for entry in found if entry.get("step") == "secret"] == [None]
    assert "1 lines" in found[-1]["told"]
    assert audit.empty(lambda entry: "birds" in str(entry["told"])) == 0
    log(tmp_path, 1)
    assert verify(tmp_path).finding is None


def test_content_that_was_changed_and_not_taken_out_is_an_alteration(tmp_path):
    log(tmp_path)
    rows = lines(tmp_path)
    rewrite(tmp_path, [*rows[:2], rows[2].replace('"x"', '"y"'), *rows[3:]])
    found = verify(tmp_path).finding
    assert found is not None and (found.fault, found.number) == ("altered", 3)


def test_chain_goes_on_over_files(tmp_path):
    for _ in range(4):
        log(tmp_path, 3, max_bytes=500)
    assert len(list(tmp_path.glob("audit-*.jsonl"))) >= 3
    assert verify(tmp_path).lines == 12 and verify(tmp_path).finding is None
    next(iter(sorted(tmp_path.glob("audit-*.jsonl"))[1:])).unlink()
    assert verify(tmp_path).finding.fault == "missing"


SECRETS = [
    {"password": "hunter2hunter2"},
    {"headers": {"Authorization": "Bearer abcdefgh12345678"}},
    {"text": "use sk-proj-abcdefghijklmnop now"},
    {"url": "https://user:passw0rd@example.com/"},
    {"url": "https://example.com/?api_key=abcd1234&x=1"},
    {"env": ["AWS_SECRET_ACCESS_KEY=abcdEFGH1234"]},
    {"text": "-----BEGIN RSA PRIVATE KEY-----\nMIIEabcd\n-----END RSA PRIVATE KEY-----"},
    {"token": "ghp_abcdefghijklmnopqrst"},
    {"deep": [{"er": {"client_secret": "abcdefgh"}}]},
    {"jwt": "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0"},
    {"note": "password: hunter2hunter2"},
    {"a": "the key of the settings is 5f9c1e7a-own"},
]


@pytest.mark.parametrize("told", SECRETS, ids=str)
def test_secrets_are_not_written(tmp_path, told):
    config = Config(models=Models(api_key=SecretStr("5f9c1e7a-own")))
    log(tmp_path, 0, secrets=Redaction(secrets_of(config))).add("call", {}, **told)
    audit = Audit(tmp_path, SystemClock(), secrets=Redaction(secrets_of(config)))
    audit.add("call", {}, arguments=told)
    audit.flush()
    text = (tmp_path / "audit.jsonl").read_text()
    for secret in ("hunter2", "abcdefgh", "passw0rd", "abcd1234", "abcdEFGH1234", "MIIE", "eyJhb", "5f9c1e7a-own"):
        assert secret not in text
    assert "[secret]" in text


def test_harmless_data_stays_and_long_texts_are_told_by_length_and_hash(tmp_path):
    clean = Redaction()
    told = {"path": "notes/tokens.md", "count": 3, "ok": True, "none": None, "list": [1, "two"]}
    assert clean(told) == told
    assert "5000 characters, sha256" in clean("x" * 5_000)
    assert clean({"list": list(range(60))})["list"][-1] == "[10 more]"


def test_log_that_cannot_be_written_stops_what_it_should_tell(tmp_path):
    from planloom.errors import JournalError

    (tmp_path / "file").write_text("")
    audit = Audit(tmp_path / "file" / "audit", SystemClock())
    audit.add("call", {})
    with pytest.raises(JournalError, match="audit log"):
        audit.flush()
