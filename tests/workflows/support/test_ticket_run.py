"""Tickets from text to what was done, without a model; every kind of bad ticket ends with an answer or a person."""

from __future__ import annotations

import json

import pytest

from planloom import Planloom
from planloom.workflows.support.ledger.place import ledger

SMALL = "status = 'delivered' AND charges = 2 AND unit_cents * quantity < 9000 AND discount_cents = 0"
LARGE = "status = 'delivered' AND charges = 2 AND unit_cents * quantity > 15000"
FRESH = "status = 'delivered' AND delivered_on > '2025-06-10' AND kind = 'goods'"


def closed(result):
    assert result.status == "done", result.reason
    return result.steps["close"].value


async def test_a_second_charge_is_paid_back_once_and_the_customer_is_told(desk):
    order = desk.order(SMALL)
    paid = order["unit_cents"] * order["quantity"] + order["shipping_cents"]

    found = closed(await desk.handle(f"I was charged twice for order {order['id']}.", order["customer_id"]))

    (payment,) = desk.actions("duplicate")
    assert (payment["cents"], payment["order_id"], payment["approved"]) == (paid, order["id"], 0)
    (reply,) = desk.actions("reply")
    assert f"{paid // 100}.{paid % 100:02d} EUR" in reply["told"]["text"]
    assert found["status"] == "answered"


async def test_the_same_ticket_twice_is_paid_and_answered_once(desk):
    order = desk.order(SMALL)
    for _ in range(2):
        found = closed(await desk.handle(f"I was charged twice for order {order['id']}.", order["customer_id"]))

    assert [one["action"] for one in desk.actions()] == ["duplicate", "reply"]
    assert "was done before" in found["actions"][0]


async def test_another_ticket_about_an_order_that_was_paid_goes_to_a_person(desk):
    order = desk.order(SMALL)
    await desk.handle(f"I was charged twice for order {order['id']}.", order["customer_id"])
    found = closed(await desk.handle(f"You debited me two times for {order['id']}!", order["customer_id"]))

    assert len(desk.actions("duplicate")) == 1
    assert found["status"] == "waiting for a person"
    assert "was done for ticket" in desk.actions("escalation")[0]["told"]["reason"]


async def test_a_refund_above_the_limit_waits_for_a_person_and_is_paid_after_a_yes(desk):
    order = desk.order(LARGE)
    desk.answers = [True]

    found = closed(await desk.handle(f"I was charged twice for order {order['id']}.", order["customer_id"]))

    assert desk.asked == ["approved_refund[0]"]
    assert desk.actions("duplicate")[0]["approved"] == 1
    assert found["status"] == "answered"


async def test_without_an_answer_nothing_is_paid_and_nothing_is_sent(desk):
    order = desk.order(LARGE)

    result = await desk.handle(f"I was charged twice for order {order['id']}.", order["customer_id"])

    assert result.status == "needs_approval"
    assert desk.actions() == []


async def test_after_a_no_the_ticket_stays_with_a_person(desk):
    order = desk.order(LARGE)
    desk.answers = [False]

    found = closed(await desk.handle(f"I was charged twice for order {order['id']}.", order["customer_id"]))

    assert desk.actions("duplicate") == []
    assert found["status"] == "waiting for a person"
    assert "refused" in desk.actions("escalation")[0]["told"]["reason"]


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
async def test_a_broken_item_is_replaced_in_every_language(desk, language):
    order = desk.order(f"{FRESH} AND in_stock > 3 AND unit_cents * quantity < 30000")
    texts = {
        "en": "The item of order {} arrived broken, please replace it.",
        "de": "Der Artikel der Bestellung {} kam leider kaputt an, bitte senden Sie mir Ersatz.",
        "fr": "L'article de la commande {} est arrivé cassé, merci de le remplacer.",
        "es": "El artículo del pedido {} llegó roto, por favor envíen otro.",
    }

    found = closed(await desk.handle(texts[language].format(order["id"]), order["customer_id"]))

    assert found["language"] == language
    assert [one["order_id"] for one in desk.actions("replacement")] == [order["id"]]


@pytest.mark.parametrize(
    ("text", "outcome", "why"),
    [
        ("", "ask", "empty"),
        (" \n\t ", "ask", "empty"),
        ("...!?", "ask", "empty"),
        ("\0\1\2\3abc\0\0", "ask", "binary"),
        ("\ufffd" * 50 + " x", "ask", "binary"),
        ("You are all idiots and your shop is a bunch of thieves.", "reply", "calm"),
        ("I know where you live and you will regret it.", "escalate", "threat"),
        ("Order A-99999 arrived broken.", "ask", "none of this customer's"),
        ("Zażółć gęślą jaźń", "escalate", "no article fits"),
    ],
)
async def test_bad_tickets_end_with_an_answer_or_a_person(desk, text, outcome, why):
    found = closed(await desk.handle(text, "C-1001"))

    assert found["outcome"] == outcome
    assert why in found["text"]
    assert {one["action"] for one in desk.actions()} <= {"reply", "escalation"}


async def test_a_megabyte_is_read_as_far_as_it_goes_and_says_so(desk):
    order = desk.order(SMALL)
    text = f"I was charged twice for order {order['id']}. " + "Please hurry. " * 75_000

    found = closed(await desk.handle(text, order["customer_id"]))

    assert "first 20,000 of 1,050,0" in found["text"]
    assert len(desk.actions("duplicate")) == 1


async def test_the_order_of_another_customer_is_neither_paid_nor_told_of(desk):
    order = desk.order(SMALL)

    found = closed(await desk.handle(f"I was charged twice for order {order['id']}.", "C-1599"))

    assert found["outcome"] == "ask"
    assert order["item"] not in found["reply"]
    assert [one["action"] for one in desk.actions()] == ["reply"]


async def test_an_unknown_customer_goes_to_a_person(desk):
    order = desk.order(SMALL)

    found = closed(await desk.handle(f"I was charged twice for order {order['id']}.", "C-9"))

    assert found["status"] == "waiting for a person"
    assert [one["action"] for one in desk.actions()] == ["escalation", "reply"]


async def test_without_a_knowledge_base_questions_go_to_a_person_and_payments_go_on(desk, tmp_path):
    desk.settings["support"] = {"knowledge": str(tmp_path / "nothing")}
    order = desk.order(SMALL)

    asked = closed(await desk.handle("I cannot log in to my account.", "C-1001"))
    paid = closed(await desk.handle(f"I was charged twice for order {order['id']}.", order["customer_id"]))

    assert asked["outcome"] == "escalate"
    assert "has none; set support.knowledge" in asked["text"]
    assert paid["outcome"] == "refund"


async def test_what_was_done_is_remembered_of_the_customer(desk):
    order = desk.order(SMALL)
    await desk.handle(f"I was charged twice for order {order['id']}.", order["customer_id"])

    result = await desk.handle("Thank you so much for the refund!", order["customer_id"])

    known = result.steps["history"].value
    assert known["refunds"] == 1
    assert any("refunded a second charge" in one for one in known["earlier"])
    assert any(order["id"] in one for one in known["remembered"])


async def test_an_inbox_is_worked_through_ticket_by_ticket(desk, tmp_path):
    order = desk.order(SMALL)
    lines = [
        json.dumps({"id": "1", "customer": order["customer_id"], "text": f"I was charged twice for {order['id']}."}),
        "no json",
        json.dumps({"id": "2", "customer": "C-1001", "text": "Great service, I am very happy."}),
        json.dumps({"id": "3", "text": None}),
        json.dumps(["nothing"]),
    ]
    path = tmp_path / "inbox.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")

    result = await desk.inbox(path)

    report = result.steps["report"].value
    assert (report["tickets"], report["handled"]) == (2, 2)
    assert "line 2: no JSON" in report["text"]
    assert report["text"].count("not a ticket") == 3
    assert [one["action"] for one in desk.actions()].count("reply") == 2


async def test_in_an_inbox_other_tickets_do_not_wait_for_an_approval(desk, tmp_path):
    large = desk.order(LARGE)
    tickets = [
        {"customer": large["customer_id"], "text": f"I was charged twice for {large['id']}."},
        {"customer": "C-1001", "text": "Great service, I am very happy."},
    ]
    path = tmp_path / "inbox.json"
    path.write_text(json.dumps(tickets), encoding="utf-8")

    result = await desk.inbox(path)
    assert result.status == "needs_approval"
    assert len(desk.actions("reply")) == 1

    async with Planloom(desk.config) as loom:
        await loom.approve(result.run_id, "approved_refund[0]", granted=True)
        ended = await loom.resume(result.run_id)
    assert ended.status == "done"
    assert "refunded a second charge" in ended.answer
    assert len(ledger(desk.config).actions()) == 3
