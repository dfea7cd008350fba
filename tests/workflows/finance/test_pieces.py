"""Reading in columns gives what reading row by row gives: the same rows, the same repairs, the same refusals."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from planloom.agents.tools.tables.source import Source, UnclosedQuoteError, open_csv
from planloom.errors import ToolError
from planloom.workflows.finance.reading.ledger import read
from planloom.workflows.finance.reading.marks import marks
from planloom.workflows.finance.reading.pieces import pieces

CELLS = ["a", "", " b", "c ", "é", '"d,e"', '"f ""g"""', '""', '"h\ni"', '5" pipe', ' "j"', '"k"l', '"', "m\rn", "\0",
         "1.234,56", "2025-01-02", "  ", "-"]  # fmt: skip
ENDS = ["\n", "\n", "\n", "\r\n", "\n\n", "\r", ""]


def outcome(path: Path, chars: int, *, quoted: bool) -> tuple[Any, list[str]]:
    """What reading a file gives, in pieces of `chars`, or row by row for 0."""
    source = open_csv(path, quoted=quoted)
    try:
        rows: Any = [tuple(row) for row in source.rows] if not chars else in_pieces(source, chars)
    except UnclosedQuoteError:
        return "unclosed", []
    return rows, source.notes.all()


def in_pieces(source: Source, chars: int) -> list[tuple[Any, ...]]:
    return [row for piece in pieces(source, chars) for row in piece.iter_rows()]


@given(
    rows=st.lists(st.tuples(st.lists(st.sampled_from(CELLS), max_size=4), st.sampled_from(ENDS)), max_size=25),
    chars=st.integers(1, 60),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"]),
    quoted=st.booleans(),
)
@settings(max_examples=400, deadline=None)
@example(rows=[(["a", '"b', "c"], "\n")] * 4, chars=7, encoding="utf-8", quoted=True)
@example(rows=[(["a", '5" pipe', "c"], "\n"), (["a", '"d,e"', "c"], "\n")] * 3, chars=9, encoding="utf-8", quoted=True)
def test_pieces_are_the_rows_with_the_same_notes(rows, chars, encoding, quoted):
    text = "date,category,amount\n" + "".join(",".join(cells) + end for cells, end in rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ledger.csv")
        path.write_bytes(text.encode(encoding))
        try:
            expected = outcome(path, 0, quoted=quoted)
        except ToolError:
            return
        assert outcome(path, chars, quoted=quoted) == expected


def test_a_messy_ledger_is_repaired_alike(tmp_path: Path):
    chance = random.Random(4)
    path = tmp_path / "ledger.csv"
    path.write_text("".join(messy(chance)), encoding="utf-8", newline="")
    whole, found = read(open_csv(path))
    by_rows = open_csv(path)
    again, found_again = read(Source(by_rows.names, by_rows.rows, by_rows.notes))
    assert whole.equals(again)
    assert (found.repairs, found.aside, found.places, found.notes) == (
        found_again.repairs, found_again.aside, found_again.places, found_again.notes
    )  # fmt: skip
    assert found.repairs and found.aside and any("blank" in note for note in found.notes)


def messy(chance: random.Random) -> list[str]:
    dates = ["2025-03-04", "4.3.2025", "Mar 4, 2025", '"Mar 4, 2025"', "45720", "", "someday"]
    amounts = ["12.50", '"1,234.56"', "(9.99)", "12.50-", "€ 3", "abc", " 7 ", '"1.234,56"']
    names = ["Sales", " sales ", "Rent", '"Smith, ""Joe"" & Co"', "", "Büro"]
    made = ["Date,Category,Amount,Note\r\n"]
    for number in range(6000):
        cells = [chance.choices(dates, (50, 9, 9, 9, 9, 1, 1))[0], chance.choice(names),
                 chance.choices(amounts, (50, 9, 9, 9, 1, 1, 9, 2))[0], f"n{number // 2}"]  # fmt: skip
        extra = chance.choices(["", ",x", "\n"], (500, 1, 1))[0]
        made.append(",".join(cells) + extra + chance.choice(["\n", "\r\n"]))
    return made


@pytest.mark.parametrize("text", ['a,"b\n', 'a,5" b\n', '"a"b,c\n', 'a, x"b"\n', 'a,"b" \n'])
def test_quotes_that_readers_take_differently_stop_the_quick_way(text: str):
    from planloom.workflows.finance.reading.marks import StrayQuoteError

    try:
        found = marks(text.encode(), ",", '"')
    except StrayQuoteError:
        return
    assert not found.end, found
