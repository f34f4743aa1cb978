"""Numbers as people read them.

Twin of ``js/src/core/format.ts``; both are held to the table ``js/test/format.json``. Rounding is
half up through ``floor(x + 0.5)``, because ``format`` and JavaScript's ``toFixed`` round ties differently.
"""

import math
from collections.abc import Callable

NOTHING = "–"
#: From here on numbers are no amounts of anything, and are shown as ``1.0e+15``.
_HUGE = 1e15


def format_duration(ms: float | None) -> str:
    """Return milliseconds as ``<1 ms``, ``35 ms``, ``0.71 s``, ``34.1 s``, ``2 m 05 s``, ``1 h 30 m``."""
    return _signed(ms, _duration)


def format_money(usd: float | None) -> str:
    """Return US dollars as ``$0``, ``<$0.0001``, ``$0.0042``, ``$1.28``, ``$1,234.50``."""
    return _signed(usd, _money)


def format_count(n: float | None) -> str:
    """Return a whole number as ``2,431``, ``1.2 M``, ``7.1 B``."""
    return _signed(n, _count)


def format_bytes(n: float | None) -> str:
    """Return a size in powers of 1,000: ``999 B``, ``1.9 kB``, ``100 kB``, ``12.3 MB``."""
    return _signed(n, _bytes)


def _signed(value: float | None, absolute: Callable[[float], str]) -> str:
    if value is None or not math.isfinite(value):
        return NOTHING
    if abs(value) >= _HUGE:
        return f"{value:.1e}"
    return f"-{absolute(-value)}" if value < 0 else absolute(value)


def _half_up(value: float) -> int:
    return math.floor(value + 0.5)


def _fixed(scaled: int, digits: int) -> str:
    whole, rest = divmod(scaled, 10**digits)
    return f"{whole:,}.{rest:0{digits}d}"


def _duration(ms: float) -> str:
    if 0 < ms < 0.5:
        return "<1 ms"
    if _half_up(ms) < 100:
        return f"{_half_up(ms)} ms"
    if _half_up(ms / 10) < 1000:
        return f"{_fixed(_half_up(ms / 10), 2)} s"
    if _half_up(ms / 100) < 600:
        return f"{_fixed(_half_up(ms / 100), 1)} s"
    minutes, seconds = divmod(_half_up(ms / 1000), 60)
    if minutes < 60:
        return f"{minutes} m {seconds:02d} s"
    hours, minutes = divmod(_half_up(ms / 60_000), 60)
    if hours < 24:
        return f"{hours} h {minutes:02d} m"
    days, hours = divmod(_half_up(ms / 3_600_000), 24)
    return f"{days:,} d {hours:02d} h"


def _money(usd: float) -> str:
    if usd == 0:
        return "$0"
    if usd < 0.0001:
        return "<$0.0001"
    ten_thousandths = _half_up(usd * 10_000)
    if ten_thousandths < 10_000:
        return f"${_fixed(ten_thousandths, 4)}"
    return f"${_fixed(_half_up(usd * 100), 2)}"


def _count(n: float) -> str:
    if _half_up(n) < 1_000_000:
        return f"{_half_up(n):,}"
    if _half_up(n / 1e5) < 10_000:
        return f"{_fixed(_half_up(n / 1e5), 1)} M"
    return f"{_fixed(_half_up(n / 1e8), 1)} B"


def _bytes(n: float) -> str:
    if _half_up(n) < 1000:
        return f"{_half_up(n)} B"
    size, unit = n / 1000.0**4, "TB"
    for power, name in enumerate(("kB", "MB", "GB", "TB"), start=1):
        size, unit = n / 1000.0**power, name
        if _half_up(size * 10) < 1000:
            return f"{_fixed(_half_up(size * 10), 1)} {unit}"
        if _half_up(size) < 1000:
            break
    return f"{_half_up(size):,} {unit}"
