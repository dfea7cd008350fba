from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from planloom import Config, Planloom
from planloom.errors import InputError, PlanError, UsageError
from planloom.orchestrator.planning.lint import lint
from planloom.orchestrator.planning.plan import Reference, children, follow, resolve
from planloom.orchestrator.planning.planner import Goal, PlaybookPlanner
from planloom.orchestrator.planning.playbooks import Library, Playbook, load

TODAY = date(2025, 5, 14)
GREETING = """\
playbook: 1
name: greeting
purpose: Greets people.
examples:
  - Greet Ada and Grace
  - Say good morning to Ada
keywords: [greeting, welcome]
inputs:
  people: {type: list, description: Whom to greet, find: ["greet {value}", "morning to {value}"]}
  period: {type: date_range, default: this month}
steps:
  - id: greet
    for_each: "${inputs.people}"
    action: text.greet
    parameters: {name: "${item}", from: "${inputs.period.start}"}
  - id: letter
    action: text.join
    parameters: {title: "For ${inputs.people}", lines: "${greet}"}
answer: |
  ${letter.text} for ${inputs.people}
"""


def written(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def greeting(tmp_path: Path) -> Playbook:
    return load(written(tmp_path, "greeting.yaml", GREETING))


def test_a_playbook_becomes_a_plan_with_the_inputs_of_the_goal(greeting: Playbook) -> None:
    plan = greeting.plan("Greet Ada and Grace for January 2025", {}, TODAY)
    assert plan.goal == "Greet Ada and Grace for January 2025"
    assert plan.inputs == {"people": ["Ada", "Grace"], "period": {"start": "2025-01-01", "end": "2025-01-31"}}
    assert [step.id for step in plan.steps] == ["greet", "letter"]
    assert plan.answer == "${letter.text} for ${inputs.people}\n"


def test_without_a_goal_the_purpose_is_the_goal(greeting: Playbook) -> None:
    assert greeting.plan(" ", {"people": "Ada"}, TODAY).goal == "Greets people."


def test_text_of_the_goal_never_becomes_a_reference(greeting: Playbook) -> None:
    sly = 'greet "${letter.text}" and "$${inputs.period}"'
    plan = greeting.plan(sly, {}, TODAY)
    names = ["${letter.text}", "$${inputs.period}"]
    assert plan.inputs["people"] == names

    def lookup(reference: Reference) -> Any:
        assert reference.step == "inputs"
        return follow(dict(plan.inputs), reference.path)

    made = children(plan.steps[0], names)
    assert [resolve(step.parameters, lookup)["name"] for step in made] == names
    assert resolve("${inputs.people[0]}", lookup) == "${letter.text}"


def test_the_first_folder_wins_and_the_names_are_in_order(tmp_path: Path) -> None:
    written(tmp_path / "mine", "b.yaml", GREETING.replace("Greets people", "Mine"))
    written(tmp_path / "mine", "a.yml", GREETING.replace("name: greeting", "name: another"))
    written(tmp_path / "theirs", "c.yaml", GREETING.replace("Greets people", "Theirs"))
    written(tmp_path / "theirs", "notes.txt", "no playbook")
    library = Library([tmp_path / "mine", tmp_path / "theirs"], built_in=False)
    assert library.names() == ["another", "greeting"]
    assert library.get("greeting").purpose == "Mine."
    assert library.problems == ()


def test_one_bad_file_is_reported_and_does_not_stop_the_others(tmp_path: Path) -> None:
    written(tmp_path, "good.yaml", GREETING)
    bad = written(tmp_path, "bad.yaml", GREETING.replace("action: text.join", "acton: text.join"))
    library = Library([tmp_path, tmp_path / "missing"], built_in=False)
    assert library.names() == ["greeting"]
    assert [problem.path for problem in library.problems] == [bad, tmp_path / "missing"]
    assert "line 17" in str(library.problems[0])
    assert "did you mean 'action'?" in str(library.problems[0])
    assert "expected a folder with playbooks" in str(library.problems[1])
    with pytest.raises(PlanError, match="did you mean 'action'"):
        library.get("bad")


def test_two_of_one_name_in_a_folder_are_a_problem(tmp_path: Path) -> None:
    written(tmp_path, "a.yaml", GREETING)
    written(tmp_path, "b.yaml", GREETING)
    library = Library([tmp_path], built_in=False)
    assert library.names() == ["greeting"]
    assert "a name of its own, got 'greeting', as a.yaml" in str(library.problems[0])


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("playbook: 1", "playbook: 2", r"greeting.yaml:1: expected playbook: 1, got 2"),
        ("playbook: 1\n", "", r"greeting.yaml:1: expected playbook: 1, got None"),
        ("name: greeting", "name: 5", r"greeting.yaml:2: expected a text as name, got 5"),
        ("name: greeting", "name: a/b", r"greeting.yaml:2: expected a name of letters"),
        ("purpose: Greets people.", "purpose: ", r"greeting.yaml:3: expected a text as purpose"),
        ("keywords:", "keyword:", r"greeting.yaml:7: expected a known key, got 'keyword'; did you mean 'keywords'\?"),
        ("[greeting, welcome]", "greeting", r"greeting.yaml:7: expected a list of texts as keywords"),
        ("type: list", "type: lst", r"greeting.yaml:9: .* the type 'lst'; known are text"),
        ("default: this month", "default: some day", r"greeting.yaml:10: .* default that does not fit"),
        ("name: greeting", "name: greeting\nname: twice", r"greeting.yaml:3: expected each key once"),
        (
            '"For ${inputs.people}"',
            '"For ${inputs.peple}"',
            r"greeting.yaml:18: .* got 'peple'; did you mean 'people'\?",
        ),
        ('"For ${inputs.people}"', '"For ${inputs..}"', r"greeting.yaml:18: expected \.field or \[0\] in 'inputs\.\.'"),
        (
            "text} for ${inputs.people}",
            "text} ${inputs.x_y}",
            r"greeting.yaml:19: .* got 'x_y'; known are people, period",
        ),
        ("steps:\n", "steps: 5\nanswers:\n", r"expected a known key, got 'answers'"),
        ("examples:", "examples: [", r"greeting.yaml:\d+:\d+: expected well-formed YAML"),
    ],
)
def test_a_faulty_file_is_refused_with_file_line_and_finding(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in GREETING
    path = written(tmp_path, "greeting.yaml", GREETING.replace(old, new, 1))
    with pytest.raises(PlanError, match=told) as raised:
        load(path)
    assert raised.value.findings


def test_a_file_that_is_no_object_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="expected an object with playbook: 1"):
        load(written(tmp_path, "list.yaml", "- a\n- b\n"))
    broken = tmp_path / "bytes.yaml"
    broken.write_bytes(b"name: \xff\xfe")
    with pytest.raises(PlanError, match="expected text in UTF-8"):
        load(broken)


def test_an_unknown_name_gets_the_nearest(tmp_path: Path) -> None:
    written(tmp_path, "greeting.yaml", GREETING)
    with pytest.raises(UsageError, match="got 'greting'; did you mean 'greeting'"):
        Library([tmp_path], built_in=False).get("greting")


def test_several_that_fit_are_offered_and_none_is_guessed(tmp_path: Path) -> None:
    written(tmp_path, "a.yaml", GREETING)
    written(tmp_path, "b.yaml", GREETING.replace("name: greeting", "name: greeting-cards"))
    library = Library([tmp_path], built_in=False)
    with pytest.raises(UsageError, match=r"fits 2; choose:\n  --playbook greeting .*\n  --playbook greeting-cards"):
        library.choose("say good morning to Grace", 0.6)


def test_what_fits_none_gets_all_listed_and_a_way_out(tmp_path: Path) -> None:
    written(tmp_path, "a.yaml", GREETING)
    with pytest.raises(UsageError, match="greeting: Greets people") as raised:
        Library([tmp_path], built_in=False).choose("Fly to the moon", 0.6)
    assert "--plan FILE" in str(raised.value)
    with pytest.raises(UsageError, match=r"There are none: set `playbooks.folders`"):
        Library([], built_in=False).choose("Fly to the moon", 0.6)


async def test_the_planner_names_the_playbook_and_asks_for_what_is_missing(tmp_path: Path) -> None:
    written(tmp_path, "a.yaml", GREETING)
    planner = PlaybookPlanner(Library([tmp_path], built_in=False), 0.6)
    proposal = await planner.propose(Goal(text="Say good morning to Ada"))
    assert proposal is not None
    assert proposal.source == "playbook:greeting"
    assert proposal.plan.inputs["people"] == ["Ada"]
    with pytest.raises(InputError, match="Whom to greet") as raised:
        await planner.propose(Goal(text="", playbook="greeting"))
    assert raised.value.name == "people"


def shipped() -> Iterator[Any]:
    for playbook in Library().all():
        for example in playbook.examples:
            yield pytest.param(playbook.name, example, id=f"{playbook.name}: {example}")


def test_every_shipped_playbook_can_be_used() -> None:
    library = Library()
    assert library.problems == ()
    assert {"folder-report", "table-report"} <= set(library.names())


@pytest.mark.parametrize(("name", "example"), list(shipped()))
async def test_every_example_of_a_shipped_playbook_chooses_it_and_has_a_sound_plan(
    tmp_path: Path, name: str, example: str
) -> None:
    playbook = Library().choose(example, 0.6)
    assert playbook.name == name
    loom = Planloom(Config(state=str(tmp_path)))  # with plug-ins and agents
    registry = loom.registry
    found = lint(playbook.plan(example, {}, TODAY), registry.find, names=registry.names)
    await loom.close()
    assert [str(finding) for finding in found if finding.severity == "error"] == []
