"""The seven requests against figures worked out here, and what happens with data and wishes that are odd."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.workflows.deck.shop import made, sampled

from planloom.errors import ToolError
from planloom.workflows.deck import requests
from planloom.workflows.deck.period import Period, period
from planloom.workflows.deck.shapes import REQUESTS
from planloom.workflows.deck.story import wrong_numbers
from planloom.workflows.deck.written import exact, money, percent, rounded_shares

TODAY = dt.date(2026, 1, 15)
YEAR = ("2025-01-01", "2025-12-31")
MONTHS = [f"2025-{month:02d}" for month in range(1, 13)]
BEFORE = [f"2024-{month:02d}" for month in range(1, 13)]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    return sampled(tmp_path_factory.mktemp("shop") / "orders.sqlite")


@pytest.fixture(scope="module")
def paid(address: str) -> list[tuple]:
    """(month, cents, product, customer, age, gender, is new) of every paid order, worked out row by row."""
    rows = sqlite3.connect(address).execute(
        "SELECT o.created_at, o.amount_cents, o.product, o.customer_id, c.age_band, c.gender FROM orders o "
        "JOIN customers c ON c.id = o.customer_id JOIN merchants m ON m.id = o.merchant_id "
        "WHERE m.name = 'Aurora Home' AND o.status = 'paid' ORDER BY o.created_at, o.id"
    )
    known: set[int] = set()
    found = []
    for when, cents, product, customer, age, gender in rows:
        found.append((when[:7], cents, product, customer, age, gender, customer not in known))
        known.add(customer)
    return found


def answered(address: str, request: str) -> requests.Report:
    return requests.report(address, "Aurora Home", *YEAR, request=request, today=TODAY)


def sums(rows: list[tuple], months: list[str]) -> list[int]:
    return [sum(row[1] for row in rows if row[0] == month) for month in months]


def series(report: requests.Report) -> dict[str, list]:
    return {one["name"]: one["values"] for one in report["chart"]["data"]["series"]}


def test_monthly_sales_are_the_sums_of_paid_orders(address, paid):
    report = answered(address, "monthly_sales")
    now, then = sums(paid, MONTHS), sums(paid, BEFORE)
    assert list(series(report).values()) == [[c / 100 for c in now], [c / 100 for c in then]]
    assert [row[1:3] for row in report["table"]["rows"]] == [
        [exact(a, "USD"), exact(b, "USD")] for a, b in zip([*now, sum(now)], [*then, sum(then)], strict=True)
    ]
    assert report["facts"][0]["value"] == money(sum(now), "USD") and money(sum(now), "USD") in report["finding"]


def test_products_add_up_to_all_sales(address, paid):
    report = answered(address, "sales_by_product")
    for name, values in series(report).items():
        assert values == [c / 100 for c in sums([row for row in paid if row[2] == name], MONTHS)]
    assert report["table"]["rows"][-1][-1] == exact(sum(sums(paid, MONTHS)), "USD")


def test_a_new_customer_is_one_that_never_ordered_before(address, paid):
    report = answered(address, "orders_by_user_type")
    for name, is_new in (("new", True), ("returning", False)):
        counts = Counter(row[0] for row in paid if row[6] is is_new)
        assert series(report)[name] == [counts[month] for month in MONTHS]


def test_average_orders_are_sales_by_orders(address, paid):
    report = answered(address, "average_order_value")
    counts = Counter(row[0] for row in paid)
    means = [cents / counts[month] for cents, month in zip(sums(paid, MONTHS), MONTHS, strict=True)]
    assert next(iter(series(report).values())) == [round(mean / 100, 2) for mean in means]
    year = [row for row in paid if row[0] in MONTHS]
    assert report["facts"][0]["value"] == exact(sum(row[1] for row in year) / len(year), "USD")


def test_demographics_count_each_customer_once_and_add_up(address, paid):
    report = answered(address, "user_demographics")
    people = {row[3]: (row[4], row[5]) for row in paid if row[0] in MONTHS}
    counts = Counter(people.values())
    shares = series(report)
    for at, age in enumerate(report["chart"]["data"]["x"]):
        for gender, values in shares.items():
            assert values[at] == pytest.approx(counts[age, gender] / len(people), abs=0.001)
    rows = report["table"]["rows"]
    cells = [float(cell.rstrip("%")) for row in rows[:-1] for cell in row[1:-1]]
    assert sum(round(10 * cell) for cell in cells) == 1000
    assert rows[-1][-1] == "100.0%"


def test_orders_by_product_add_up_to_a_hundred_percent(address, paid):
    report = answered(address, "orders_by_product")
    counts = Counter(row[2] for row in paid if row[0] in MONTHS)
    rows = {row[0].lower(): row[1:] for row in report["table"]["rows"]}
    assert {name: rows[name][0] for name in counts} == {name: f"{count:,}" for name, count in counts.items()}
    assert sum(round(10 * float(rows[name][1].rstrip("%"))) for name in counts) == 1000


def test_average_orders_by_product_are_sales_by_orders(address, paid):
    report = answered(address, "order_value_by_product")
    cents: dict[str, list[int]] = defaultdict(list)
    for row in paid:
        if row[0] in MONTHS:
            cents[row[2]].append(row[1])
    assert {row[0].lower(): row[1] for row in report["table"]["rows"]} == {
        name: exact(sum(all_of) / len(all_of), "USD") for name, all_of in cents.items()
    }


@pytest.mark.parametrize("request_name", REQUESTS)
def test_sql_that_is_shown_gives_the_figures_by_hand(address, request_name):
    report = answered(address, request_name)
    connection = sqlite3.connect(address)
    assert report["sql"] and all(connection.execute(sql).fetchall() for sql in report["sql"])


def test_numbers_of_texts_are_those_of_the_data(address, paid):
    report = answered(address, "monthly_sales")
    now, then = sums(paid, MONTHS), sums(paid, BEFORE)
    growth = percent(sum(now) / sum(then) - 1)
    allowed = {money(cents, "USD") for cents in [*now, *then, sum(now), sum(then)]} | {growth, "2025", "2024"}
    assert growth in report["finding"]
    words = report["finding"].replace(";", "").split()
    assert all(word in allowed for word in words if any(sign.isdigit() for sign in word))


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=30))
def test_rounded_shares_add_up_to_exactly_a_hundred(counts):
    shares = rounded_shares(counts)
    assert sum(round(10 * share) for share in shares) == (1000 if sum(counts) else 0)
    assert all(
        abs(share - 100 * count / max(1, sum(counts))) < 0.11 for share, count in zip(shares, counts, strict=True)
    )


@pytest.mark.parametrize(
    ("merchant", "start", "end", "told"),
    [
        ("Aurora Hom", *YEAR, "nearest are: Aurora Home"),
        ("Zzyzx", *YEAR, "there are: Aurora Home, Bluepeak Outdoors"),
        ("x" * 300, *YEAR, "expected a merchant"),
        ("'; DROP TABLE orders; --", *YEAR, "expected a merchant"),
        ("Aurora Home", "2025-12-31", "2025-01-01", "start before the end"),
        ("Aurora Home", "2031-01-01", "2031-12-31", "in the future"),
        ("Aurora Home", "2025-02-30", "2025-03-01", "expected a date"),
        ("Aurora Home", "1900-01-01", "2025-12-31", "at most 60 months"),
        ("Aurora Home", "2019-01-01", "2019-12-31", "there are some from 2023-"),
    ],
)
def test_what_can_not_be_answered_is_said(address, merchant, start, end, told):
    with pytest.raises(ToolError, match="expected") as error:
        requests.brief(address, merchant, start, end, TODAY)
    assert told in str(error.value) and len(str(error.value)) < 400


def test_merchant_is_found_whatever_the_case_and_blanks(address):
    assert requests.brief(address, "  aurora   HOME ", *YEAR, TODAY)["merchant"] == "Aurora Home"


def test_months_without_orders_are_zero_and_told(tmp_path: Path):
    orders = [
        (1, 1000, "pay in 3", "paid", "2025-01-05 10:00:00"),
        (1, 3000, "pay in 4", "paid", "2025-03-05 10:00:00"),
    ]
    address = made(tmp_path / "o.sqlite", orders)
    brief = requests.brief(address, "Elm", "2025-01-01", "2025-03-31", TODAY)
    assert any("2025-02" in note for note in brief["notes"])
    for name in REQUESTS:
        requests.report(address, "Elm", "2025-01-01", "2025-03-31", request=name, today=TODAY)
    sales = requests.report(address, "Elm", "2025-01-01", "2025-03-31", request="monthly_sales", today=TODAY)
    assert series(sales)["January to March 2025"] == [10.0, 0.0, 30.0]
    means = requests.report(address, "Elm", "2025-01-01", "2025-03-31", request="average_order_value", today=TODAY)
    assert next(iter(series(means).values())) == [10.0, None, 30.0]


def test_amounts_that_are_negative_or_missing_are_left_out_and_counted(tmp_path: Path):
    day = "2025-01-05 10:00:00"
    orders = [(1, cents, "pay in 3", "paid", day) for cents in (1000, None, -500)]
    address = made(tmp_path / "o.sqlite", [*orders, (1, 9000, "pay in 3", "refunded", day)])
    brief = requests.brief(address, "Elm", "2025-01-01", "2025-01-31", TODAY)
    assert brief["orders"] == 1 and any(note.startswith("2 paid orders have no usable") for note in brief["notes"])
    report = requests.report(address, "Elm", "2025-01-01", "2025-01-31", request="monthly_sales", today=TODAY)
    assert report["table"]["rows"][-1][1] == "€10.00"


def test_unknown_ages_genders_and_many_products_are_told_as_such(tmp_path: Path):
    orders = [(n % 3 + 1, 100 * n, f"plan {n}", "paid", "2025-01-05 10:00:00") for n in range(1, 12)]
    people = [(None, "", "North"), ("25-34", "female", None), ("25-34", "male", "South")]
    address = made(tmp_path / "o.sqlite", orders, people=people)
    report = requests.report(address, "Elm", "2025-01-01", "2025-01-31", request="user_demographics", today=TODAY)
    assert "unknown" in series(report) and report["chart"]["data"]["x"] == ["25-34", "unknown"]
    report = requests.report(address, "Elm", "2025-01-01", "2025-01-31", request="sales_by_product", today=TODAY)
    assert len(series(report)) == 6 and "all others" in series(report)


def test_database_without_the_tables_is_refused_by_name(tmp_path: Path):
    path = tmp_path / "other.sqlite"
    sqlite3.connect(path).execute("CREATE TABLE merchants (id, name)").connection.close()
    with pytest.raises(ToolError, match="table customers, table orders"):
        requests.merchants(str(path))
    with pytest.raises(ToolError, match=r"none\.sqlite"):
        requests.merchants(str(tmp_path / "none.sqlite"))


def test_database_can_not_be_changed_by_a_name(address):
    before = Path(address).read_bytes()
    with pytest.raises(ToolError):
        requests.brief(address, "x' OR '1'='1", *YEAR, TODAY)
    assert Path(address).read_bytes() == before


def test_periods_know_the_same_days_a_year_before():
    assert period("2024-02-29", "2024-02-29", TODAY).before == Period(dt.date(2023, 2, 28), dt.date(2023, 2, 28))
    assert period(*YEAR, TODAY).before.words == "January to December 2024"
    assert period("2025-01-15", "2025-02-14", TODAY).words == "15 January 2025 to 14 February 2025"


def test_numbers_that_are_not_in_the_data_are_found(address):
    report = answered(address, "monthly_sales")
    assert wrong_numbers(f"{report['finding']}. {report['paragraph']}", report) == []
    assert wrong_numbers("Sales grew 77.7% in 2025", report) == ["77.7"]


def every(address: str, *days: str, merchant: str = "Elm") -> dict[str, requests.Report]:
    return {name: requests.report(address, merchant, *days, request=name, today=TODAY) for name in REQUESTS}


def test_a_year_that_began_in_its_middle_is_not_compared_with(tmp_path: Path):
    orders = [(1, 1000, "pay in 3", "paid", f"{y}-{m:02d}-05") for y in (2024, 2025) for m in range(1, 13)][3:]
    address = made(tmp_path / "o.sqlite", orders)
    reports = every(address, *YEAR)
    assert reports["monthly_sales"]["finding"] == "Sales reached €120; January 2025 was strongest"
    assert [fact["label"] for fact in reports["monthly_sales"]["facts"]] == ["Sales"]
    assert series(reports["monthly_sales"])["a year before"] == [None] * 3 + [10.0] * 9
    assert not any("year before" in report["finding"] for report in reports.values())
    notes = requests.brief(address, "Elm", *YEAR, TODAY)["notes"]
    assert notes == ["The first paid orders are of April 2024, so totals are not compared with the year before."]


def test_one_customer_with_one_order_reads_well(tmp_path: Path):
    address = made(tmp_path / "o.sqlite", [(1, 12_345, "pay in 3", "paid", "2025-05-03")])
    reports = every(address, "2025-05-01", "2025-05-31")
    assert {name: report["chart"]["kind"] for name, report in reports.items() if name != "orders_by_product"} == (
        dict.fromkeys([name for name in REQUESTS if name != "orders_by_product"], "barh")
    )
    texts = " ".join(report["paragraph"] for report in reports.values())
    assert "1 order brought" in texts and "1 customer ordered" in texts and "1 was a first order" in texts
    assert all("A year before" not in report["table"]["columns"] for report in reports.values())


def test_many_months_are_lines_and_long_names_stay_apart(tmp_path: Path):
    orders = [
        (1, 10**11, f"a product with a long name that ends in {n}", "paid", f"{2021 + n % 5}-01-05") for n in range(40)
    ]
    reports = every(made(tmp_path / "o.sqlite", orders), "2021-01-01", "2025-12-31")
    assert {reports[name]["chart"]["kind"] for name in ("monthly_sales", "orders_by_user_type")} == {"line"}
    assert reports["monthly_sales"]["facts"][0]["value"] == "€40.00B"
    for report in reports.values():
        names = [*series(report), *report["chart"]["data"]["x"]]
        assert len(names) == len(set(names)) and max(map(len, names)) <= 28, names
    assert len(reports["order_value_by_product"]["chart"]["data"]["x"]) == 8
    assert len(reports["order_value_by_product"]["table"]["rows"]) == 20


def test_orders_of_nothing_are_a_deck_too(tmp_path: Path):
    address = made(tmp_path / "o.sqlite", [(1, 0, "pay in 3", "paid", "2025-05-03")])
    assert every(address, *YEAR)["sales_by_product"]["finding"] == "Pay in 3 brings 0.0% of sales"
