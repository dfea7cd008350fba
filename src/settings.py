"""Where the settings come from: flags over environment over a YAML file over the defaults in `config`.

Rule: nothing is read at import; the environment and the folder to search are handed in. Every effective value keeps
its origin, so that a person can be told which line to change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from .config import Config, Group
from .errors import ConfigError

PREFIX = "PLANLOOM_"
FILE_VARIABLE = "PLANLOOM_CONFIG"
VERSION_KEY = "planloom"
OWN_FILE = "planloom.yaml"
SHARED_FILE = "config.yaml"

# the flag that sets a key, for the origin that is shown
FLAGS = {
    "performance.schedule": "--schedule",
    "performance.max_parallel_steps": "--max-parallel",
    "verification.verify": "--verify",
    "limits.wall_s": "--timeout",
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings in force. `origins`: for each dotted key `default`, `FILE:LINE`, a variable or a flag.

    `file` is the YAML file that was read, None when there was none.
    """

    config: Config
    origins: Mapping[str, str]
    file: Path | None


@dataclass(frozen=True, slots=True)
class _Given:
    """One value somebody wrote."""

    key: str
    value: Any
    origin: str


def load(
    path: Path | None = None,
    *,
    environ: Mapping[str, str],
    overrides: Mapping[str, Any] | None = None,
    folder: Path | None = None,
) -> Loaded:
    """The settings in force.

    `path` is the file to read; None: the one that `PLANLOOM_CONFIG` names, else `planloom.yaml` in `folder`, else
    `config.yaml` there if it has the key `planloom: 1`. `overrides` are values by dotted key and win over all; None
    as a value means not given. `folder` None: the working folder.

    Raises:
        ConfigError: a key is unknown or its value does not fit; names the key, expected, got and where it stands.
    """
    file = _file(path, environ, folder or Path.cwd())
    given = [
        *_from_openai(environ),
        *(_from_file(file) if file else ()),
        *_from_environment(environ),
        *_from_overrides(overrides or {}),
    ]
    effective = {item.key: item for item in given}
    origins = dict.fromkeys(fields(), "default") | {item.key: item.origin for item in effective.values()}
    return Loaded(_validated(effective), origins, file)


def fields(group: type[Group] = Config, prefix: str = "") -> dict[str, FieldInfo]:
    """Every setting by its dotted key, in the order of the models; groups themselves are not in it."""
    found: dict[str, FieldInfo] = {}
    for name, info in group.model_fields.items():
        if (inner := subgroup(info)) is not None:
            found |= fields(inner, f"{prefix}{name}.")
        else:
            found[prefix + name] = info
    return found


def subgroup(info: FieldInfo) -> type[Group] | None:
    """The model of a field that is a section, None for a setting."""
    kind = info.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Group) else None


def value_at(config: Config, key: str) -> Any:
    """The value of a dotted key."""
    value: Any = config
    for part in key.split("."):
        value = getattr(value, part)
    return value


def _file(path: Path | None, environ: Mapping[str, str], folder: Path) -> Path | None:
    asked, by = (path, "--config") if path else (environ.get(FILE_VARIABLE), FILE_VARIABLE)
    if asked:
        found = folder / Path(asked).expanduser()
        if not found.is_file():
            raise ConfigError(f"{by}: expected a YAML file, got {str(asked)!r}, which is not a file")
        return found
    if (own := folder / OWN_FILE).is_file():
        return own
    shared = folder / SHARED_FILE
    return shared if shared.is_file() and is_own(shared) else None


def is_own(file: Path) -> bool:
    """Whether a file says by its key `planloom` that it is ours, not another program's."""
    return re.search(rf"^{VERSION_KEY}:", _text(file), re.MULTILINE) is not None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file.name}: expected a readable YAML file in UTF-8, got {error}") from error


def _from_file(file: Path) -> Iterator[_Given]:
    import yaml

    loader = _loader()(_text(file))
    try:
        root = loader.get_single_node()
        if root is None:
            return
        yield from _from_mapping(loader, root, Config, "", file)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{file.name}:{mark.line + 1}" if mark else file.name
        raise ConfigError(f"{where}: expected YAML, got an error at this line: {error.problem}") from error
    finally:
        loader.dispose()


def _loader() -> Any:
    """A safe YAML loader that reads only `true` and `false` as yes and no, so that `verify: off` stays a word."""
    import yaml

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = {
            first: [(tag, rule) for tag, rule in rules if tag != "tag:yaml.org,2002:bool"]
            for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|True|false|False)$"), list("tTfF"))
    return Loader


def _from_mapping(loader: Any, node: Any, group: type[Group], prefix: str, file: Path) -> Iterator[_Given]:
    if not isinstance(node.value, list) or node.id != "mapping":
        if node.id == "scalar" and node.value in ("", "~", "null"):
            return  # a section with every line commented out
        where = f"{file.name}:{node.start_mark.line + 1}"
        got = loader.construct_object(node, deep=True)
        raise ConfigError(f"{prefix.rstrip('.') or 'the file'}: expected keys with values, got {got!r} ({where})")
    seen: set[str] = set()
    for key_node, value_node in node.value:
        name, origin = str(key_node.value), f"{file.name}:{key_node.start_mark.line + 1}"
        if name in seen:
            raise ConfigError(f"{prefix}{name}: expected it once, got it a second time ({origin}); remove one")
        seen.add(name)
        if not prefix and name == VERSION_KEY:
            _check_version(loader.construct_object(value_node), origin)
        elif (info := group.model_fields.get(name)) is None:
            raise _unknown(prefix + name, origin)
        elif (inner := subgroup(info)) is not None:
            yield from _from_mapping(loader, value_node, inner, f"{prefix}{name}.", file)
        else:
            yield _Given(prefix + name, loader.construct_object(value_node, deep=True), origin)


def _check_version(value: Any, origin: str) -> None:
    if value != 1:
        raise ConfigError(f"{VERSION_KEY}: expected 1, the version of this file's keys, got {value!r} ({origin})")


def _from_openai(environ: Mapping[str, str]) -> Iterator[_Given]:
    """The variables that OpenAI's own clients read; anything said to us directly wins over them."""
    for variable, key in (("OPENAI_BASE_URL", "models.base_url"), ("OPENAI_API_KEY", "models.api_key")):
        if value := environ.get(variable, ""):
            yield _Given(key, value, variable)


def _from_environment(environ: Mapping[str, str]) -> Iterator[_Given]:
    known = fields()
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable == FILE_VARIABLE:
            continue
        key = variable.removeprefix(PREFIX).lower().replace("__", ".")
        if key not in known:
            raise _unknown(key, variable, shown=variable)
        yield _Given(key, _from_text(environ[variable], known[key], key, variable), variable)


def variable_of(key: str) -> str:
    """The environment variable that sets a dotted key."""
    return PREFIX + key.upper().replace(".", "__")


def _from_text(text: str, info: FieldInfo, key: str, origin: str) -> Any:
    """A variable's text; lists are JSON or separated by commas, mappings are JSON, the rest is converted later.

    Empty text is None where that is allowed.
    """
    kind = get_origin(info.annotation)
    if type(None) in get_args(info.annotation) and text.strip() in ("", "null"):
        return None
    if kind is list and not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    if kind in (list, dict):
        import json

        try:
            return json.loads(text)
        except ValueError as error:
            raise ConfigError(f"{key}: expected {expected(info)} as JSON, got {text!r} ({origin})") from error
    return text


def _from_overrides(overrides: Mapping[str, Any]) -> Iterator[_Given]:
    known = fields()
    for key, value in overrides.items():
        if key not in known:
            raise _unknown(key, "flags")
        if value is not None:
            yield _Given(key, value, FLAGS.get(key, "flag"))


def _validated(effective: Mapping[str, _Given]) -> Config:
    from pydantic import ValidationError

    nested: dict[str, Any] = {}
    for item in effective.values():
        *groups, name = item.key.split(".")
        section = nested
        for part in groups:
            section = section.setdefault(part, {})
        section[name] = item.value
    try:
        return Config.model_validate(nested)
    except ValidationError as error:
        problems = dict.fromkeys(_told(problem, effective) for problem in error.errors(include_url=False))
        raise ConfigError("\n".join(problems)) from None  # pydantic's own text would show secrets


def _told(problem: Any, effective: Mapping[str, _Given]) -> str:
    place = [str(part) for part in problem["loc"]]
    key = next((k for n in range(len(place), 0, -1) if (k := ".".join(place[:n])) in effective), ".".join(place))
    item = effective[key]
    info = fields()[key]
    if (entry := _entry(info)) is not None and len(place) > len(key.split(".")) + 1:
        return _told_of_entry(problem, entry, place, item.origin)
    got = "something else" if info.annotation is SecretStr else repr(item.value)
    return f"{key}: expected {expected(info)}, got {got} ({item.origin})"


def _entry(info: FieldInfo) -> type[Group] | None:
    """The model of the values of a setting that is a mapping of names to groups, None for others."""
    arguments = get_args(info.annotation)
    kind = arguments[1] if get_origin(info.annotation) is dict else None
    return kind if isinstance(kind, type) and issubclass(kind, Group) else None


def _told_of_entry(problem: Any, entry: type[Group], place: Sequence[str], origin: str) -> str:
    """One fault inside such a mapping; names the key within the entry and never shows a secret."""
    import difflib

    field = next((name for name in entry.model_fields if name in place), "")
    shown = ".".join(place)
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(place[-1], entry.model_fields, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(entry.model_fields)}"
        return f"expected a key of the configuration, got {shown!r} ({origin}); {hint}"
    if not field:
        return f"{shown}: expected keys with values, got {type(problem['input']).__name__} ({origin})"
    info = entry.model_fields[field]
    got = "something else" if SecretStr in get_args(info.annotation) else repr(problem["input"])
    return f"{shown}: expected {expected(info)}, got {got} ({origin})"


def expected(info: FieldInfo) -> str:
    """What values a setting takes, in words: `a whole number, at least 0`."""
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    limits = [
        f"{word} {bound:g}"
        for rule in info.metadata
        for name, word in words.items()
        if (bound := getattr(rule, name, None)) is not None
    ]
    return ", ".join([_kind(info.annotation), *limits])


def _kind(annotation: Any) -> str:
    plain = {int: "a whole number", float: "a number", bool: "true or false", str: "text", SecretStr: "text"}
    if annotation in plain:
        return plain[annotation]
    arguments = get_args(annotation)
    match get_origin(annotation):
        case kind if kind is Literal:
            return "one of " + ", ".join(map(str, arguments))
        case kind if kind is list:
            return f"a list of {_plural(arguments[0])}"
        case kind if kind is dict:
            return f"names with {_plural(arguments[1])}"
        case _:
            return " or ".join("nothing" if part is type(None) else _kind(part) for part in arguments) or "a value"


def _plural(annotation: Any) -> str:
    return {str: "texts", int: "whole numbers", float: "numbers"}.get(annotation, "values")


def _unknown(key: str, origin: str, *, shown: str = "") -> ConfigError:
    near = _nearest(key)
    name = (variable_of(near) if shown else near) if near else ""
    hint = f"; did you mean {name!r}?" if name else "; `planloom doctor` lists every key"
    place = "" if shown else f" ({origin})"
    kind = "a setting's variable" if shown else "a key of the configuration"
    return ConfigError(f"expected {kind}, got {(shown or key)!r}{place}{hint}")


def _nearest(key: str) -> str:
    """The key most like `key`: one that ends in the same name, else the most similar; empty if none is near."""
    import difflib

    last = key.rpartition(".")[2]
    known = list(fields())
    groups = {k.rpartition(".")[0] for k in known} - {""}
    same = [k for k in known if k.rpartition(".")[2] == last]
    return next(iter(same or difflib.get_close_matches(key, [*known, *groups], n=1, cutoff=0.6)), "")
