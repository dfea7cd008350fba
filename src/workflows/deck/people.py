"""The request about people: who the customers are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from .asking import REST, Asked, chart, fact, largest, named, report, table
from .shapes import Report, Row, Table
from .written import counted, label, listed, percent, rounded_shares

MOST_AGES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Customers by age band (in its order) and gender (largest first); `grid` are percentages that add up to 100.0."""

    ages: list[str]
    genders: list[str]
    grid: dict[str, list[float]]
    total: int

    @property
    def by_age(self) -> dict[str, float]:
        return {age: sum(row) for age, row in self.grid.items()}

    @property
    def by_gender(self) -> dict[str, float]:
        return {gender: sum(row[at] for row in self.grid.values()) for at, gender in enumerate(self.genders)}

    @property
    def largest(self) -> tuple[str, str]:
        """Age and gender of the largest group that has a name."""
        known = [at for at, gender in enumerate(self.genders) if gender != REST] or [0]
        ages = [age for age in self.ages if age != REST] or self.ages
        age, at = max(((age, at) for age in ages for at in known), key=lambda one: self.grid[one[0]][one[1]])
        return age, self.genders[at]


def user_demographics(asked: Asked) -> Report:
    """Who the customers of the period are, in percentages that add up to 100.0."""
    people = _people(asked)
    age, gender = people.largest
    share = people.grid[age][people.genders.index(gender)]
    return report(
        asked,
        "user_demographics",
        "Who the customers are",
        finding=f"{_group(age, gender)} are the largest group: {share:.1f}% of customers",
        paragraph=_told(asked, people),
        facts=[fact("Customers", f"{people.total:,}"), fact(f"{label(gender)}, {age}", f"{share:.1f}%")],
        chart=chart(
            "user_demographics",
            "bar" if len(people.ages) > 1 else "barh",
            "Share of customers by age and gender",
            people.ages,
            {name: [round(people.grid[a][at] / 100, 4) for a in people.ages] for at, name in enumerate(people.genders)},
            value_format="percent",
        ),
        table=_table(people),
    )


def _told(asked: Asked, people: People) -> list[str]:
    regions = {name: int(count) for name, count in _customers(asked, named("c.region"))}
    region = max(sorted(regions), key=lambda name: regions[name])
    by_gender = sorted(people.by_gender.items(), key=lambda one: -one[1])
    ages = sorted(people.by_age.items(), key=lambda one: (-one[1], one[0]))
    return [
        f"{counted(people.total, 'customer')} ordered in {asked.period.words}: "
        f"{listed([f'{share:.1f}% {name}' for name, share in by_gender])}.",
        f"The largest age groups are {listed([f'{name} ({share:.1f}%)' for name, share in ages[:2]])}."
        * (len(ages) > 1),
        f"Most live in {region} ({percent(regions[region] / people.total)})." * (len(regions) > 1),
    ]


def _table(people: People) -> Table:
    rows = [
        [age, *(f"{share:.1f}%" for share in row), f"{people.by_age[age]:.1f}%"] for age, row in people.grid.items()
    ]
    whole = sum(people.by_age.values())
    last = ["All", *(f"{share:.1f}%" for share in people.by_gender.values()), f"{whole:.1f}%"]
    return table(["Age", *map(label, people.genders), "All"], [*rows, last])


def _people(asked: Asked) -> People:
    rows = [(str(a), str(g), int(n)) for a, g, n in _customers(asked, f"{named('c.age_band')}, {named('c.gender')}")]
    by_age, by_gender = Counter[str](), Counter[str]()
    for age, gender, count in rows:
        by_age[age] += count
        by_gender[gender] += count
    bands, shown = largest(by_age, MOST_AGES), largest(by_gender)
    cells = Counter[tuple[str, str]]()
    for age, gender, count in rows:
        cells[bands[age], shown[gender]] += count
    ages = sorted(set(bands.values()), key=lambda age: (age == REST, age == "unknown", age))
    genders = list(dict.fromkeys(shown.values()))
    counts = [cells[age, gender] for age in ages for gender in genders]
    shares, wide = rounded_shares(counts), len(genders)
    grid = {age: shares[at * wide : (at + 1) * wide] for at, age in enumerate(ages)}
    return People(ages=ages, genders=genders, grid=grid, total=sum(counts))


def _customers(asked: Asked, key: str) -> list[Row]:
    return asked.orders.rows(
        f"SELECT {key}, COUNT(DISTINCT o.customer_id) FROM orders o "  # noqa: S608
        f"LEFT JOIN customers c ON c.id = o.customer_id WHERE {asked.usable()} GROUP BY {key} ORDER BY {key}",
        **asked.values,
    )


def _group(age: str, gender: str) -> str:
    people = {"female": "Women", "male": "Men"}.get(gender.lower(), f"Customers of gender {gender}")
    return f"{people} aged {age}" if age != "unknown" else f"{people} of unknown age"
