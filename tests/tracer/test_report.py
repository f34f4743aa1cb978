"""Failures of tracing: said once, at the user's line, never raised."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator

import pytest

from spanbook.tracer import SpanbookWarning, _report


@pytest.fixture(autouse=True)
def _say_everything() -> Iterator[None]:
    _report.forget_said()
    _report.errors.clear()
    yield
    _report.errors.clear()


def test_a_warning_points_at_the_users_line_and_comes_once() -> None:
    """However often it happens."""
    with pytest.warns(SpanbookWarning, match="^it went wrong$") as said:
        for _ in range(3):
            _report.warn_once("key", "it went wrong")
        _report.warn_once("other", "it went wrong")
    assert [warning.filename for warning in said] == [__file__] * 2


def test_a_failure_is_counted_each_time() -> None:
    """With the error's own words."""
    with pytest.warns(SpanbookWarning, match=r"could not do it \(ValueError: no\); your program is unaffected") as said:
        for _ in range(3):
            _report.report_failure("do it", ValueError("no"))
    assert len(said) == 1
    assert _report.errors == {"do it": 3}


def test_warnings_as_errors_are_printed_instead(capsys: pytest.CaptureFixture[str]) -> None:
    """``python -W error`` is meant for the user's code; tracing must not break it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _report.warn_once("key", "it went wrong")
    assert capsys.readouterr().err == "SpanbookWarning: it went wrong\n"


def test_an_error_whose_text_raises_is_reported_all_the_same() -> None:
    """A user's exception may be anything."""

    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    with pytest.warns(SpanbookWarning, match="Odd: its text could not be read"):
        _report.report_failure("do it", Odd())


def test_code_without_a_name_is_no_obstacle() -> None:
    """``exec`` with a namespace of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        exec("say('key', 'text')", {"say": _report.warn_once, "__name__": None})  # noqa: S102 (the case under test)


def test_a_warning_inside_a_warning_does_not_hang() -> None:
    """A collected generator may end its span, and fail, at any allocation."""
    done = threading.Event()

    def nested() -> None:
        with _report._lock:
            _report.warn_once("inner", "inner")
        done.set()

    with pytest.warns(SpanbookWarning):
        thread = threading.Thread(target=nested, daemon=True)
        thread.start()
        thread.join(5)
    assert done.is_set()
