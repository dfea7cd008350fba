from __future__ import annotations

import email
import email.policy
import socket
from email.message import EmailMessage
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from tests.agents.tools.mailservers import PASSWORD, USER, Mailroom, flags_of, free_port, imap_server, smtp_server

from planloom.agents.tool import ToolContext
from planloom.agents.tools import mail
from planloom.agents.tools.mail import outbox
from planloom.agents.workspace import Workspace
from planloom.config import Config
from planloom.errors import AccessError, PlanloomError, ToolError, TransientError

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # of the server, on purpose


def message(subject: str, sender: str = "Ada Shore <ada@h.example>", text: str = "Hi.", **more: str) -> EmailMessage:
    made = EmailMessage()
    made["Subject"], made["From"], made["To"] = subject, sender, "me@h.example"
    made["Date"] = more.get("date", "Mon, 04 May 2026 10:00:00 +0200")
    made["Message-ID"] = f"<{len(subject)}@h.example>"
    made.set_content(text)
    return made


def context_of(folder: Path, **account: Any) -> ToolContext:
    given = {"user": USER, "password": PASSWORD, "address": "me@h.example", "name": "Me", **account}
    mail = {"accounts": {"home": given}, "timeout_s": 5, "max_bytes": 100_000}
    workspace = Workspace(folder, folder / "out")
    return ToolContext(
        workspace=workspace, config=Config.model_validate({"tools": {"mail": mail}}), idempotency_key="k1"
    )


def reading(folder: Path, port: int, **more: Any) -> ToolContext:
    return context_of(folder, imap_host="127.0.0.1", imap_port=port, imap_security="none", **more)


def sending(folder: Path, port: int, **more: Any) -> ToolContext:
    return context_of(folder, smtp_host="127.0.0.1", smtp_port=port, smtp_security="none", **more)


@pytest.fixture(scope="module")
def inbox() -> Any:
    tide = message("Tide tables", text="High water at 06:12.\nBring boots.")
    tide.add_attachment(b"day,hour\nmon,06:12\n", maintype="text", subtype="csv", filename="tides.csv")
    tide.add_attachment(b"#!/bin/sh", maintype="application", subtype="x-sh", filename="../../.bashrc")
    web = message("Été à la plage", "Bob <bob@x.example>", date="Fri, 01 May 2026 08:00:00 +0000")
    web.set_content("<p>Warm <b>sand</b></p><script>steal()</script><p>and sea", subtype="html")
    huge = message("Huge one", text="x" * 150_000, date="Sat, 02 May 2026 08:00:00 +0000")
    with imap_server(tide, web, huge) as port:
        yield port


def test_folders_tell_how_much_is_unread(inbox: int, tmp_path: Path) -> None:
    found = mail.folders(reading(tmp_path, inbox))
    assert {"name": "INBOX", "messages": 3, "unread": 3} in found


def test_search_finds_by_sender_words_and_day_and_marks_nothing(inbox: int, tmp_path: Path) -> None:
    context = reading(tmp_path, inbox)
    assert [m["subject"] for m in mail.search(context)] == ["Huge one", "Été à la plage", "Tide tables"]
    assert [m["subject"] for m in mail.search(context, sender="bob@x.example")] == ["Été à la plage"]
    found = mail.search(context, subject="tide", text="boots", unread=True)
    assert [(m["sender"], m["to"], m["unread"]) for m in found] == [
        ("Ada Shore <ada@h.example>", ["me@h.example"], True)
    ]
    assert found[0]["date"] == "2026-05-04T10:00:00+02:00"
    assert len(mail.search(context, limit=2)) == 2
    assert [m["subject"] for m in mail.search(context, subject="Été")] == ["Été à la plage"]
    assert len(mail.search(context, since="2 days ago")) == 3 and mail.search(context, before="2020-01-01") == []
    assert "Seen" not in flags_of(inbox, found[0]["uid"])


def test_message_is_read_with_its_text_and_what_is_attached(inbox: int, tmp_path: Path) -> None:
    context = reading(tmp_path, inbox)
    uid = mail.search(context, subject="Tide")[0]["uid"]
    found = mail.read(context, uid)
    assert found["text"] == "High water at 06:12.\nBring boots." and found["message_id"] == "<11@h.example>"
    assert [(a["name"], a["bytes"]) for a in found["attachments"]] == [("tides.csv", 19), ("../../.bashrc", 9)]
    assert mail.read(context, uid, max_characters=4)["cut"]
    assert "Seen" not in flags_of(inbox, uid)


def test_html_becomes_words_without_scripts(inbox: int, tmp_path: Path) -> None:
    context = reading(tmp_path, inbox)
    uid = mail.search(context, sender="bob")[0]["uid"]
    assert mail.read(context, uid)["text"] == "Warm sand\nand sea"


def test_attachments_are_saved_inside_the_folder_of_the_run(inbox: int, tmp_path: Path) -> None:
    context = reading(tmp_path, inbox)
    uid = mail.search(context, subject="Tide")[0]["uid"]
    found = mail.attachments(context, uid)
    assert [Path(one["path"]).parent for one in found] == [context.workspace.out] * 2
    assert Path(found[0]["path"]).read_bytes() == b"day,hour\nmon,06:12\n"
    assert [one["name"] for one in mail.attachments(context, uid, names=("tides.csv",))] == ["tides.csv"]
    with pytest.raises(ToolError, match=r"among tides\.csv"):
        mail.attachments(context, uid, names=("other.csv",))


def test_larger_messages_than_allowed_are_not_fetched(inbox: int, tmp_path: Path) -> None:
    context = reading(tmp_path, inbox)
    with pytest.raises(ToolError, match="at most 100,000 bytes"):
        mail.read(context, mail.search(context, subject="Huge")[0]["uid"])


def test_unknown_folder_message_and_account_are_named(inbox: int, tmp_path: Path) -> None:
    context = reading(tmp_path, inbox)
    with pytest.raises(ToolError, match="one of the folders INBOX"):
        mail.search(context, folder="Nowhere")
    with pytest.raises(ToolError, match="the uid of a message"):
        mail.read(context, "999999")
    with pytest.raises(ToolError, match="one of the accounts home, got 'work'"):
        mail.search(context, account="work")
    with pytest.raises(ToolError, match="this account sends no mail"):
        mail.send(context, ["a@b.example"], "s", "t")
    with pytest.raises(ToolError, match=r"add one to tools\.mail\.accounts"):
        mail.search(ToolContext(workspace=context.workspace))


@pytest.mark.parametrize("field", ["sender", "subject", "text", "folder"])
def test_commands_can_not_be_smuggled_into_a_search(inbox: int, tmp_path: Path, field: str) -> None:
    evil = 'x"\r\nA1 STORE 1:* +FLAGS (\\Deleted)\r\n'
    context = reading(tmp_path, inbox)
    with pytest.raises(ToolError, match="control characters"):
        mail.search(context, **{field: evil})
    assert mail.search(context, subject='" OR ALL "') == []
    assert "Deleted" not in flags_of(inbox, "1:*")


def test_refused_login_does_not_tell_the_password(inbox: int, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="refuses the login of account 'home'") as caught:
        mail.search(reading(tmp_path, inbox, password="wrong-secret-99"))  # noqa: S106
    assert "wrong-secret" not in repr(caught.value) + repr(caught.value.__cause__)


def test_password_may_stand_in_the_environment(inbox: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANLOOM_TEST_MAIL", PASSWORD)
    context = reading(tmp_path, inbox, password="${ENV:PLANLOOM_TEST_MAIL}")  # noqa: S106
    assert len(mail.search(context)) == 3
    assert PASSWORD not in repr(context.config)
    with pytest.raises(ToolError, match="variable PLANLOOM_NOT_SET"):
        mail.search(reading(tmp_path, inbox, password="${ENV:PLANLOOM_NOT_SET}"))  # noqa: S106


# ---- sending


def test_mail_is_sent_with_files_and_an_id_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n")
    room = Mailroom()
    with smtp_server(room) as port:
        context = sending(tmp_path, port)
        to, cc, bcc = ["Ada Shöre <ada@h.example>"], ["bob@h.example"], ["eve@h.example"]
        found = mail.send(context, to, "Größe", "Hi.", cc=cc, bcc=bcc, html="<p>Hi", files=["a.csv"])
        again = mail.send(context, to, "Größe", "Hi.")
    got = email.message_from_bytes(room.envelopes[0].content, policy=email.policy.default)
    assert room.envelopes[0].rcpt_tos == ["ada@h.example", "bob@h.example", "eve@h.example"] == found["recipients"]
    assert (got["Subject"], got["From"], got["To"]) == ("Größe", "Me <me@h.example>", to[0])
    assert got["Bcc"] is None and got["Message-ID"] == found["message_id"] == again["message_id"]
    assert [part.get_content_type() for part in got.walk() if not part.is_multipart()] == [
        "text/plain",
        "text/html",
        "text/csv",
    ]
    assert found["refused"] == {}


@pytest.mark.parametrize(
    "bad",
    [
        {"subject": "Hi\r\nBcc: everyone@x.example"},
        {"subject": "Hi\u2028Bcc: everyone@x.example"},
        {"to": ["a@h.example\nCc: b@h.example"]},
        {"to": ["a@h.example, b@h.example"]},
        {"to": ["a@h.example> RCPT TO:<b@h.example"]},
        {"to": ["no address"]},
        {"to": ["@h.example"]},
        {"cc": ["a@"]},
        {"in_reply_to": "<x>\r\nX-Evil: 1"},
        {"in_reply_to": "<é@h.example>"},
        {"files": ["."]},
        {"files": ["nowhere.txt"]},
    ],
)
def test_headers_and_recipients_can_not_be_smuggled_in(tmp_path: Path, bad: dict[str, Any]) -> None:
    room = Mailroom()
    with smtp_server(room) as port, pytest.raises(ToolError, match="expected"):
        mail.send(sending(tmp_path, port), **{"to": ["a@h.example"], "subject": "s", "text": "t", **bad})
    assert room.envelopes == []


def test_refused_recipients_are_told_and_the_others_get_it(tmp_path: Path) -> None:
    room = Mailroom()
    with smtp_server(room) as port:
        context = sending(tmp_path, port)
        found = mail.send(context, ["a@h.example", "nobody@h.example"], "s", "t")
        with pytest.raises(ToolError, match="all recipients"):
            mail.send(context, ["nobody@h.example"], "s", "t")
    assert found["recipients"] == ["a@h.example"] and "No such user" in found["refused"]["nobody@h.example"]
    assert len(room.envelopes) == 1


@pytest.mark.parametrize(
    ("answers", "kind", "unknown"),
    [
        ({"data": "554 spam"}, ToolError, None),
        ({"data": "451 later"}, TransientError, False),
        ({"rcpt": "452 full"}, TransientError, False),
        ({"data": "hang up"}, TransientError, True),
    ],
)
def test_failures_say_whether_the_mail_may_have_gone(
    tmp_path: Path, answers: dict[str, str], kind: type[PlanloomError], unknown: bool | None
) -> None:
    with smtp_server(Mailroom(**answers)) as port, pytest.raises(kind) as caught:
        mail.send(sending(tmp_path, port), ["a@h.example"], "s", "t")
    assert getattr(caught.value, "outcome_unknown", None) == unknown


def test_refused_login_sends_nothing_and_tells_no_password(tmp_path: Path) -> None:
    room = Mailroom()
    with smtp_server(room) as port, pytest.raises(ToolError, match="refuses the login") as caught:
        mail.send(sending(tmp_path, port, password="wrong-secret-99"), ["a@h.example"], "s", "t")  # noqa: S106
    assert room.envelopes == [] and "wrong-secret" not in repr(caught.value)


def test_sending_asks_a_person() -> None:
    assert mail.send.destructive and mail.send.effect == "write" and not mail.send.idempotent
    assert all(tool.effect == "read" for tool in (mail.folders, mail.search, mail.read, mail.attachments))


@pytest.mark.parametrize("kind", ["imap", "smtp"])
def test_nothing_goes_in_the_clear_to_other_machines(tmp_path: Path, kind: str) -> None:
    context = context_of(tmp_path, **{f"{kind}_host": "mail.example.org", f"{kind}_security": "none"})
    with pytest.raises(AccessError, match="encrypted"):
        mail.search(context) if kind == "imap" else mail.send(context, ["a@h.example"], "s", "t")


@pytest.mark.parametrize("kind", ["imap", "smtp"])
def test_certificates_are_checked(tmp_path: Path, kind: str) -> None:
    """A server with a certificate nobody vouches for is not talked to."""
    import ssl

    key, cert = own_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    listening = socket.create_server(("127.0.0.1", 0))
    heard: list[bytes] = []

    def serve() -> None:
        try:
            with context.wrap_socket(listening.accept()[0], server_side=True) as talk:
                talk.sendall(b"* OK ready\r\n" if kind == "imap" else b"220 ready\r\n")
                heard.append(talk.recv(100))
        except OSError:
            return

    thread = Thread(target=serve)
    thread.start()
    tools = context_of(tmp_path, **{f"{kind}_host": "127.0.0.1", f"{kind}_port": listening.getsockname()[1]})
    with pytest.raises(ToolError, match="certificate"):
        mail.search(tools) if kind == "imap" else mail.send(tools, ["a@h.example"], "s", "t")
    thread.join(10)
    listening.close()
    assert not any(heard)


def own_certificate(folder: Path) -> tuple[Path, Path]:
    import datetime as dt

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + dt.timedelta(days=1))
    coded = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    (folder / "k.pem").write_bytes(key.private_bytes(coded, serialization.PrivateFormat.PKCS8, plain))
    (folder / "c.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(coded))
    return folder / "k.pem", folder / "c.pem"


@pytest.mark.parametrize("kind", ["imap", "smtp"])
def test_servers_that_are_not_there_or_say_nothing_may_come_back(tmp_path: Path, kind: str) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    for port in (free_port(), silent.getsockname()[1]):
        ports = {f"{kind}_host": "127.0.0.1", f"{kind}_port": port, f"{kind}_security": "none"}
        context = context_of(tmp_path, **ports)
        fast = context.config.tools.mail.model_copy(update={"timeout_s": 0.2})
        tools = context.config.tools.model_copy(update={"mail": fast})
        context = ToolContext(workspace=context.workspace, config=context.config.model_copy(update={"tools": tools}))
        with pytest.raises(TransientError) as caught:
            mail.search(context) if kind == "imap" else mail.send(context, ["a@h.example"], "s", "t")
        assert not caught.value.outcome_unknown
    silent.close()


def test_draft_without_a_key_gets_an_id_each_time() -> None:
    account = Config.model_validate({"tools": {"mail": {"accounts": {"a": {"user": "me@h.example"}}}}}).tools.mail
    draft = outbox.Draft(to=["a@h.example"], subject="s", text="t")
    ids = {outbox.composed(draft, account.accounts["a"], "now")["Message-ID"] for _ in range(2)}
    assert len(ids) == 2
