"""Replies by schema: valid for any schema of the usual kind."""

from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from planloom.models.simulate.schemas import Wishes, value

_LEAVES = st.one_of(
    st.just({"type": "string"}),
    st.builds(
        lambda low, more: {"type": "string", "minLength": low, "maxLength": low + more}, *[st.integers(0, 40)] * 2
    ),
    st.sampled_from(
        [
            {"type": "string", "format": "date"},
            {"type": "string", "pattern": "^[a-z]+$"},
            {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
            {"type": "string", "pattern": "^s[0-9]+$"},
            {"type": "null"},
            {"type": "boolean"},
            {"const": {"a": [1]}},
            {"type": ["string", "null"]},
            {},
        ]
    ),
    st.builds(
        lambda low, more: {"type": "integer", "minimum": low, "maximum": low + more},
        st.integers(-50, 50),
        st.integers(0, 20),
    ),
    st.builds(
        lambda low, more: {"type": "number", "exclusiveMinimum": low, "exclusiveMaximum": low + 1 + more},
        st.integers(-50, 50),
        st.integers(0, 20),
    ),
    st.builds(lambda n: {"type": "integer", "multipleOf": n, "minimum": 1, "maximum": 100}, st.integers(1, 40)),
    st.lists(st.one_of(st.text(max_size=5), st.integers()), min_size=1, max_size=4, unique_by=repr).map(
        lambda options: {"enum": options}
    ),
)


def _objects(inner: Any) -> Any:
    names = st.sampled_from(["id", "name", "reason", "verdict", "passed", "score", "items", "steps", "x"])

    def made(properties: dict[str, Any], closed: bool, all_required: bool) -> dict[str, Any]:
        required = list(properties) if all_required else list(properties)[:1]
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": not closed}

    return st.builds(made, st.dictionaries(names, inner, max_size=4), st.booleans(), st.booleans())


_SCHEMAS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        _objects(inner),
        st.builds(
            lambda items, low, more: {"type": "array", "items": items, "minItems": low, "maxItems": low + more},
            inner,
            st.integers(0, 4),
            st.integers(0, 3),
        ),
        st.builds(lambda one, two: {"anyOf": [one, two]}, inner, inner),
        st.builds(lambda one: {"$defs": {"it": one}, "$ref": "#/$defs/it"}, _LEAVES),
    ),
    max_leaves=8,
)


def _without_definitions(schema: Any) -> Any:
    """Definitions are at the top alone, as in the documents of real requests."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return schema["$defs"]["it"]
        return {key: _without_definitions(inner) for key, inner in schema.items()}
    return [_without_definitions(inner) for inner in schema] if isinstance(schema, list) else schema


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_SCHEMAS, st.integers(0, 1000), st.booleans())
def test_values_are_valid_and_repeat(schema: Any, seed: int, judged: bool) -> None:
    schema = schema if "$ref" in schema else _without_definitions(schema)
    wishes = Wishes(ids=("a", "b"), passes=(lambda: True) if judged else None)
    made = value(schema, Random(seed), wishes)
    assert list(Draft202012Validator(schema).iter_errors(made)) == []
    assert made == value(schema, Random(seed), wishes)


def test_pydantic_models_with_recursion_end() -> None:
    from pydantic import BaseModel

    class Node(BaseModel):
        name: str
        children: list["Node"] = []
        parent: "Node | None" = None

    made = value(Node.model_json_schema(), Random(1))
    assert Node.model_validate(made).name
