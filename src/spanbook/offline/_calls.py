"""Which tools a question asks for, and with which arguments, by stated rules.

A tool is called when a word of the question stands in its name (verbs such as *get* or *find* do not count),
or two words in its description, parameters and enum values, or when it calculates and the question holds
arithmetic. The best tool comes first; another joins it when its name holds a word of the question that the
ones before do not. A search tool is called for any question that nothing else answers. One call is made for
each value when the question names several (*the weather in Paris and London*), at most eight. After the
results, what was called already is not called again, unless the caller requires a call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ._answers import best_sentences
from ._document import Evidence, document
from ._prompt import passages_of, question_of
from ._types import Request, Tool
from ._values import (
    boolean_for,
    contains,
    enum_values,
    identifiers,
    is_identifier,
    name_words,
    number_for,
    numbers,
    quoted,
    strings_for,
)
from ._words import STOPWORDS, stem, stems, words

MOST_CALLS = 8
Call = tuple[str, dict[str, Any]]

_VERBS = frozenset(
    map(
        stem,
        "get list find search fetch lookup look retrieve query create make run do call tool function read "
        "show give check compute calculate".split(),
    )
)
_SEARCHES = frozenset(map(stem, "search retrieve lookup find query retriever browse".split()))
_FOLLOWS = re.compile(r"^\s*(?:and|what about|how about|now|also|then)\b", re.IGNORECASE)
_ARITHMETIC = re.compile(r"\d\s*(?:[+*/^×÷]|-(?!\d{2}-)|plus|minus|times|divided by)\s*\(?\d", re.IGNORECASE)


def next_calls(request: Request) -> list[Call]:
    """The calls to make now; empty when it is time to answer in words."""
    if not request.tools or request.tool_choice == "none":
        return []
    is_forced = request.tool_choice != "auto"
    planned = planned_calls(request)
    done = [(call.name, call.arguments) for message in request.turn() for call in message.tool_calls]
    made = {(name, _canonical(arguments)) for name, arguments in done}
    left = [call for call in planned if (call[0], json.dumps(call[1], sort_keys=True)) not in made]
    if is_forced and not left:
        left = planned[:1]
    return left if request.parallel_tool_calls else left[:1]


def planned_calls(request: Request) -> list[Call]:
    """All calls that the question asks for, made or not."""
    text = request.text_of("user")
    if "\n\n" in text.strip() or len(words(text)) > 60:  # it brings its context along
        text = question_of(request)
    calls: list[Call] = []
    for tool in chosen_tools(request, text):
        calls += [(tool.name, arguments) for arguments in arguments_for(tool, text)]
    return calls[:MOST_CALLS]


def chosen_tools(request: Request, text: str) -> list[Tool]:
    """The tools to call for a question, best first."""
    named = [tool for tool in request.tools if tool.name == request.tool_choice]
    if named:
        return named[:1]
    subject = text
    if _FOLLOWS.match(text):
        earlier = [message.text for message in request.messages if message.role == "user"]
        subject = "\n".join(earlier[-2:])
    asked = set(stems(subject))
    scored = [(_score(tool, asked, subject), -i, tool) for i, tool in enumerate(request.tools)]
    ranked = [(score, tool) for score, _, tool in sorted(scored, key=lambda s: s[:2], reverse=True)]
    chosen: list[Tool] = []
    covered: set[str] = set()
    for score, tool in ranked:
        if score >= 2 and (not chosen or _subjects(tool) & asked - covered):
            chosen.append(tool)
            covered |= _all_words(tool) & asked
    if chosen:
        return chosen
    if request.tool_choice == "required":
        return [ranked[0][1]]
    return _searching(request, subject)


def arguments_for(tool: Tool, text: str) -> list[dict[str, Any]]:
    """Arguments taken from the text: several sets when one text field has several values."""
    properties = tool.parameters.get("properties") or {}
    required = set(tool.parameters.get("required") or ())
    spare = iter(numbers(_without_identifiers(properties, text)))
    made: list[dict[str, Any]] = [{}]
    for name, schema in properties.items():
        values = _values(name, _simple(schema, tool.parameters), text, spare)
        if not values and name in required:
            values = [_fallback(name, schema, tool.parameters, text)]
        if len(values) > 1 and len(made) == 1:
            made = [{**made[0], name: value} for value in values[:MOST_CALLS]]
        elif len(values) == len(made):
            made = [{**arguments, name: value} for arguments, value in zip(made, values, strict=True)]
        elif values:
            made = [{**arguments, name: values[0]} for arguments in made]
    return made


def _without_identifiers(properties: Mapping[str, Any], text: str) -> str:
    """The text without what its identifier fields take, so that an order's number is not also its amount."""
    for name in properties:
        for found in identifiers(name, text) if is_identifier(name) else ():
            text = text.replace(found, " ")
    return text


def _values(name: str, schema: Mapping[str, Any], text: str, spare: Any) -> list[Any]:
    if "enum" in schema:
        return enum_values(schema["enum"], text)
    kind = schema.get("type", "string")
    if kind == "boolean":
        found = boolean_for(name, "", text)
        return [] if found is None else [found]
    if kind in ("integer", "number"):
        value = number_for(name, text)
        value = next(spare, None) if value is None else value
        return [] if value is None else [int(value) if kind == "integer" or value.is_integer() else value]
    if kind == "string":
        return list(dict.fromkeys(quoted(text) or strings_for(name, schema, text)))
    if kind == "array":
        items = schema.get("items") or {}
        found_items = _values(name, items, text, spare) if items.get("type") not in ("array", "object") else []
        if items.get("type") in ("integer", "number"):
            found_items = [int(v) if v.is_integer() else v for v in numbers(text)]
        return [found_items] if found_items else []
    return []


def _fallback(name: str, schema: Any, root: Mapping[str, Any], text: str) -> Any:
    """A required argument that the text does not hold: its default, else what `document` makes of it."""
    if isinstance(schema, Mapping) and "default" in schema:
        return schema["default"]
    simple = _simple(schema, root)
    if simple.get("type") == "integer" and "minimum" not in simple:
        return 1
    if simple.get("type", "string") == "string" and not {"enum", "format", "pattern"} & simple.keys():
        return text.strip()
    whole = {"type": "object", "properties": {name: schema}, "required": [name]}
    definitions = {key: root[key] for key in ("$defs", "definitions") if key in root}
    return document({**whole, **definitions}, Evidence(question=text, answer=text))[name]


def _simple(schema: Any, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """A property's schema without its reference, and without null as an alternative."""
    if not isinstance(schema, Mapping):
        return {}
    reference = str(schema.get("$ref", ""))
    if reference.startswith("#/"):
        target: Any = root
        for part in reference[2:].split("/"):
            target = target.get(part, {}) if isinstance(target, Mapping) else {}
        return _simple(target, root)
    for key in ("anyOf", "oneOf"):
        for choice in schema.get(key, ()):
            if isinstance(choice, Mapping) and choice.get("type") != "null":
                return _simple(choice, root)
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return {**schema, "type": next((kind for kind in kinds if kind != "null"), "null")}
    return schema


def _score(tool: Tool, asked: set[str], text: str) -> int:
    """2 for each word of the name, 2 for each enum value, 1 for each other word that the question shares."""
    subjects = _subjects(tool) & asked
    others = (_all_words(tool) & asked) - subjects
    enums = sum(contains(text, str(value)) is not None for value in _enums(tool.parameters))
    counts = re.search(r"expression|formula|equation|calculat|arithmetic|math", f"{tool.name} {tool.parameters}", re.I)
    return 2 * len(subjects) + len(others) + 2 * enums + (4 if counts and _ARITHMETIC.search(text) else 0)


def _subjects(tool: Tool) -> set[str]:
    return {stem(word) for word in name_words(tool.name) if word not in STOPWORDS} - _VERBS


def _all_words(tool: Tool) -> set[str]:
    described = set(stems(tool.description)) - _VERBS
    for name, schema in (tool.parameters.get("properties") or {}).items():
        described |= {stem(word) for word in name_words(name) if word not in STOPWORDS} - _VERBS
        if isinstance(schema, Mapping):
            described |= set(stems(str(schema.get("description", ""))))
    return described | _subjects(tool)


def _enums(parameters: Mapping[str, Any]) -> list[Any]:
    properties = parameters.get("properties") or {}
    return [v for s in properties.values() for v in _simple(s, parameters).get("enum", ()) if isinstance(v, str)]


def _searching(request: Request, text: str) -> list[Tool]:
    """A search tool, for a question that neither the prompt nor another tool answers."""
    if "?" not in text or any(message.role == "tool" for message in request.turn()):
        return []
    if best_sentences(text, passages_of(request), is_small=False, most=1):
        return []
    return [tool for tool in request.tools if {stem(w) for w in name_words(tool.name)} & _SEARCHES][:1]


def _canonical(arguments: str) -> str:
    try:
        return json.dumps(json.loads(arguments), sort_keys=True)
    except ValueError:
        return arguments
