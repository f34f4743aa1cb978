"""A JSON document that satisfies a JSON schema, filled from the text of a prompt by stated rules.

Fields named like an answer (``answer``, ``summary``, ``reason``...) get the answer a prompt would get without
a schema, fields named like a source get the source of the best passage; others get what ``_values`` finds in
question and passages, else the sentence nearest to the field's name and description, else the answer. What
cannot be found is null where the schema allows it. Numbers keep their bounds, arrays their lengths, patterns
are searched for in the text and generated when they are not there. A schema that asks for what these rules
cannot do (``not``, conditions) is answered with a 400 that says so, never with a document that breaks it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ._prompt import Passage
from ._schema import (
    Schema,
    check,
    fit_number,
    fit_text,
    guess,
    impossible,
    is_null,
    merged,
    needs_check,
    ref_of,
    under,
    varied,
    without_repeats,
)
from ._types import ApiError
from ._values import (
    boolean_for,
    enum_values,
    name_words,
    number_for,
    numbers,
    roots,
    sentence_for,
    strings_for,
)
from ._words import sentences, stem

_ANSWER = roots(
    "answer text summary response reply content output result explanation reasoning reason rationale message "
    "comment justification critique feedback thought thoughts"
)
_SOURCE = roots("source citation reference document doc file")
_ASKED = roots("question query")
_KNOWN = roots("known found answerable supported answered grounded relevant")
_MOST_ITEMS = 3
_DEEPEST = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a document may be filled from."""

    question: str
    answer: str
    passages: Sequence[Passage] = ()
    sources: Sequence[str] = ()  # of the answer, best first
    is_known: bool = False  # some passage answers the question

    @property
    def text(self) -> str:
        """Passages and question, one per line: what was retrieved is looked at first."""
        return "\n".join([*(passage.text for passage in self.passages), self.question])


def document(schema: Schema, evidence: Evidence) -> Any:
    """A value that satisfies ``schema``.

    Raises:
        ApiError: 400, the schema asks for something these rules cannot build.
    """
    try:
        value = _Filler(schema, evidence).fill(schema, "", ())
        if needs_check(schema):
            check(value, schema)
    except RecursionError:
        raise impossible("it needs itself without end") from None
    return value


class _Filler:
    def __init__(self, root: Schema, evidence: Evidence) -> None:
        self._root, self._evidence = root, evidence
        self._numbers = iter(numbers(f"{evidence.text}"))

    def fill(self, schema: Any, name: str, path: tuple[str, ...]) -> Any:
        """One value; ``path`` holds the references being followed, so that a tree of itself ends."""
        if schema is True or schema == {}:
            return self._evidence.answer
        if not isinstance(schema, Mapping):
            raise impossible(f"nothing satisfies {schema!r}")
        if "$ref" in schema:
            return self._follow(schema, name, path)
        if "allOf" in schema:
            return self.fill(merged(schema, self._resolve), name, path)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._enum(schema)
        choices = schema.get("anyOf") or schema.get("oneOf")
        if choices:
            rest = {key: item for key, item in schema.items() if key not in ("anyOf", "oneOf")}
            return self._any([under(rest, choice) for choice in choices], name, path)
        kinds = schema.get("type")
        if isinstance(kinds, list):
            return self._any([{**schema, "type": kind} for kind in kinds], name, path)
        return self._typed(kinds or guess(schema), schema, name, path)

    def _typed(self, kind: str, schema: Schema, name: str, path: tuple[str, ...]) -> Any:
        if kind == "object":
            return self._object(schema, path)
        if kind == "array":
            return self._array(schema, name, path)
        if kind == "string":
            found = self._find_text(name, schema)
            return fit_text(found or self._evidence.answer, schema, self._evidence.text)
        if kind in ("integer", "number"):
            return self._number(kind, schema, name)
        if kind == "boolean":
            found_bool = self._find_bool(name, schema)
            return False if found_bool is None else found_bool
        if kind == "null":
            return None
        raise impossible(f"the type {kind!r} is not known")

    def _follow(self, schema: Schema, name: str, path: tuple[str, ...]) -> Any:
        reference = str(schema["$ref"])
        if len(path) > _DEEPEST:
            raise impossible(f"{reference!r} needs itself without end")
        rest = {key: item for key, item in schema.items() if key != "$ref"}
        return self.fill(under(rest, self._resolve(reference)), name, (*path, reference))

    def _resolve(self, reference: str) -> Any:
        target: Any = self._root
        for part in reference.removeprefix("#").strip("/").split("/"):
            part = part.replace("~1", "/").replace("~0", "~")
            if part and not (isinstance(target, Mapping) and part in target):
                raise impossible(f"the reference {reference!r} leads nowhere in the schema")
            target = target[part] if part else target
        return target

    def _any(self, choices: Sequence[Any], name: str, path: tuple[str, ...]) -> Any:
        """The first alternative that something was found for; null before a value made of nothing."""
        has_null = any(is_null(choice) for choice in choices)
        others = [choice for choice in choices if not is_null(choice)]
        others.sort(key=lambda choice: ref_of(choice) in path)  # a tree of itself comes last
        if has_null and (not others or ref_of(others[0]) in path or not self._is_found(others[0], name)):
            return None
        problem: ApiError | None = None
        for choice in others:
            try:
                return self.fill(choice, name, path)
            except ApiError as error:
                problem = problem or error
        raise problem or impossible("there is no alternative to choose")

    def _is_found(self, schema: Any, name: str) -> bool:
        kind = schema.get("type") if isinstance(schema, Mapping) else None
        if isinstance(schema, Mapping) and "enum" in schema:
            return bool(enum_values(schema["enum"], self._evidence.text))
        if kind == "string":
            return self._find_text(name, schema) is not None
        if kind in ("integer", "number"):
            return number_for(name, self._evidence.text) is not None
        if kind == "boolean":
            return self._find_bool(name, schema) is not None
        return True

    def _enum(self, schema: Schema) -> Any:
        values = list(schema["enum"])
        if not values:
            raise impossible("an enum without values")
        evidence = self._evidence
        found = enum_values(values, evidence.answer) or enum_values(values, evidence.text)
        return found[0] if found else schema.get("default", values[0])

    def _object(self, schema: Schema, path: tuple[str, ...]) -> dict[str, Any]:
        required = set(schema.get("required", ()))
        made: dict[str, Any] = {}
        for key, item in (schema.get("properties") or {}).items():
            if key in required or ref_of(item) not in path:
                made[key] = self.fill(item, key, path)
        for key in sorted(required - made.keys()):  # required, and described nowhere or by a general rule
            extra = schema.get("additionalProperties", True)
            made[key] = self.fill(extra, key, path)
        return made

    def _array(self, schema: Schema, name: str, path: tuple[str, ...]) -> list[Any]:
        least, most = int(schema.get("minItems", 0)), schema.get("maxItems")
        first = [self.fill(item, name, path) for item in schema.get("prefixItems", ())]
        item = schema.get("items", not first)
        made = first
        if item is not False:
            is_own = ref_of(item) in path
            made = [*first, *([] if is_own else self._items(item, name, path))]
        is_unique = bool(schema.get("uniqueItems"))
        if is_unique:
            made = without_repeats(made)
        while len(made) < least and item is not False:
            value = self.fill(item, name, path)
            made.append(varied(value, len(made)) if is_unique else value)
        return made if most is None else made[: int(most)]

    def _items(self, item: Any, name: str, path: tuple[str, ...]) -> list[Any]:
        target = self._resolve(ref_of(item)) if ref_of(item) else item
        kind = target.get("type") if isinstance(target, Mapping) else None
        evidence = self._evidence
        if isinstance(target, Mapping) and "enum" in target:
            return enum_values(target["enum"], evidence.text)[:_MOST_ITEMS] or [self.fill(item, name, path)]
        if kind in ("integer", "number"):
            return [fit_number(value, target) for value in numbers(evidence.text)[:_MOST_ITEMS]]
        if kind == "string":
            parts = _stems(name)
            texts = list(evidence.sources) if parts & _SOURCE else strings_for(name, target, evidence.text)
            return [
                fit_text(text, target, evidence.text) for text in (texts or sentences(evidence.answer))[:_MOST_ITEMS]
            ]
        if kind == "object" and len(evidence.passages) > 1:
            return [self._narrowed(passage).fill(item, name, path) for passage in evidence.passages[:_MOST_ITEMS]]
        return [self.fill(item, name, path)]

    def _narrowed(self, passage: Passage) -> _Filler:
        sources = [passage.source] if passage.source else []
        evidence = replace(self._evidence, answer=passage.text, passages=[passage], sources=sources)
        return _Filler(self._root, evidence)

    def _find_text(self, name: str, schema: Schema) -> str | None:
        evidence, parts = self._evidence, _stems(name)
        if parts & _SOURCE:
            return evidence.sources[0] if evidence.sources else None
        if parts & _ANSWER:
            return evidence.answer
        if parts & _ASKED:
            return evidence.question
        found = strings_for(name, schema, evidence.text)
        return found[0] if found else sentence_for(name, str(schema.get("description", "")), evidence.text)

    def _find_bool(self, name: str, schema: Schema) -> bool | None:
        if _stems(name) & _KNOWN:
            return self._evidence.is_known
        return boolean_for(name, str(schema.get("description", "")), self._evidence.text)

    def _number(self, kind: str, schema: Schema, name: str) -> float | int:
        found = number_for(name, self._evidence.text)
        if found is None and "minimum" in schema and "maximum" in schema:
            # a rating or a confidence: the most when the passages answer the question, else the least
            found = schema["maximum" if self._evidence.is_known else "minimum"]
        if found is None:
            found = next(self._numbers, 0.0)
        return fit_number(found, {**schema, "type": kind})


def _stems(name: str) -> set[str]:
    return {stem(word) for word in name_words(name)}
