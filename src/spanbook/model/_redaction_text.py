"""Secrets in text, found in linear time.

The text is looked at as ASCII bytes of the same length (other characters become ``?``), so that positions are those
of the text. Nothing is searched by a pattern that has to be tried at every character. What costs little finds the
places (long runs of letters and digits, ``=`` and ``:``, a few literals), and patterns are matched there only, each
bounded, or possessive over characters that no later place can begin in.

What it does not find: secrets without a known form or a name before them, secrets broken over lines (private keys
excepted), passwords in prose ("the password is hunter2"), and those in text that was encoded once more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, TypeAlias

from ._redaction_names import NAME_ENDS, NAME_STEMS, secret_name

#: (start, end, label) of what is to be replaced.
Span: TypeAlias = tuple[int, int, str]

MARK: Final = "[redacted:"
_MARK: Final = MARK.encode()

_ALNUM: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_TOKEN_BYTES: Final = _ALNUM + b"_-"
#: Letters, digits, _ and - become "a", all else a space.
_RUNS: Final = bytes(97 if code in _TOKEN_BYTES else 32 for code in range(256))
_SHORTEST: Final = 16  # characters of the shortest token with a known form
_LONG_RUN: Final = b"a" * _SHORTEST
_MANY: Final = 24  # separators: above, one look for names in the whole text pays

#: Tokens by their form, matched at the beginning of a run; the group's name is the label.
_TOKEN: Final = re.compile(
    rb"[_-]{0,8}(?:"
    rb"(?P<anthropic_key>sk-ant-[\w-]{9,}+)"
    rb"|(?P<api_key>sk-[\w-]{13,}+|[sr]k_(?:live|test)_\w{8,}+|(?:nvapi-|tvly-|lsv2_|pcsk_|xai-)[\w-]{12,}+"
    rb"|(?:gsk_|pplx-|r8_|jina_|csk-|fw_|esecret_)[A-Za-z0-9]{20,}+)"
    rb"|(?P<aws_key>A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16}(?![\w-]))"
    rb"|(?P<github_token>(?:gh[pousr]_|github_pat_)\w{12,}+)"
    rb"|(?P<gitlab_token>gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat)-[\w-]{10,}+)"
    rb"|(?P<slack_token>(?:xox[abeoprs]|xapp)-[\w-]{10,}+)"
    rb"|(?P<google_key>AIza[\w-]{30,}+|GOCSPX-[\w-]{16,}+)"
    rb"|(?P<huggingface_token>(?:hf_|api_org_)[A-Za-z0-9]{13,}+)"
    rb"|(?P<jwt>eyJ[\w-]{13,}+\.[\w-]{4,}+(?:\.[\w-]{0,8192}+){0,3}+)"
    rb"|(?P<package_token>npm_[A-Za-z0-9]{20,}+|pypi-Ag[\w-]{10,}+|rubygems_[0-9a-f]{30,}+|dckr_pat_[\w-]{12,}+)"
    rb"|(?P<webhook_secret>whsec_[\w-]{10,}+)"
    rb"|(?P<twilio_key>SK[0-9a-fA-F]{32}(?![\w-]))"
    rb"|(?P<token>(?:do[op]_v1_|shp(?:at|ca|pa|ss)_|PMAK-|glsa_|glc_|lin_api_|sntry[su]_|NRAK-|AT[AC]TT3|figd_"
    rb"|AGE-SECRET-KEY-|sq0[a-z]{3}-)[\w-]{10,}+|(?:ntn_|sbp_|secret_|dapi|key-)[A-Za-z0-9]{30,}+)"
    rb")"
)
#: What stands before a run that is a token only there: the first part of it, or the address of a webhook.
_BEFORE: Final = (
    (re.compile(rb"(?:^|[^\w.-])(SG\.)\Z"), re.compile(rb"[\w-]{16,}+\.[\w-]{10,}+"), "sendgrid_key"),
    (re.compile(rb"(?:^|[^\w.-])(ya29\.|hv[sbr]\.|dp\.[a-z]{2}\.)\Z"), re.compile(rb"[\w.-]++"), "token"),
    (re.compile(rb"(?:^|\D)([0-9]{8,10}:)\Z"), re.compile(rb"AA[\w-]{30,}+"), "telegram_token"),
    (re.compile(rb"hooks\.slack\.com/\w{1,16}/()(?:\w{1,16}/){0,2}\Z"), re.compile(rb"[\w/-]++"), "webhook"),
    (re.compile(rb"/api/webhooks/\d{1,24}/()\Z"), re.compile(rb"[\w-]++"), "webhook"),
)
_ESCAPED: Final = re.compile(rb"u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.")  # what a backslash before a run takes of it
_AWS_SECRET: Final = re.compile(rb"(?<![\w/+=-])[A-Za-z0-9/+]{40}(?![\w/+=-])")

_PRIVATE_KEY: Final = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_BODY: Final = re.compile(rb"(?:\s|\\[nr])*+(?:[A-Za-z0-9+/=]{20,}+(?:\s|\\[nr])*+)*+")
_KEY_REACH: Final = 16_384

_URL_PASSWORD: Final = re.compile(rb"://[^\s/?#:@\"'<>\\]{0,256}+:([^\s/?#\"'<>\\]{1,512})@")
_BEARER: Final = re.compile(rb"bearer[ \t]{1,4}([\w.~+/=-]{8,}+)", re.IGNORECASE)
_FLAG: Final = re.compile(
    rb"--([A-Za-z][\w-]{1,40})[ \t]{1,4}(?:[\"']([^\"'\r\n]{1,}+)|([^\s\"'`;\\-][^\s\"'`;\\]{2,}+))"
)

#: Between a name and its separator: ``"name":``, ``["name"] =``, ``name_2=``.
_AFTER_NAME: Final = b" \t\"'`\\])0123456789"
_NAME_BYTES: Final = _ALNUM + b"_-."
_NAME_REACH: Final = 80
_BARE_BYTES: Final = rb"[^\s\"'`,;&<>(){}\[\]\\|]"
_ASSIGNED: Final = (
    rb"[=>]?+[ \t]{0,4}+(?!\[redacted:)(?:[\[(][ \t]{0,2}+)?+(?:[bfruBFRU]{0,2}(\\{0,7})([\"'`])|("
    + _BARE_BYTES
    + rb"{4,48}))"
)
#: What follows a separator: (backslashes, quote), or the beginning of a bare value.
_VALUE: Final = {
    61: re.compile(_ASSIGNED),
    # after a colon there may be an annotation first, as in api_key: str | None = "…"
    58: re.compile(rb"(?:[ \t]{0,4}[A-Za-z_][\w.\[\]|, ]{0,48}=(?=[ \t]{0,4}[bfruBFRU]{0,2}[\"']))?+" + _ASSIGNED),
}
_QUOTED: Final = {
    quote: (
        re.compile(rb"[^%b\\\r\n]*+(?:\\[^\r\n][^%b\\\r\n]*+)*+" % (quote, quote)),
        re.compile(rb"[^%b\\\r\n]*+" % quote),  # the quotes are escaped themselves: the first backslash ends it
    )
    for quote in (b'"', b"'", b"`")
}
_BARE_REST: Final = re.compile(_BARE_BYTES + rb"*+")
_SCHEME: Final = re.compile(
    rb"[ \t]{0,4}(?:bearer|basic|token|digest|apikey|api-key|negotiate|bot)[ \t]{1,4}([^\s\"'`,;\\]{4,}+)",
    re.IGNORECASE,
)
#: What stands for a token in code and instructions: ``Bearer {token}``, ``Bearer $API_TOKEN``, ``Bearer <token>``.
_PLACEHOLDER: Final = re.compile(
    rb"(?:[A-Za-z-]{1,12}[ \t]{1,4})?(?:\{[A-Za-z_][\w.]{0,40}\}|\$\{?[A-Z][A-Z0-9_]{2,40}\}?|<[a-z_ -]{1,40}>)"
)
_COOKIES: Final = re.compile(rb"[ \t]{0,4}([\w.-]{1,64}=[^\r\n\"'\\]{1,}+)")
#: Labels whose values may have a form of their own.
_WITH_FORM: Final = {"authorization": _SCHEME, "cookie": _COOKIES}
_ENDS_OF_LINE: Final = frozenset((b"", b"\n", b"\r"))
_ENDS_OF_SETTING: Final = _ENDS_OF_LINE | {b" ", b"\t", b";", b"&", b'"', b"'"}
#: Values that say what kind of thing belongs there, or that there is none.
_NO_SECRETS: Final = frozenset(
    b"bool boolean bytes false none null optional required secretstr string text true undefined".split()
)
_DIGIT: Final = re.compile(rb"[0-9]")
_TELLING: Final = re.compile(rb"[0-9!@#$%^*+/~]")  # what words of prose and code do not have


def as_ascii(text: str) -> bytes:
    """Return the text as bytes, one a character."""
    return text.encode("ascii", "replace")


def find_secrets(probe: bytes) -> list[Span]:
    """Return where secrets stand in a text, given as ``as_ascii`` bytes; the spans may overlap."""
    spans: list[Span] = []
    lowered = probe.lower()
    runs = probe.translate(_RUNS)
    at = runs.find(_LONG_RUN)
    while at >= 0:
        end = runs.find(b" ", at)
        at = _token(probe, at, len(probe) if end < 0 else end, spans)
        at = runs.find(_LONG_RUN, at)
    # One character is looked for ten times as fast as several: whatever is rare stands before what needs it.
    if b"=" in probe or b":" in probe:
        separators = probe.count(b"=") + probe.count(b":")
        if separators <= _MANY or any(stem in lowered for stem in NAME_STEMS):
            spans += _named(probe, lowered, b"=")
            spans += _named(probe, lowered, b":")
        if b"@" in probe and b"://" in probe:
            spans += _url_passwords(probe)
    if b"earer" in lowered:
        spans += _schemes(probe, lowered)
    if b"-" in probe and b"--" in probe:
        spans += _flags(probe)
        if b"-----begin" in lowered:
            spans += _private_keys(probe)
    return spans


def replace(text: str, spans: list[Span]) -> tuple[str, int]:
    """Return the text with a marker in place of each span (overlapping ones become one), and their number."""
    spans.sort(key=lambda span: (span[0], -span[1]))
    pieces: list[str] = []
    done = count = 0
    until, label = -1, ""
    for start, end, kind in [*spans, (len(text) + 1, 0, "")]:
        if start < until:
            until = max(until, end)
            continue
        if until >= 0:
            pieces.append(f"{MARK}{label}]")
            done = until
            count += 1
        pieces.append(text[done:start])
        done, until, label = start, end, kind
    return "".join(pieces), count


# -- tokens by their form


def _token(probe: bytes, at: int, end: int, spans: list[Span]) -> int:
    """Look at one long run; return where to go on."""
    if at and probe[at - 1] in b"\\%":  # the run begins with the rest of an escape: \n, \u0022, %3D
        escaped = _ESCAPED.match(probe, at) if probe[at - 1] == 92 else None
        at = escaped.end() if escaped else at + 2
    found = _TOKEN.match(probe, at)
    if found is not None:
        label = found.lastgroup or "token"
        spans.append((found.start(label), found.end(), label))
        if label == "aws_key":
            near = max(0, at - 400)
            spans += (
                (match.start(), match.end(), "aws_secret")
                for match in _AWS_SECRET.finditer(probe, near, end + 400)
                if _is_mixed(match[0])
            )
        return max(found.end(), at + 1)
    if at and probe[at - 1] in b"./:":
        before = probe[max(0, at - 64) : at]
        for lead, body, label in _BEFORE:
            led = lead.search(before)
            rest = body.match(probe, at) if led else None
            if led and rest:
                spans.append((at - len(before) + led.start(1), rest.end(), label))
                return rest.end()
    return end


def _is_mixed(token: bytes) -> bool:
    """Tell random base64 from hexadecimal digests and words."""
    return bool(_DIGIT.search(token)) and token.lower() != token != token.upper()


def _private_keys(probe: bytes) -> Iterator[Span]:
    at, end = probe.find(b"-----BEGIN"), 0
    while at >= 0:
        head = _PRIVATE_KEY.match(probe, at)
        if head is None:
            at = probe.find(b"-----BEGIN", at + 5)
            continue
        if 0 <= end < head.end():
            end = probe.find(b"-----END", head.end())
        if 0 <= end <= head.end() + _KEY_REACH:
            close = probe.find(b"-----", end + 8, end + 80)
            until = close + 5 if close >= 0 else end
        else:  # its end was cut off
            body = _KEY_BODY.match(probe, head.end())
            until = body.end() if body else head.end()
        yield at, until, "private_key"
        at = probe.find(b"-----BEGIN", until)


def _url_passwords(probe: bytes) -> Iterator[Span]:
    at = probe.find(b"://")
    while at >= 0:
        found = _URL_PASSWORD.match(probe, at)
        if found and not found[1].startswith(_MARK):
            yield found.start(1), found.end(1), "url_password"
        at = probe.find(b"://", at + 3)


def _schemes(probe: bytes, lowered: bytes) -> Iterator[Span]:
    """``Bearer …`` wherever it stands."""
    at = lowered.find(b"bearer")
    while at >= 0:
        found = _BEARER.match(probe, at)
        if found and (len(found[1]) >= 20 or _DIGIT.search(found[1])):
            yield found.start(1), found.end(1), "bearer_token"
        at = lowered.find(b"bearer", found.end() if found else at + 6)


def _flags(probe: bytes) -> Iterator[Span]:
    """``--password hunter2`` on a command line."""
    at = probe.find(b"--")
    while at >= 0:
        found = _FLAG.match(probe, at)
        label = secret_name(found[1].decode()) if found else None
        if found and label:
            group = 2 if found[2] is not None else 3
            if not found[group].startswith(_MARK):
                yield found.start(group), found.end(group), label
        at = probe.find(b"--", found.start(1) if found else at + 2)


# -- values by the name before them


def _named(probe: bytes, lowered: bytes, separator: bytes) -> Iterator[Span]:
    """``name = value``, ``"name": "value"``, ``name: value``, ``?name=value``."""
    at = probe.find(separator)
    while at >= 0:
        near = at - _NAME_REACH if at > _NAME_REACH else 0
        head = lowered[near:at].rstrip(_AFTER_NAME)
        if head.endswith(NAME_ENDS):
            start = near + len(head.rstrip(_NAME_BYTES))
            span = _value(probe, probe[start : near + len(head)], start, at)
            if span is not None:
                yield span
                at = span[1] - 1
        at = probe.find(separator, at + 1)


@lru_cache(maxsize=4096)
def _label(name: bytes) -> str | None:
    return secret_name(name.decode())


def _value(probe: bytes, name: bytes, start: int, at: int) -> Span | None:
    """Return the span of the value after the separator ``at`` when the name announces a secret."""
    label = _label(name)
    in_query = start > 0 and probe[start - 1] in b"?&"
    if label is None and in_query and name.lower() == b"sig":
        label = "signature"
    if label is None or probe.endswith(_MARK, 0, start):  # the label of a marker is no name
        return None
    if label in _WITH_FORM:
        found = _WITH_FORM[label].match(probe, at + 1)
        if found:
            is_shown = found[1].startswith(_MARK) or _PLACEHOLDER.fullmatch(found[1])
            return None if is_shown else (found.start(1), found.end(1), label)
    value = _VALUE[probe[at]].match(probe, at + 1)
    if value is None:
        return None
    slashes, quote, bare = value.groups()
    if quote is not None:
        body = _QUOTED[quote][1 if slashes else 0].match(probe, value.end())
        if not body or not body[0] or body[0].startswith(_MARK):
            return None
        if label == "authorization" and _PLACEHOLDER.fullmatch(body[0]):
            return None
        return body.start(), body.end(), label
    if not in_query and not _is_secret(bare, label) and not _is_setting(probe, start, at, value):
        return None
    rest = _BARE_REST.match(probe, value.end())
    end = rest.end() if rest else value.end()
    if probe[end : end + 1] in (b"(", b"[", b"{"):  # a call or a subscript: code, no literal
        return None
    return value.start(3), end, label


def _is_secret(value: bytes, label: str) -> bool:
    """Tell a bare value that looks like a secret from a word of prose or code."""
    if value.isdigit():
        return label == "password"
    # a password in a URL is found as such
    return len(value) >= 6 and _TELLING.search(value) is not None and b"://" not in value


def _is_setting(probe: bytes, start: int, at: int, value: re.Match[bytes]) -> bool:
    """Tell whether name and value stand as in an environment file, a connection string or YAML: any value counts."""
    follows = probe[value.end() : value.end() + 1]
    if probe[at] == 61:  # code has a comma or a bracket after it
        if value.start(3) != at + 1 or follows not in _ENDS_OF_SETTING:
            return False
    else:
        line = probe[max(0, start - _NAME_REACH) : start].rpartition(b"\n")[2]
        if follows not in _ENDS_OF_LINE or line.strip(b" \t-\"'"):
            return False
    return value[3].lower() not in _NO_SECRETS and b"://" not in value[3]
