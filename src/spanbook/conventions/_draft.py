"""A span while mappers fill it in: the fields found so far, and the attributes that nobody has used yet.

A mapper takes an attribute by its name and only when the value is of the type that the convention says; whatever is
left at the end stays in the span's ``attributes`` as it came. The first mapper to set a field wins, so the order of
the mappers is their precedence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..model import UsageError
from ..model.when import to_ns
from ._parts import Message, parsed_json
from ._usage import as_count
from .otel import OtelEvent, OtelLog, OtelSpan

_MAX_PATH: Final = 12  # names of an indexed attribute: "llm.input_messages.0.message.tool_calls.0.tool_call…"


class Draft:
    """One foreign span on its way to ours."""

    def __init__(self, span: OtelSpan, logs: Sequence[OtelLog] = ()) -> None:
        self.span, self.logs = span, logs
        self.fields: dict[str, Any] = {}
        self.left: dict[str, Any] = dict(span.attributes)
        self.events: list[OtelEvent] = list(span.events)
        #: Set on the span that reports the end of another one's stream (Logfire): the seconds since that one ended.
        self.stream_end: float | None = None

    # -- fields

    def put(self, name: str, value: Any) -> None:
        """Set a field unless it is set, or there is nothing to set."""
        if value is not None and self.fields.get(name) is None:
            self.fields[name] = value

    def put_messages(self, side: str, messages: list[Message] | None) -> None:
        """Set ``input`` or ``output`` to messages, when there are any."""
        if messages:
            self.put(side, messages)

    def add(self, name: str, values: Mapping[str, Any]) -> None:
        """Add to a field that is a mapping (``metadata``, ``model_parameters``); what is in it stays."""
        if values:
            self.fields[name] = {**values, **(self.fields.get(name) or {})}

    def put_usage(self, usage: Mapping[str, int]) -> None:
        """Set the usage; counts that only a later mapper knows (of reasoning, of the cache) are added."""
        if usage:
            self.fields["usage"] = {**usage, **(self.fields.get("usage") or {})}

    def put_tags(self, tags: Any) -> None:
        """Add tags: a list, or one text."""
        given = [tags] if isinstance(tags, str) and tags else tags
        if isinstance(given, (list, tuple)):
            have = self.fields.get("tags") or []
            self.fields["tags"] = [*have, *(str(tag) for tag in given if tag not in have)]

    def put_provider(self, name: str | None) -> None:
        """Set the provider, in small letters as the conventions write them (some clients send "OpenAI")."""
        self.put("provider", name.lower() if name else None)

    def put_ms_to_first_token(self, ms: float | None) -> None:
        """Set the time of the first token from milliseconds after the start."""
        if ms is not None and ms >= 0:
            self.put("first_token_ns", self.span.start_ns + round(ms * 1e6))

    def is_kind(self, *kinds: str) -> bool:
        """Tell whether the span is known to be of one of these kinds."""
        return self.fields.get("kind") in kinds

    # -- attributes

    def has(self, *prefixes: str) -> bool:
        """Tell whether an unused attribute begins with one of these."""
        return any(name.startswith(prefixes) for name in self.left)

    def text(self, *names: str) -> str | None:
        """Take the first of these attributes that is text and not empty."""
        left = self.left
        for name in names:
            value = left.get(name)
            if value and isinstance(value, str):
                del left[name]
                return value
        return None

    def texts(self, *names: str) -> str | None:
        """Take all of these attributes that are text, and return the first: names of one and the same thing."""
        found = [value for name in names if (value := self.text(name)) is not None]
        return found[0] if found else None

    def count(self, *names: str) -> int | None:
        """Take the first of these attributes that is a count."""
        for name in names:
            value = as_count(self.left.get(name))
            if value is not None:
                del self.left[name]
                return value
        return None

    def counts(self, prefix: str, names: Mapping[str, str]) -> dict[str, int]:
        """Take the counts below a prefix that have one of these names; returned by what the names stand for."""
        start = len(prefix)
        found: dict[str, int] = {}
        for name in [name for name in self.left if name.startswith(prefix)]:
            ours, count = names.get(name[start:]), as_count(self.left[name])
            if ours is not None and count is not None:
                found.setdefault(ours, count)
                del self.left[name]
        return found

    def number(self, *names: str) -> float | None:
        """Take the first of these attributes that is a number."""
        for name in names:
            value = self.left.get(name)
            if value is not None and isinstance(value, (int, float)) and not isinstance(value, bool):
                del self.left[name]
                return float(value)
        return None

    def data(self, *names: str) -> Any:
        """Take the first of these attributes that is there: JSON text parsed, other values as they are."""
        for name in names:
            if self.left.get(name) is not None:
                return parsed_json(self.left.pop(name))
        return None

    def mapping(self, *names: str) -> dict[str, Any]:
        """Take the first of these attributes that is an object, or JSON text of one; empty when none is."""
        for name in names:
            value = parsed_json(self.left.get(name))
            if isinstance(value, dict):
                del self.left[name]
                return value
        return {}

    def items(self, *names: str) -> list[Any] | None:
        """Take the first of these attributes that is a list, or JSON text of one."""
        for name in names:
            value = parsed_json(self.left.get(name))
            if isinstance(value, (list, tuple)):
                del self.left[name]
                return list(value)
        return None

    def below(self, prefix: str) -> dict[str, Any]:
        """Take all attributes that begin with ``prefix``; returned by the rest of their names."""
        names = [name for name in self.left if name.startswith(prefix) and len(name) > len(prefix)]
        return {name[len(prefix) :]: self.left.pop(name) for name in names}

    def indexed(self, prefix: str) -> list[Any]:
        """Take the attributes ``prefix.N.name.name…`` as a list of nested values, in the order of N.

        Indices may have gaps and come in any order; a name whose parts are all numbers is a list, too.
        """
        start = f"{prefix}."
        tree = _Branch()
        for name in [name for name in self.left if name.startswith(start)]:
            path = name[len(start) :].split(".")
            if path[0].isdecimal() and len(path) <= _MAX_PATH and _hang(tree, path, self.left[name]):
                del self.left[name]
        found = _listed(tree)
        return found if isinstance(found, list) else []

    # -- events

    def first_event(self, *names: str) -> OtelEvent | None:
        """Return the earliest event of one of these names; it stays."""
        found = [event for event in self.events if event.name in names]
        return min(found, key=lambda event: event.time_ns) if found else None

    def drop_events(self, *names: str) -> None:
        """Take the events of these names that say nothing else."""
        self.events = [event for event in self.events if event.name not in names or event.attributes]


class _Branch(dict[str, Any]):
    """An object made of names with dots, told from an object that a client sent."""


def named_text(given: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """Return the first of these names that has a text, and not an empty one."""
    return next((name for name in names if isinstance(given.get(name), str) and given[name]), None)


def moment_ns(value: Any) -> int | None:
    """Return a moment given as ISO text (JSON quotes around it do no harm); None when it is none."""
    text = parsed_json(value)
    if not isinstance(text, str) or not text[:4].isdecimal():
        return None
    try:
        return to_ns(text, 0)
    except UsageError:
        return None


def _hang(tree: _Branch, path: list[str], value: Any) -> bool:
    """Put a value at its path; False when something else is in the way."""
    for name in path[:-1]:
        branch = tree.setdefault(name, _Branch())
        if not isinstance(branch, _Branch):
            return False
        tree = branch
    if path[-1] in tree:
        return False
    tree[path[-1]] = value
    return True


def _listed(tree: Any) -> Any:
    """Return a tree with lists in place of the objects whose names are all numbers."""
    if not isinstance(tree, _Branch):
        return tree
    inner = {name: _listed(value) for name, value in tree.items()}
    if inner and all(name.isdecimal() for name in inner):
        return [inner[name] for name in sorted(inner, key=lambda name: (len(name.lstrip("0")), name.lstrip("0")))]
    return inner
