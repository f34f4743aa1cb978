"""From batches of rows to typed pandas columns: the same dtypes whatever the rows, none at all included.

Decision (2026-11): text is ``string`` (``StringDtype("python")``, missing is ``pd.NA``), measured at 0.02 µs a value
to build. It is the one text dtype that is the same in pandas 2.2 and 3, with and without pyarrow. ``category`` would
cost 0.16 µs a value, warns in every ``groupby`` of pandas 2 and refuses ``fillna`` and new values; what it saves in
memory is had by keeping one string object per distinct value in columns that repeat (0.05 µs a value).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from ..model import StoreError
from ..store._columns import MISSING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

#: ``text`` differs from row to row, ``label`` repeats; ``count`` may be missing, ``number`` never is; ``object`` is any
#: Python value.
Form: TypeAlias = Literal["text", "label", "time", "count", "number", "float", "bool", "object"]

_DTYPES: Final = {"time": "int64", "count": "int64", "number": "int64", "float": "float64", "bool": "bool"}


class Column:
    """One column being filled batch by batch."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self._parts: list[np.ndarray] = []
        self._seen: dict[Any, Any] = {}

    def extend(self, values: Sequence[Any]) -> None:
        """Append values; None is a missing float, text or object, ``MISSING`` a missing time or count."""
        import numpy as np

        with _damage_said():
            if self.form == "label":
                values = list(map(self._seen.setdefault, values, values))
            if self.form == "float":
                self._parts.append(np.array(values, dtype="float64"))  # None becomes NaN
            else:
                self._parts.append(np.fromiter(values, dtype=_DTYPES.get(self.form, "object"), count=len(values)))

    def values(self) -> np.ndarray:
        """Return all values so far as one array: int64 for times, object for text."""
        import numpy as np

        if len(self._parts) != 1:
            self._parts = [np.concatenate([np.empty(0, _DTYPES.get(self.form, "object")), *self._parts])]
        return self._parts[0]

    def array(self, order: np.ndarray | None = None) -> Any:
        """Return the column as pandas wants it, its rows in ``order``."""
        values = self.values()
        with _damage_said():
            return to_array(values if order is None else values[order], self.form)


@contextmanager
def _damage_said() -> Iterator[None]:
    """Make a value that its column cannot hold an error of ours: the store's tables are strict about types."""
    try:
        yield
    except (TypeError, ValueError, OverflowError) as error:
        raise StoreError(
            f"the store is damaged (a value of a type that its column cannot have: {error}); "
            "recover it with `spanbook salvage`."
        ) from error


def to_array(values: np.ndarray, form: Form) -> Any:
    """Return an array of what a column is made of: an extension array, or numpy's."""
    import pandas as pd

    if form == "time":
        return to_times(values)
    if form == "count":
        import numpy as np

        missing = values == MISSING
        return pd.arrays.IntegerArray(np.where(missing, 0, values), missing)
    if form in ("text", "label"):
        return pd.array(values, dtype=pd.StringDtype("python"))
    return values


def to_times(ns: np.ndarray) -> pd.DatetimeIndex:
    """Return nanoseconds since the epoch as ``datetime64[ns, UTC]``; ``MISSING`` is NaT."""
    import pandas as pd

    return pd.DatetimeIndex(ns.view("datetime64[ns]"), tz="UTC")


def milliseconds_between(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return float64 milliseconds, NaN where either moment is missing."""
    import numpy as np

    known = (start != MISSING) & (end != MISSING)
    return np.where(known, np.where(known, end - start, 0) / 1e6, np.nan)


def make_frame(columns: Iterable[tuple[Any, Any]]) -> pd.DataFrame:
    """Return a DataFrame of these columns in this order; object arrays stay objects, texts in them too."""
    import numpy as np
    import pandas as pd

    series: dict[Any, Any] = {}
    for name, values in columns:
        is_object = isinstance(values, np.ndarray) and values.dtype.kind == "O"
        series[name] = pd.Series(values, dtype="object") if is_object else values
    return pd.DataFrame(series, copy=False)


def each(values: Sequence[Any], default: Callable[[], Any]) -> list[Any]:
    """Return the values with a new ``default()`` in place of each None: two rows never share an empty list."""
    return [default() if value is None else value for value in values]
