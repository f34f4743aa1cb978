"""Personal data with a form of its own: addresses, numbers. Names and free text about people have none.

Positions and bounds are as in ``_redaction_text``. It costs more than the search for secrets: numbers have no
literal to look for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ._redaction_text import Span

_LOCAL: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.!#$%&'*+/=?^_`{|}~-"
_DOMAIN: Final = re.compile(rb"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}\.){1,8}[A-Za-z][A-Za-z0-9-]{1,62}")
_MAX_LOCAL: Final = 64

_NO_DIGITS: Final = bytes(code for code in range(256) if code not in b"0123456789")
_FEWEST_DIGITS: Final = 4  # of an IPv4 address

_CARD: Final = re.compile(rb"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])")
_SSN: Final = re.compile(rb"(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")
_IBAN: Final = re.compile(rb"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)")
_INTERNATIONAL: Final = re.compile(rb"(?<![\w+.])(?:\+|00)[1-9](?:[ ().\-/]{0,2}\d){6,14}(?!\w)")
_AMERICAN: Final = re.compile(rb"(?<![\w.+-])(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w-])")
_NATIONAL: Final = re.compile(rb"(?<![\w.+-])\(?0\d{1,4}\)?[ /-]\d{2,4}(?:[ -]?\d{2,4}){1,3}(?![\w-])")
_DATE: Final = re.compile(rb"\d{1,2}[-/]\d{1,2}[-/]\d{2,4}")
_IPV4: Final = re.compile(rb"(?<![\w.])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?!\w|\.\d)")
#: The first two groups are looked at before the rest: texts are full of single colons.
_IPV6: Final = re.compile(rb"(?<![\w:.])(?=[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:]{2,39}(?![\w:])")
_OWN_HOST: Final = frozenset((b"127.0.0.1", b"0.0.0.0", b"255.255.255.255"))


def find_pii(probe: bytes) -> list[Span]:
    """Return where personal data stand in a text, given as ``as_ascii`` bytes; the spans may overlap."""
    spans: list[Span] = []
    if b"@" in probe:
        spans += _emails(probe)
    if len(probe.translate(None, _NO_DIGITS)) >= _FEWEST_DIGITS:
        spans += _numbers(probe)
    if b"::" in probe or probe.count(b":") >= 7:
        spans += _ipv6(probe)
    return spans


def _emails(probe: bytes) -> Iterator[Span]:
    at = probe.find(b"@")
    while at >= 0:
        domain = _DOMAIN.match(probe, at + 1) if at and probe[at - 1] in _LOCAL else None
        if domain:
            before = probe[max(0, at - _MAX_LOCAL) : at]
            local = len(before) - len(before.rstrip(_LOCAL))
            yield at - local, domain.end(), "email"
        at = probe.find(b"@", domain.end() if domain else at + 1)


def _numbers(probe: bytes) -> Iterator[Span]:
    for found in _CARD.finditer(probe):
        if _passes_luhn(found[0]):
            yield found.start(), found.end(), "credit_card"
    for found in _SSN.finditer(probe):
        yield found.start(), found.end(), "ssn"
    for found in _IBAN.finditer(probe):
        if _passes_mod_97(found[0]):
            yield found.start(), found.end(), "iban"
    for pattern in (_INTERNATIONAL, _AMERICAN, _NATIONAL):
        for found in pattern.finditer(probe):
            if not _DATE.match(found[0]):
                yield found.start(), found.end(), "phone"
    for found in _IPV4.finditer(probe):
        if found[0] not in _OWN_HOST and all(int(part) < 256 for part in found[0].split(b".")):
            yield found.start(), found.end(), "ip_address"


def _ipv6(probe: bytes) -> Iterator[Span]:
    for found in _IPV6.finditer(probe):
        groups = found[0].split(b":")
        named = [group for group in groups if group]
        gaps = found[0].count(b"::")
        if any(len(group) > 4 for group in named) or gaps > 1 or b":::" in found[0] or found[0] == b"::1":
            continue
        is_short = gaps == 1 and 2 <= len(named) <= 7
        if (is_short or (len(groups) == 8 and gaps == 0)) and any(char in found[0] for char in b"0123456789"):
            yield found.start(), found.end(), "ip_address"


def _passes_luhn(text: bytes) -> bool:
    """Tell whether the last digit is the check digit of the others (ISO/IEC 7812-1)."""
    digits = [code - 48 for code in text if 48 <= code <= 57]
    doubled = (2 * digit - 9 * (digit > 4) for digit in digits[-2::-2])
    return len(set(digits)) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _passes_mod_97(text: bytes) -> bool:
    """Tell whether the check digits of an IBAN are right (ISO 13616: letters are 10 to 35, the rest is 1)."""
    plain = text.replace(b" ", b"").decode()
    return 15 <= len(plain) <= 34 and int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1
