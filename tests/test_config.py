"""Where settings come from, and that every one explains itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from planloom.cli import template
from planloom.config import Config
from planloom.errors import ConfigError
from planloom.settings import FLAGS, fields, load, value_at, variable_of

REPOSITORY = Path(__file__).parent.parent


def written(folder: Path, text: str, name: str = "planloom.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def failure(folder: Path, text: str = "", **options: Any) -> str:
    if text:
        written(folder, text)
    with pytest.raises(ConfigError) as caught:
        load(environ=options.pop("environ", {}), folder=folder, **options)
    return str(caught.value)


def test_without_a_file_every_value_is_the_default(tmp_path: Path) -> None:
    loaded = load(environ={"HOME": "/nowhere"}, folder=tmp_path)
    assert loaded.config == Config()
    assert loaded.file is None
    assert set(loaded.origins.values()) == {"default"}
    assert set(loaded.origins) == set(fields())


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    written(tmp_path, "performance:\n  max_parallel_steps: 2\n  schedule: generations\n  worker_processes: 3\n")
    environ = {"PLANLOOM_PERFORMANCE__SCHEDULE": "sequential", "PLANLOOM_PERFORMANCE__MAX_PARALLEL_STEPS": "7"}
    loaded = load(environ=environ, folder=tmp_path, overrides={"performance.max_parallel_steps": 9})
    assert loaded.config.performance.max_parallel_steps == 9
    assert loaded.config.performance.schedule == "sequential"
    assert loaded.config.performance.worker_processes == 3
    assert loaded.origins["performance.max_parallel_steps"] == "--max-parallel"
    assert loaded.origins["performance.schedule"] == "PLANLOOM_PERFORMANCE__SCHEDULE"
    assert loaded.origins["performance.worker_processes"] == "planloom.yaml:4"
    assert loaded.origins["execution.seed"] == "default"


def test_a_flag_that_was_not_given_changes_nothing(tmp_path: Path) -> None:
    loaded = load(environ={}, folder=tmp_path, overrides={"limits.wall_s": None})
    assert loaded.origins["limits.wall_s"] == "default"


def test_another_programs_config_yaml_is_left_alone(tmp_path: Path) -> None:
    written(tmp_path, "workers: 12\nport: 80\n", "config.yaml")
    assert load(environ={}, folder=tmp_path).file is None


def test_config_yaml_with_our_key_is_read_and_planloom_yaml_wins(tmp_path: Path) -> None:
    shared = written(tmp_path, "planloom: 1\nout: here\n", "config.yaml")
    assert load(environ={}, folder=tmp_path).config.out == "here"
    assert load(environ={}, folder=tmp_path).file == shared
    written(tmp_path, "out: there\n")
    assert load(environ={}, folder=tmp_path).config.out == "there"


def test_the_file_of_the_flag_wins_over_that_of_the_environment(tmp_path: Path) -> None:
    written(tmp_path, "out: by-flag\n", "a.yaml")
    written(tmp_path, "out: by-variable\n", "b.yaml")
    environ = {"PLANLOOM_CONFIG": "b.yaml"}
    assert load(environ=environ, folder=tmp_path).config.out == "by-variable"
    assert load(Path("a.yaml"), environ=environ, folder=tmp_path).config.out == "by-flag"


def test_a_missing_file_that_was_asked_for_is_an_error(tmp_path: Path) -> None:
    assert "PLANLOOM_CONFIG: expected a YAML file, got 'no.yaml'" in failure(
        tmp_path, environ={"PLANLOOM_CONFIG": "no.yaml"}
    )
    assert failure(tmp_path, path=Path("no.yaml")).startswith("--config: expected a YAML file")


def test_an_empty_file_and_an_empty_section_mean_defaults(tmp_path: Path) -> None:
    written(tmp_path, "performance:\n  # max_parallel_steps: 2\n")
    assert load(environ={}, folder=tmp_path).config == Config()
    written(tmp_path, "# nothing yet\n")
    assert load(environ={}, folder=tmp_path).config == Config()


@pytest.mark.parametrize("word", ["off", "background", "blocking"])
def test_off_stays_a_word_where_a_word_is_expected(tmp_path: Path, word: str) -> None:
    written(tmp_path, f"verification:\n  verify: {word}\n")
    assert load(environ={}, folder=tmp_path).config.verification.verify == word


@pytest.mark.parametrize(("word", "value"), [("off", False), ("no", False), ("false", False), ("on", True)])
def test_switches_take_every_usual_word(tmp_path: Path, word: str, value: bool) -> None:
    written(tmp_path, f"features:\n  step_batching: {word}\n")
    assert load(environ={}, folder=tmp_path).config.features.step_batching is value


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a: 1\nperformance:\n  schedule: dataflow\n", ("'a'", "planloom.yaml:1", "planloom doctor")),
        (
            "performance:\n  max_paralel_steps: 2\n",
            ("'performance.max_paralel_steps'", "planloom.yaml:2", "did you mean 'performance.max_parallel_steps'?"),
        ),
        ("schedule: sequential\n", ("'schedule'", "did you mean 'performance.schedule'?")),
        ("performence:\n  schedule: dataflow\n", ("did you mean 'performance'?", "planloom.yaml:1")),
        (
            "out: x\nperformance:\n  max_parallel_steps: many\n",
            ("performance.max_parallel_steps: expected a whole number, at least 0", "got 'many'", "planloom.yaml:3"),
        ),
        ("performance:\n  worker_processes: 100\n", ("at least 1, at most 64", "got 100")),
        ("performance:\n  schedule: waves\n", ("one of dataflow, generations, sequential", "got 'waves'")),
        ("limits:\n  per_tool:\n    http.get: fast\n", ("limits.per_tool: expected names with whole numbers", "fast")),
        ("performance: 5\n", ("performance: expected keys with values, got 5", "planloom.yaml:1")),
        ("- out\n", ("expected keys with values", "planloom.yaml:1")),
        ("out: a\nworkspace: b\nout: c\n", ("out: expected it once", "planloom.yaml:3")),
        ("out: [a\nworkspace: b\n", ("expected YAML, got an error at this line", "planloom.yaml:2")),
        ("planloom: 2\n", ("planloom: expected 1", "got 2")),
        ("out: !!python/object/apply:os.getcwd []\n", ("expected YAML", "planloom.yaml:1")),
    ],
)
def test_a_mistake_in_the_file_names_key_expected_got_and_line(
    tmp_path: Path, text: str, parts: tuple[str, ...]
) -> None:
    message = failure(tmp_path, text)
    assert all(part in message for part in parts), message


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    message = failure(tmp_path, "performance:\n  schedule: x\n  max_parallel_steps: -1\n")
    assert len(message.splitlines()) == 2


def test_an_unknown_variable_names_the_nearest(tmp_path: Path) -> None:
    message = failure(tmp_path, environ={"PLANLOOM_PERFORMANCE__SCEDULE": "x"})
    assert "'PLANLOOM_PERFORMANCE__SCEDULE'" in message
    assert "did you mean 'PLANLOOM_PERFORMANCE__SCHEDULE'?" in message


def test_a_wrong_variable_is_the_origin_of_its_error(tmp_path: Path) -> None:
    message = failure(tmp_path, environ={"PLANLOOM_LIMITS__WALL_S": "soon"})
    assert "limits.wall_s: expected a number, at least 0, got 'soon' (PLANLOOM_LIMITS__WALL_S)" in message


def test_lists_and_mappings_come_from_variables(tmp_path: Path) -> None:
    environ = {
        "PLANLOOM_TOOLS__MODULES": "a.py, b.py",
        "PLANLOOM_PLAYBOOKS__FOLDERS": '["x,y"]',
        "PLANLOOM_LIMITS__PER_TOOL": '{"http.get": 2}',
        "PLANLOOM_FEATURES__STEP_BATCHING": "off",
    }
    config = load(environ=environ, folder=tmp_path).config
    assert config.tools.modules == ["a.py", "b.py"]
    assert config.playbooks.folders == ["x,y"]
    assert config.limits.per_tool == {"http.get": 2}
    assert config.features.step_batching is False
    assert "as JSON" in failure(tmp_path, environ={"PLANLOOM_LIMITS__PER_TOOL": "http.get=2"})


@pytest.mark.parametrize("key", sorted(fields()))
def test_every_setting_has_a_variable_that_reaches_it(tmp_path: Path, key: str) -> None:
    value = value_at(Config(), key)
    given = {list: "[]", dict: "{}", type(None): "", SecretStr: "sk-1"}.get(type(value), str(value))
    assert load(environ={variable_of(key): given}, folder=tmp_path).origins[key] == variable_of(key)


@pytest.mark.parametrize("key", sorted(fields()))
def test_every_setting_explains_itself_and_what_zero_does(key: str) -> None:
    info = fields()[key]
    description = info.description or ""
    assert description.endswith(".")
    assert len(description) > 20
    if info.annotation in (int, float):
        least = min((getattr(rule, "ge", 1) for rule in info.metadata), default=0)
        takes_zero = least <= 0
        assert ("0:" in description) == takes_zero, description


def test_secrets_are_in_no_message(tmp_path: Path) -> None:
    message = failure(tmp_path, "models:\n  api_key: {sk-very: secret}\n")
    assert message == "models.api_key: expected text, got something else (planloom.yaml:2)"
    written(tmp_path, "models:\n  api_key: sk-very-secret\n")
    loaded = load(environ={}, folder=tmp_path)
    assert loaded.config.models.api_key.get_secret_value() == "sk-very-secret"
    assert "sk-very" not in repr(loaded)


def test_flags_belong_to_settings() -> None:
    assert set(FLAGS) <= set(fields())


def test_the_shipped_file_is_the_text_made_from_the_models() -> None:
    assert (REPOSITORY / "config.yaml").read_text(encoding="utf-8") == template.text(), (
        "config.yaml is out of date: run `planloom doctor --template > config.yaml`"
    )


def test_the_shipped_file_sets_every_key_to_its_default() -> None:
    loaded = load(REPOSITORY / "config.yaml", environ={})
    assert loaded.config == Config()
    assert all(origin.startswith("config.yaml:") for origin in loaded.origins.values())
    assert max(map(len, template.text().splitlines())) <= 120


def test_openai_variables_count_unless_something_is_said_to_us(tmp_path: Path) -> None:
    environ = {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1", "OPENAI_API_KEY": "k1"}
    loaded = load(environ=environ, folder=tmp_path)
    assert (loaded.config.models.base_url, loaded.origins["models.base_url"]) == (
        "http://127.0.0.1:1/v1",
        "OPENAI_BASE_URL",
    )
    assert loaded.config.models.api_key.get_secret_value() == "k1"
    loaded = load(environ=environ | {"PLANLOOM_MODELS__API_KEY": "k2"}, folder=tmp_path)
    assert loaded.config.models.api_key.get_secret_value() == "k2"
