"""What the steps of a ticket hand on: plain data, money in whole cents, days as 2025-03-31."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict

Category = Literal["damaged", "delivery", "billing", "refund", "account", "praise", "abuse", "other"]
Level = Literal["low", "normal", "high", "urgent"]
By = Literal["rules", "likeness", "model"]
Outcome = Literal["reply", "ask", "refund", "replacement", "escalate"]


class Ticket(TypedDict):
    """`id` is the same whenever the same ticket comes again. `trouble`: why the text can't be read, "" when it can.
    `received` is the day it came. `notes` say what was done to it.
    """

    id: str
    customer: str
    channel: str
    text: str
    order: str
    transcript: str
    received: str
    trouble: Literal["", "empty", "binary"]
    notes: list[str]


class Line(TypedDict):
    """A ticket as it stands in an inbox; "" where it says nothing."""

    id: str
    customer: str
    channel: str
    text: str
    order: str
    transcript: str
    received: str


class Inbox(TypedDict):
    """`broken` names lines that are no ticket, and why."""

    tickets: list[Line]
    broken: list[str]
    source: str


class Reading(TypedDict):
    """`said` is the text without the sentences in `aside`. `sure` 0 to 1. `order` "": none is named."""

    said: str
    aside: list[str]
    language: str
    category: Category
    also: list[str]
    sure: float
    claims: list[str]
    wishes: list[str]
    threat: bool
    order: str


class Triage(Reading):
    """`by` says who chose `category`. `by_rules` is the rules' one, `alike` the one without a model.

    What is done follows from those two and from claims, wishes and the order, which are the rules'.
    """

    by: By
    by_rules: Category
    alike: Category
    notes: list[str]


class Sentiment(TypedDict):
    """`score` -1 to 1."""

    score: float
    mood: Literal["angry", "unhappy", "neutral", "happy"]
    by: str


class Priority(TypedDict):
    level: Level
    reasons: list[str]
    by: By


class Order(TypedDict):
    """An order of the shop; `charges` is how often it was paid, `refunded_cents` what was paid back before."""

    id: str
    item: str
    kind: str
    quantity: int
    unit_cents: int
    discount_cents: int
    shipping_cents: int
    currency: str
    status: str
    ordered_on: str
    delivered_on: str
    charges: int
    refunded_cents: int
    in_stock: int


class History(TypedDict):
    """`known` False: nobody has this customer id. `order` None: none was named, or none that is this customer's;
    `order_trouble` then says which. `refunds` and `refunded_cents` are of the last 365 days. `today` is the shop's day.
    """

    known: bool
    name: str
    language: str
    tier: str
    orders: int
    refunds: int
    refunded_cents: int
    earlier: list[str]
    remembered: list[str]
    order: Order | None
    order_trouble: Literal["", "none named", "unknown", "not theirs"]
    today: str
    source: str
    summary: str
    by: By


class Passage(TypedDict):
    title: str
    text: str
    source: str
    score: float


class Solution(TypedDict):
    """What the knowledge base says. `found` False: nothing fits, `trouble` says why. `answer` cites as [1]."""

    found: bool
    passages: list[Passage]
    answer: str
    trouble: str
    by: By


class Rule(TypedDict):
    """The part of the policy that a refund follows. Amounts of 0: no limit."""

    name: str
    share_percent: int
    restocking_percent: int
    restocking_most_cents: int
    shipping: bool
    duplicate_only: bool
    most_cents: int


class Decision(TypedDict):
    """What the policy says is due. `topic` names the reply; `refund` and `replacement` are not both there.
    `approval_above_cents`: a refund above it waits for a person.
    """

    outcome: Outcome
    topic: str
    reason: str
    refund: Rule | None
    replacement: bool
    approval_above_cents: int
    policy: str


class Amount(TypedDict):
    """`trouble`: why there is none. `lines` show how it came about. `sandbox`: how the code was walled in."""

    cents: int
    currency: str
    lines: list[str]
    sandbox: str
    trouble: str


class Draft(TypedDict):
    """A reply. `faults` is empty when it may be sent; `number` counts from 1."""

    text: str
    faults: list[str]
    by: str
    number: int


class Payment(TypedDict):
    """A refund that is to be made. `rule` is the policy's."""

    ticket: str
    customer: str
    order: str
    cents: int
    currency: str
    reason: str
    rule: str


class Settlement(TypedDict):
    """What is to be done. `approvals` has the refund that a person has to approve, or nothing.

    `known` is what a person who takes over has to know; {} where nobody has to. `reply` "": nothing is sent.
    """

    outcome: Outcome
    reason: str
    refund: Payment | None
    approvals: list[Payment]
    replacement: str
    known: dict[str, Any]
    reply: str


class Done(TypedDict):
    """An entry of the desk's ledger. `repeated`: it was there already. `refused`: why it was not made, "" if it was."""

    key: str
    action: str
    order: str
    cents: int
    currency: str
    repeated: bool
    refused: str


class Closed(TypedDict):
    """The ticket as it stands now; `text` is what the desk says of it."""

    ticket: str
    status: str
    outcome: str
    category: str
    priority: str
    language: str
    actions: list[str]
    reply: str
    text: str


class Ending(TypedDict):
    """What is needed to close a ticket."""

    ticket: Ticket
    triage: Triage
    priority: Priority
    history: History
    settlement: Settlement


class Waiting(TypedDict):
    """A ticket whose refund waits for a person."""

    payment: Payment
    ending: Ending


class Finding(TypedDict):
    """What an agent is told of a ticket. `said_for_you` is the sentence about what is done, which follows its words."""

    case: str
    about: str
    language: str
    mood: str
    customer: str
    due: str
    said_for_you: str
    articles: list[str]
    said_by_customer: str


class Finished(TypedDict):
    """`sent` False with `left` above 0: write other words, without the `faults`."""

    sent: bool
    faults: list[str]
    left: int
    status: str
    text: str


class Report(TypedDict):
    """An inbox that was worked through."""

    tickets: int
    handled: int
    failed: int
    outcomes: dict[str, int]
    text: str
    path: str
