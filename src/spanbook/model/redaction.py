"""Redaction: what must not reach the store is replaced before it does.

=================  ===================================================================================
``off``            nothing is replaced
``secrets``        values under names such as ``api_key`` or ``password``, and keys of known providers,
                   passwords in URLs, private keys… in any text (``_redaction_names``, ``_redaction_text``)
``secrets+pii``    also e-mail addresses, telephone, card, IBAN and US social security numbers, IP
                   addresses; names and free text about people have no form that could be found
``metadata-only``  also every text: roles, names of tools, numbers, keys and sizes stay
a callable         whatever it returns for a value (a copy; it may change it)
=================  ===================================================================================

Redaction fails closed: a value whose redaction raises is replaced as a whole. Media (``blob`` parts, ``data:`` URLs,
long base64) are not looked into. Everything is a pure function over JSON values.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final

from ._redaction_metadata import without_content
from ._redaction_names import secret_name
from ._redaction_pii import find_pii
from ._redaction_text import MARK, Span, as_ascii, find_secrets, replace
from .errors import UsageError
from .values import not_captured, to_json

#: Policies by name; a callable is one too.
POLICIES: Final = ("off", "secrets", "secrets+pii", "metadata-only")
#: Version of the rules, stored beside what was redacted by them.
VERSION: Final = 1

FAILED: Final = "redaction failed"


class Redactor(ABC):
    """One policy. ``value`` and ``text`` never raise, never change their argument, and count what they replaced."""

    __slots__ = ("name",)
    version: Final = VERSION
    #: Whether images, sounds and files may be stored; they are not looked into.
    keeps_media = True

    def __init__(self, name: str) -> None:
        self.name = name

    def value(self, value: Any, field: str = "") -> tuple[Any, int]:
        """Return a JSON value redacted, and the number of replacements; the same object when there were none.

        Args:
            value: JSON, as ``spanbook.model.values.to_json`` returns it.
            field: The span field it comes from, when known: ``metadata-only`` keeps the texts of ``metadata``,
                ``model_parameters``, ``tags`` and ``tools`` (their secrets excepted).
        """
        try:
            return self._value(value, field)
        except Exception:  # noqa: BLE001 (fails closed: the value is lost, not leaked)
            return not_captured(FAILED), 1

    def text(self, text: str) -> tuple[str, int]:
        """Return a text (a name, a comment, an error message) redacted, and the number of replacements."""
        try:
            return self._text(text)
        except Exception:  # noqa: BLE001 (fails closed: the text is lost, not leaked)
            return f"[{FAILED}]", 1

    @abstractmethod
    def _value(self, value: Any, field: str) -> tuple[Any, int]: ...

    @abstractmethod
    def _text(self, text: str) -> tuple[str, int]: ...


def make_redactor(policy: str | Callable[[Any], Any]) -> Redactor:
    """Return the redactor of a policy.

    Raises:
        UsageError: ``policy`` is neither one of ``POLICIES`` nor callable.
    """
    if policy == "off":
        return _Off("off")
    if policy == "secrets":
        return _Patterns("secrets", find_secrets)
    if policy == "secrets+pii":
        return _Patterns("secrets+pii", _find_all)
    if policy == "metadata-only":
        return _MetadataOnly("metadata-only", find_secrets)
    if callable(policy):
        return _Custom(policy)
    raise UsageError(
        f"redact={policy!r} is no redaction policy; use {', '.join(map(repr, POLICIES))}, "
        f"or a function that takes a value and returns what may be stored."
    )


class _Off(Redactor):
    __slots__ = ()

    def _value(self, value: Any, field: str) -> tuple[Any, int]:
        return value, 0

    def _text(self, text: str) -> tuple[str, int]:
        return text, 0


Finder = Callable[[bytes], list[Span]]


def _find_all(probe: bytes) -> list[Span]:
    return find_secrets(probe) + find_pii(probe)


# -- patterns

_ROUNDS: Final = 4  # a replacement may bring together what was apart; then it is looked at again
_MAX_PLAIN_KEYS: Final = 8_192
_MIN_BASE64: Final = 4_096  # text of nothing but base64 is media from this length on
_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-\r\n"
_SHORTEST: Final = 4  # characters of the shortest text with something in it: an IPv6 address such as 1::2
_SCHEMA_TYPES: Final = frozenset("string object array number integer boolean null".split())
_TOKEN_SIBLINGS: Final = frozenset(("logprob", "logprobs", "top_logprobs", "token_id"))
_KEPT_FORMS: Final = frozenset(("not_captured", "cycle"))


class _Patterns(Redactor):
    """Secrets by name and by form."""

    __slots__ = ("_find", "_plain_keys")

    def __init__(self, name: str, find: Finder) -> None:
        super().__init__(name)
        self._find = find
        #: Keys known to be neither names of secrets nor secrets.
        self._plain_keys: set[str] = set()

    def _value(self, value: Any, field: str) -> tuple[Any, int]:
        texts: list[str] = []
        # All texts are looked at in one go: a search costs about the same for one character and for a thousand.
        if not self._has_names(value, texts) and not self._find(as_ascii("\n".join(texts))):
            return value, 0
        walk = _Walk(self._text)
        return walk.take(value), walk.count

    def _text(self, text: str) -> tuple[str, int]:
        if _is_media(text):
            return text, 0
        count = 0
        for _ in range(_ROUNDS):
            spans = self._find(as_ascii(text))
            if not spans:
                break
            text, found = replace(text, spans)
            count += found
        return text, count

    def _has_names(self, value: Any, texts: list[str]) -> bool:
        """Collect all texts of a value; tell, at the first one, whether a name in it announces a secret."""
        todo = [value]
        plain = self._plain_keys
        for item in todo:
            kind = type(item)
            if kind is str:
                if len(item) < _SHORTEST:
                    continue
                if (len(item) < _MIN_BASE64 and item[:5] != "data:") or not _is_media(item):
                    texts.append(item)
            elif kind is dict:
                if not plain.issuperset(item):
                    for key in item:
                        if key in plain:
                            continue
                        if secret_name(key) is not None:
                            return True
                        if _is_word(key):
                            self._remember(key)
                        else:
                            texts.append(key)
                if "value" in item and _announced(item) is not None:
                    return True
                if "content" in item and (item.get("type") == "blob" or item.get("$type") == "blob"):
                    todo += (part for key, part in item.items() if key != "content")
                else:
                    todo += item.values()
            elif kind is list:
                if item and type(item[0]) is list and any(map(_header, item)):
                    return True
                todo += item
        return False

    def _remember(self, key: str) -> None:
        if len(self._plain_keys) >= _MAX_PLAIN_KEYS:
            self._plain_keys.clear()
        self._plain_keys.add(key)


class _Walk:
    """Redacts one value; what does not change stays the same object."""

    __slots__ = ("_text", "count")

    def __init__(self, text: Callable[[str], tuple[str, int]]) -> None:
        self._text = text
        self.count = 0

    def take(self, value: Any) -> Any:
        kind = type(value)
        if kind is str:
            text, count = self._text(value)
            self.count += count
            return text
        if kind is dict:
            return self._object(value)
        if kind is list:
            made = [self._header(item) for item in value]
            return made if any(new is not old for new, old in zip(made, value, strict=True)) else value
        return value

    def _object(self, value: dict[str, Any]) -> dict[str, Any]:
        before = self.count
        out: dict[str, Any] = {}
        content = "content" if _is_blob(value) else None
        announced = _announced(value)
        for key, item in value.items():
            label = announced if key == "value" and announced else secret_name(key)
            if key == content:
                made = item
            elif label is not None and _hides(item, label, value):
                made = f"{MARK}{label}]"
                self.count += 1
            else:
                made = self.take(item)
            name = self.take(key)
            while name in out:
                name += "'"
            out[name] = made
        return out if self.count > before else value

    def _header(self, item: Any) -> Any:
        """Redact an item of a list, which may be a header: a pair of a name and its value."""
        label = _header(item)
        if label is not None and _hides(item[1], label, {}):
            self.count += 1
            return [item[0], f"{MARK}{label}]"]
        return self.take(item)


def _header(item: Any) -> str | None:
    """Return the label of a pair such as ``["x-api-key", "…"]``."""
    if type(item) is list and len(item) == 2 and type(item[0]) is str and type(item[1]) is str:
        return secret_name(item[0])
    return None


def _announced(value: dict[str, Any]) -> str | None:
    """Return the label of ``{"key" or "name": "api_key", "value": …}``, the form of attributes and variables."""
    name = value.get("key") or value.get("name")
    return secret_name(name) if type(name) is str and "value" in value else None


def _hides(value: Any, label: str, beside: dict[str, Any]) -> bool:
    """Tell whether a value under the name of a secret is one: not empty, no number of tokens, no schema."""
    kind = type(value)
    if value is None or kind is bool or value in ("", [], {}):
        return False
    if kind is int or kind is float:
        return label in ("password", "secret")
    if kind is str:
        if label == "token" and not _TOKEN_SIBLINGS.isdisjoint(beside):
            return False  # a piece of a model's output
        return not (value.startswith(MARK) and value.endswith("]"))
    if kind is dict:
        if value.get("$type") in _KEPT_FORMS:
            return False
        described = value.get("type")
        if (type(described) is str and described in _SCHEMA_TYPES) or "$ref" in value or "anyOf" in value:
            return False  # a field of this name, described in the schema of a tool
    return True


def _is_blob(value: dict[str, Any]) -> bool:
    return value.get("type") == "blob" or value.get("$type") == "blob"


def _is_word(key: str) -> bool:
    """Tell whether a key is too short or too plain to be a secret itself."""
    if len(key) < 16:
        return key.isidentifier()
    return len(key) < 64 and key.islower() and key.replace("_", "").isalpha()


def _is_media(text: str) -> bool:
    """Tell whether a text is a ``data:`` URL with base64, or long and nothing but base64."""
    body = 0
    if text.startswith("data:"):
        body = text.find(";base64,", 0, 256) + 8
    if body < 8 and (len(text) < _MIN_BASE64 or " " in text[:256]):
        return False
    return not as_ascii(text[body:]).translate(None, _BASE64)


# -- the other policies


_DESCRIBING: Final = frozenset(("metadata", "model_parameters", "tags", "tools"))


class _MetadataOnly(_Patterns):
    """No content; what is kept is searched for secrets."""

    __slots__ = ()
    keeps_media = False

    def _value(self, value: Any, field: str) -> tuple[Any, int]:
        if field in _DESCRIBING:
            return super()._value(value, field)
        clean, count = super()._value(value, field)
        bare, left_out = without_content(clean)
        return bare, count + left_out


class _Custom(Redactor):
    """A function of the user's."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[[Any], Any]) -> None:
        module, name = getattr(call, "__module__", None), getattr(call, "__qualname__", type(call).__qualname__)
        super().__init__(f"{module}.{name}" if module else name)
        self._call = call

    def _value(self, value: Any, field: str) -> tuple[Any, int]:
        made = to_json(self._call(_copied(value)))
        return (value, 0) if made == value else (made, 1)

    def _text(self, text: str) -> tuple[str, int]:
        made = self._call(text)
        if type(made) is not str:
            return "[redacted]", 1
        return made, int(made != text)


def _copied(value: Any) -> Any:
    if type(value) is dict:
        return {key: _copied(item) for key, item in value.items()}
    if type(value) is list:
        return [_copied(item) for item in value]
    return value
