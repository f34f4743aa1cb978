"""What JSON schemas ask of one value: bounds, formats, references and merged parts, as pure functions."""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ._pattern import matching_text
from ._types import ApiError

Schema = Mapping[str, Any]

_CHECKED = re.compile(
    r'"(?:pattern|uniqueItems|not|if|contains|multipleOf|patternProperties|minProperties|oneOf|dependent\w+|'
    r'propertyNames|unevaluated\w+)":'
)
_FORMATS: Mapping[str, tuple[str, str]] = {  # format → (what a value looks like, a value when none is found)
    "date": (r"\d{4}-\d{2}-\d{2}", "2025-01-01"),
    "date-time": (r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})", "2025-01-01T00:00:00Z"),
    "time": (r"\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})?", "00:00:00Z"),
    "duration": (r"P(?=.)[\dYMWDTHS.]+", "P1D"),
    "email": (r"[\w.+-]+@[\w-]+(\.[\w-]+)+", "nobody@example.com"),
    "hostname": (r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", "example.com"),
    "ipv4": (r"\d{1,3}(\.\d{1,3}){3}", "192.0.2.1"),
    "ipv6": (r"[0-9a-fA-F:]{3,}", "2001:db8::1"),
    "uri": (r"https?://\S+", "https://example.com/"),
}
_REMOTE = re.compile(r'"\$ref": "(?!#)')
_MOST_STEPS = 20  # from one reference to the next
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def fit_text(text: str, schema: Schema, elsewhere: str) -> str:
    """``text`` made to keep format, pattern and length; a pattern is looked for in ``elsewhere`` too."""
    shape = schema.get("format")
    if shape == "uuid":
        text = text if _UUID.fullmatch(text) else str(uuid.uuid5(uuid.NAMESPACE_OID, text))
    elif shape in _FORMATS:
        looks, instead = _FORMATS[str(shape)]
        text = text if re.fullmatch(looks, text) else instead
    if "pattern" in schema:
        return matching_text(str(schema["pattern"]), (text, elsewhere), schema)
    least, most = int(schema.get("minLength", 0)), schema.get("maxLength")
    if len(text) < least:
        text = (f"{text} " * (least // (len(text) + 1) + 1))[:least].strip().ljust(least, ".")
    return text if most is None else text[: int(most)]


def fit_number(value: float, schema: Schema) -> float | int:
    """The number nearest to ``value`` that keeps type, bounds and ``multipleOf``."""
    is_whole = schema.get("type") == "integer"
    step = schema.get("multipleOf") or (1 if is_whole else None)
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    nudge = step or 1e-6
    if isinstance(schema.get("exclusiveMinimum"), (int, float)):
        low = max(low, schema["exclusiveMinimum"] + nudge)
    if isinstance(schema.get("exclusiveMaximum"), (int, float)):
        high = min(high, schema["exclusiveMaximum"] - nudge)
    if low > high:
        raise impossible(f"no number lies between {low} and {high}")
    value = min(max(value, low), high)
    if step:
        value = round(value / step) * step
        value = value + step if value < low else value - step if value > high else value
    if is_whole or (step and float(step).is_integer()):
        return int(value)
    return float(value)


def needs_check(schema: Schema) -> bool:
    """True when a schema says things that these rules may miss, so that the result has to be validated."""
    return _CHECKED.search(json.dumps(schema, default=str)) is not None


def check(value: Any, schema: Schema) -> None:
    """Raise ApiError 400 when ``value`` breaks ``schema``."""
    import fastjsonschema  # comes with nbformat; jsonschema does too, and takes a second to import

    if _REMOTE.search(json.dumps(schema, default=str)):
        raise impossible("it refers to another document, and this server asks nobody")
    try:
        fastjsonschema.compile(_as_draft_7(schema), use_default=False, use_formats=False)(value)
    except fastjsonschema.JsonSchemaException as error:
        raise impossible(str(error)) from None


def _as_draft_7(schema: Any) -> Any:
    """The schema with tuples as draft 7 has them, which is as new as fastjsonschema knows."""
    if isinstance(schema, list):
        return [_as_draft_7(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    made = {key: _as_draft_7(item) for key, item in schema.items()}
    if "prefixItems" in made:
        made["additionalItems"] = made.pop("items", True)
        made["items"] = made.pop("prefixItems")
    return made


def impossible(reason: str) -> ApiError:
    """The error for a schema that these rules cannot fill in."""
    text = f"The offline model cannot build a document for this JSON schema: {reason}."
    text = f"{text} Answer this prompt with a Rule(text=...)."
    return ApiError(400, text, param="response_format", code="unsupported_schema")


def under(outer: Schema, inner: Any) -> Any:
    """``inner`` with what ``outer`` says beside it (a description beside a reference, say)."""
    return {**outer, **inner} if isinstance(inner, Mapping) else inner


def merged(schema: Schema, resolve: Callable[[str], Any]) -> dict[str, Any]:
    """A schema and its ``allOf`` parts as one; properties and required fields add up."""
    made = {key: item for key, item in schema.items() if key != "allOf"}
    for part in schema["allOf"]:
        for _ in range(_MOST_STEPS):
            if not (isinstance(part, Mapping) and "$ref" in part):
                break
            rest = {key: item for key, item in part.items() if key != "$ref"}
            part = under(rest, resolve(str(part["$ref"])))
        else:
            raise impossible("a reference leads back to itself")
        if isinstance(part, Mapping) and "allOf" in part:
            part = merged(part, resolve)
        if isinstance(part, Mapping):
            properties = {**made.get("properties", {}), **part.get("properties", {})}
            required = [*made.get("required", ()), *part.get("required", ())]
            made = {**made, **part}
            if properties:
                made["properties"] = properties
            if required:
                made["required"] = required
    return made


def guess(schema: Schema) -> str:
    """The type of a schema that does not say it."""
    for key, kind in (
        ("properties", "object"),
        ("items", "array"),
        ("prefixItems", "array"),
        ("minimum", "number"),
    ):
        if key in schema:
            return kind
    return "object" if "additionalProperties" in schema or "required" in schema else "string"


def is_null(schema: Any) -> bool:
    """True for the alternative that allows only null."""
    return isinstance(schema, Mapping) and (schema.get("type") == "null" or schema.get("enum") == [None])


def ref_of(schema: Any) -> str:
    """What a schema refers to, or ""."""
    return str(schema.get("$ref", "")) if isinstance(schema, Mapping) else ""


def without_repeats(values: Sequence[Any]) -> list[Any]:
    """The values in order, each once."""
    made: list[Any] = []
    for value in values:
        if value not in made:
            made.append(value)
    return made


def varied(value: Any, number: int) -> Any:
    """Another value of the same kind, for arrays whose items must differ."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        return value + number
    return f"{value} {number + 1}" if isinstance(value, str) else value
