"""Whether a JSON schema is well formed, asked once when a request comes in, so that its readers need not."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from ._types import ApiError

Schema = Mapping[str, Any]


def read_schema(value: object, name: str) -> Schema:
    """``value`` when it is a JSON schema object; raises ApiError 400 that names the first wrong keyword."""
    if not isinstance(value, Mapping):
        raise ApiError(400, f"Invalid schema for '{name}': {_short(value)} is not an object.", param=name)
    _check(value, name, 0)
    return value


def _check(value: object, name: str, depth: int) -> None:
    if isinstance(value, bool):
        return
    if not isinstance(value, Mapping) or depth > _DEEPEST:
        what = "nested too deeply" if depth > _DEEPEST else f"{_short(value)} is not a schema"
        raise ApiError(400, f"Invalid schema for '{name}': {what}.", param=name)
    for key, item in value.items():
        rule = _KEYWORDS.get(key)
        if rule is not None and not rule[0](item):
            text = f"Invalid schema for '{name}': {key} is {_short(item)}; expected {rule[1]}."
            raise ApiError(400, text, param=name)
        if key in _INNER:
            _check(item, f"{name}.{key}", depth + 1)
        elif key in _INNER_LISTS:
            for i, inner in enumerate(item):
                _check(inner, f"{name}.{key}[{i}]", depth + 1)
        elif key in _INNER_MAPS:
            for label, inner in item.items():
                _check(inner, f"{name}.{key}.{label}", depth + 1)


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_list(value: object) -> bool:
    return isinstance(value, list) and bool(value)


def _is_map(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_type(value: object) -> bool:
    return (isinstance(value, str) and value in _TYPES) or (_is_texts(value) and _is_list(value))


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


_DEEPEST = 100
_TYPES = {"object", "array", "string", "number", "integer", "boolean", "null"}
_INNER = {"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"}
_INNER_LISTS = {"anyOf", "oneOf", "allOf", "prefixItems"}
_INNER_MAPS = {"properties", "$defs", "definitions", "patternProperties"}
_Rule = tuple[Callable[[object], bool], str]
_KEYWORDS: dict[str, _Rule] = {
    "type": (_is_type, "object, array, string, number, integer, boolean, null, or a list of these"),
    "required": (_is_texts, "a list of names"),
    "enum": (_is_list, "a list that is not empty"),
    "multipleOf": (lambda value: _is_number(value) and value > 0, "a number above 0"),  # type: ignore[operator]
    **dict.fromkeys(("minItems", "maxItems", "minLength", "maxLength"), (_is_count, "a whole number from 0")),
    **dict.fromkeys(("minimum", "maximum"), (_is_number, "a number")),
    **dict.fromkeys(("pattern", "format", "$ref"), (_is_text, "a text")),
    **dict.fromkeys(_INNER_LISTS, (_is_list, "a list of schemas that is not empty")),
    **dict.fromkeys(_INNER_MAPS, (_is_map, "an object of schemas")),
}
