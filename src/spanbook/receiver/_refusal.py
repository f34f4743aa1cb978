"""What a request is refused with, and the limits whose crossing refuses it."""

from __future__ import annotations

from typing import Final

#: Bytes of a body as it comes over the wire, and after decompression.
MAX_WIRE: Final = 8 << 20
MAX_INFLATED: Final = 32 << 20
#: JSON takes several times its size in memory: what one character beyond U+FFFF does to all others of its text. So it
#: has the limit of what comes over the wire, however well it was compressed.
MAX_JSON: Final = 8 << 20
#: Bytes of one encoded record.
MAX_RECORD: Final = 8 << 20
#: Bytes of all bodies that are being read or wait for their turn.
MAX_IN_FLIGHT: Final = 32 << 20
#: Spans or log records, and the groups that they stand in.
MAX_RECORDS: Final = 20_000
#: Attributes, elements of lists, events and links of all records of a request.
MAX_VALUES: Final = 400_000
#: Values in the JSON texts that attributes of one record may be.
MAX_IN_TEXTS: Final = 200_000
MAX_DEPTH: Final = 64


class Refusal(Exception):
    """A request is not taken: the status of the answer, the reason in words, and when to try again."""

    def __init__(
        self, status: int, message: str, *, retry_after_s: int | None = None, headers: dict[str, str] | None = None
    ) -> None:
        self.status, self.message, self.headers = status, message, dict(headers or {})
        if retry_after_s is not None:
            self.headers["Retry-After"] = str(retry_after_s)
        super().__init__(message)


class Budget:
    """How many more of something a request may hold."""

    __slots__ = ("_left", "_most", "_what")

    def __init__(self, most: int, what: str) -> None:
        self._left = self._most = most
        self._what = what

    def take(self, count: int = 1) -> None:
        """Take so many.

        Raises:
            Refusal: that is too many.
        """
        self._left -= count
        if self._left < 0:
            raise Refusal(413, f"the request holds more than {self._most:,} {self._what}; send smaller batches")
