"""JSON documents that satisfy a schema."""

from __future__ import annotations

import json
from typing import Any

import jsonschema  # type: ignore[import-untyped] # its stubs are a package of their own
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from spanbook.offline._document import Evidence, document
from spanbook.offline._pattern import matching_text
from spanbook.offline._prompt import Passage
from spanbook.offline._types import ApiError
from tests.offline.asking import HANDBOOK, answer, ask_handbook

EVIDENCE = Evidence(
    question="How many days does ACME-12 take to reach Ada Lovelace in Paris?",
    answer="Shipping takes 3 to 5 days.",
    passages=[Passage("Shipping takes 3 to 5 days.", "shipping.md"), Passage("Paris is served on Mondays.")],
    sources=["shipping.md"],
    is_known=True,
)


def filled(**properties: Any) -> dict[str, Any]:
    """The document for an object with these properties, all required."""
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    made = document(schema, EVIDENCE)
    jsonschema.validate(made, schema)
    return dict(made)


def test_an_answer_with_source_and_confidence() -> None:
    class Answer(BaseModel):
        answer: str
        source: str | None
        days: int
        confidence: float = Field(ge=0, le=1)

    made = ask_handbook("Within how many days are refunds made?", schema=Answer.model_json_schema())
    assert Answer.model_validate_json(made) == Answer(
        answer="Refunds are made within 30 days of purchase.", source="refunds.md", days=30, confidence=1
    )


def test_what_is_not_in_the_text_is_null_or_low() -> None:
    class Answer(BaseModel):
        answer: str
        source: str | None
        confidence: float = Field(ge=0, le=1)

    made = json.loads(ask_handbook("Who founded the company?", schema=Answer.model_json_schema()))
    assert (made["source"], made["confidence"]) == (None, 0)


def test_extraction_fills_fields_by_their_names() -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "city": {"type": "string"}},
    }
    told = answer("Ada Lovelace is 36 years old and lives in London.", schema=schema)
    assert json.loads(told) == {"name": "Ada Lovelace", "age": 36, "city": "London"}


def test_enums_are_looked_for_in_answer_and_text() -> None:
    assert filled(topic={"enum": ["refunds", "shipping"]}) == {"topic": "shipping"}


def test_booleans_follow_the_sentence_that_speaks_of_them() -> None:
    schema = {"type": "object", "properties": {"covers_glass": {"type": "boolean"}}}
    assert json.loads(ask_handbook("Is broken glass covered?", schema=schema)) == {"covers_glass": False}


def test_numbers_keep_their_bounds() -> None:
    made = filled(
        a={"type": "integer", "minimum": 10, "multipleOf": 4},
        b={"type": "number", "exclusiveMaximum": 0},
        c={"type": "number", "minimum": 1, "maximum": 5},
    )
    assert made["a"] == 12
    assert made["b"] < 0
    assert made["c"] == 5


def test_texts_keep_length_format_and_pattern() -> None:
    made = filled(
        code={"type": "string", "pattern": r"^[A-Z]+-\d+$"},
        plate={"type": "string", "pattern": r"^[XYZ]{2}\d{3}$"},
        short={"type": "string", "maxLength": 4},
        long={"type": "string", "minLength": 200},
        id={"type": "string", "format": "uuid"},
        on={"type": "string", "format": "date"},
    )
    assert made["code"] == "ACME-12"
    assert made["plate"] == "XX000"
    assert made["on"] == "2025-01-01"


def test_arrays_have_the_length_asked_for() -> None:
    made = filled(
        days={"type": "array", "items": {"type": "integer"}},
        sources={"type": "array", "items": {"type": "string"}},
        four={"type": "array", "items": {"type": "string"}, "minItems": 4, "uniqueItems": True},
        pair={"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
    )
    assert made["days"] == [3, 5]
    assert made["sources"] == ["shipping.md"]
    assert len(set(made["four"])) == 4


def test_a_list_of_objects_has_one_for_each_passage() -> None:
    fact = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    made = filled(facts={"type": "array", "items": fact})
    assert [item["text"] for item in made["facts"]] == [p.text for p in EVIDENCE.passages]


def test_a_tree_of_itself_ends() -> None:
    class Node(BaseModel):
        name: str
        parent: Node | None
        children: list[Node]

    made = document(Node.model_json_schema(), EVIDENCE)
    assert Node.model_validate(made).children == []


def test_parts_of_all_of_add_up() -> None:
    schema = {
        "allOf": [{"$ref": "#/$defs/A"}, {"properties": {"b": {"type": "integer"}}, "required": ["b"]}],
        "$defs": {"A": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}},
    }
    assert set(document(schema, EVIDENCE)) == {"a", "b"}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "not": {}},
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/nowhere"}}},
        {"$ref": "https://example.com/schema.json"},
        {"type": "string", "pattern": "(?!)x"},
        {"type": "string", "pattern": "("},
        {
            "$ref": "#/$defs/A",
            "$defs": {"A": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/A"}}},
        },
    ],
)
def test_what_cannot_be_built_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as caught:
        document(schema, EVIDENCE)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "pattern", [r"^\d{3}-\d{4}$", r"(a|b)+c?", r"^[^,]{2,5}$", r"\w+@\w+\.com", r"^(\d)x\1$", r"^.{3}\s\S$"]
)
def test_patterns_are_generated(pattern: str) -> None:
    import re

    assert re.search(pattern, matching_text(pattern, (), {}))


_LEAVES = st.one_of(
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.builds(lambda a, b: {"type": "string", "minLength": a, "maxLength": a + b}, *[st.integers(0, 40)] * 2),
    st.builds(
        lambda kind, a, b: {"type": kind, "minimum": a, "maximum": a + b},
        st.sampled_from(["integer", "number"]),
        st.integers(-99, 99),
        st.integers(0, 99),
    ),
    st.lists(st.text(max_size=5), min_size=1, max_size=3).map(lambda values: {"enum": values}),
)
_NAMES = st.sampled_from("answer source name days is_open items score city topic".split())
_SCHEMAS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.builds(
            lambda p: {"type": "object", "properties": p, "required": list(p), "additionalProperties": False},
            st.dictionaries(_NAMES, inner, max_size=4),
        ),
        st.builds(
            lambda item, a, b: {"type": "array", "items": item, "minItems": a, "maxItems": a + b},
            inner,
            st.integers(0, 3),
            st.integers(0, 3),
        ),
        st.lists(inner, min_size=1, max_size=3).map(lambda choices: {"anyOf": choices}),
    ),
    max_leaves=8,
)


@settings(max_examples=60)
@given(_SCHEMAS)
def test_every_document_satisfies_its_schema(schema: dict[str, Any]) -> None:
    jsonschema.validate(document(schema, EVIDENCE), schema)


def test_json_mode_without_a_schema_gives_answer_and_sources() -> None:
    told = answer(f"Answer in JSON.\n\n{HANDBOOK}\n\nQuestion: Are sale items refunded?", is_json=True)
    assert json.loads(told) == {"answer": "Sale items are not refunded.", "sources": ["refunds.md"]}
