"""No number that was not computed gets past the check, and right ones do."""

from __future__ import annotations

import pytest

from planloom.errors import ModelError
from planloom.workflows.finance.telling.asking import Wanted, tell
from planloom.workflows.finance.telling.checking import wrong_numbers
from planloom.workflows.finance.telling.figures import Figure

FIGURES = [
    Figure(name="Revenue in 2025", value=1_234_567.0, unit="money", text="€1,234,567"),
    Figure(name="change against 2024", value=-98_765.0, unit="money", text="-€98,765"),
    Figure(name="change against 2024, in percent", value=-0.0741, unit="share", text="-7.4 %"),
    Figure(name="probability of the intervals", value=0.9, unit="share", text="90.0 %"),
]
YEARS = range(2023, 2027)


@pytest.mark.parametrize(
    "text",
    [
        "Revenue in 2025 came to €1,234,567.",
        "Revenue was €1.23M in 2025, down 7.4 % on 2024.",
        "Revenue was 1.2 million, 1,235k or 1 234 567 EUR.",
        "It fell by €98,765 (-7.4%) between March 5, 2024 and 2025-03-31.",
        "It fell by 7 percent in Q3 over the last twelve months.",
        "The loss of Studio 54 explains it; B2B held up.",
        "Nothing to report.",
    ],
)
def test_texts_with_computed_numbers_pass(text: str):
    assert wrong_numbers(text, FIGURES, years=YEARS, names=["Studio 54"]) == []


@pytest.mark.parametrize(
    "text",
    [
        "Revenue came to €1,234,568.", "Revenue was €1.24M.", "Revenue was 1.3 million.", "Revenue was €1,234,567k.",
        "It fell by 7.5 %.", "It fell by 8%.", "It rose by 7.4 %.", "It grew by €98,765.", "Change: +7.4 %.",
        "Revenue doubled.", "Half of it came from one customer.", "About a third of sales.", "Two thirds left.",
        "It is up threefold.", "It is 2x the plan.", "It is 1.2e6.", "Seventy percent is lost.",
        "Some 12 customers left.",
        "It was 1999 units.", "Revenue of 7.4.", "Margin of 1,234,567 %.", "Revenue was -€1,234,567.",
        "Sales of \u0661\u0662 units.", "\u00bd of it.", "Revenue was 12.345.678.", "In 2031 it will end.",
        "Costs ten million.",
    ],
)  # fmt: skip
def test_texts_with_other_numbers_are_refused(text: str):
    assert wrong_numbers(text, FIGURES, years=YEARS)


def wanted() -> Wanted:
    return Wanted(
        about="revenue", title="Revenue", teller="storyteller", figures=FIGURES, fallback="the template", names=[],
        years=YEARS
    )  # fmt: skip


async def test_a_wrong_number_is_redone_once_with_the_reason():
    asked = []

    async def ask(question):
        asked.append(question)
        return {"text": "Revenue came to €7." if len(asked) == 1 else "Revenue came to €1,234,567."}

    [text] = await tell([wanted()], ask)
    assert (text["by"], text["text"]) == ("model", "Revenue came to €1,234,567.")
    assert "'€7'" in asked[1].data["rejected"]


async def test_two_wrong_texts_leave_the_template():
    async def ask(question):
        return {"text": "Revenue came to €7."}

    [text] = await tell([wanted()], ask)
    assert (text["by"], text["text"], len(text["rejected"])) == ("template", "the template", 2)


async def test_a_failing_model_leaves_the_template():
    async def ask(question):
        raise ModelError("no answer", kind="reply")

    [text] = await tell([wanted()], ask)
    assert text == {"about": "revenue", "text": "the template", "by": "template", "rejected": ["no text: ModelError"]}
