"""What ``import spanbook`` offers: sorted, importable, described, and nothing besides."""

import inspect
import pkgutil
from collections.abc import Iterator

import spanbook

SUBMODULES = {module.name for module in pkgutil.iter_modules(spanbook.__path__)}


def test_all_is_sorted_and_has_no_doubles() -> None:
    """One place to look a name up."""
    assert list(spanbook.__all__) == sorted(set(spanbook.__all__))


def test_every_exported_name_exists() -> None:
    """Also those that are only loaded when asked for."""
    missing = [name for name in spanbook.__all__ if not hasattr(spanbook, name)]
    assert missing == []


def test_nothing_public_besides_all_and_submodules() -> None:
    """What completion offers, and what of ours stands in the namespace without being exported."""
    found = {name for name in dir(spanbook) if not name.startswith("_")}
    found |= {name for name, thing in vars(spanbook).items() if name[0] != "_" and _is_ours(thing)}
    assert found - set(spanbook.__all__) - SUBMODULES == set()
    assert set(spanbook.__all__) <= set(dir(spanbook))


def test_no_function_hides_a_submodule() -> None:
    """Which of the two a name gives would depend on what was imported before."""
    both = SUBMODULES & set(spanbook.__all__)
    assert [name for name in both if not inspect.ismodule(getattr(spanbook, name))] == []


def test_every_exported_function_and_class_is_described() -> None:
    """A docstring each, and one for each public method and property of the classes."""
    bare = [name for name, text in _descriptions() if not (text or "").strip()]
    assert bare == []


def _is_ours(thing: object) -> bool:
    return str(getattr(thing, "__module__", "")).startswith("spanbook")


def _descriptions() -> Iterator[tuple[str, str | None]]:
    for name in spanbook.__all__:
        thing = getattr(spanbook, name)
        if not inspect.isclass(thing):
            if callable(thing):
                yield name, inspect.getdoc(thing)
            continue
        yield name, thing.__doc__
        for member_name, member in vars(thing).items():
            described = inspect.isfunction(member) or isinstance(member, property | classmethod | staticmethod)
            if described and not member_name.startswith("_"):
                yield f"{name}.{member_name}", inspect.getdoc(getattr(thing, member_name))
