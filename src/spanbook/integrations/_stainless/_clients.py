"""One client traced: the resources it holds get traced methods of their own, its class stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MethodType
from typing import Any, Final, NamedTuple

from .._patch import Target

#: Views of a resource that hold its methods as they were when the view was made, and are cached.
_VIEWS: Final = ("with_raw_response", "with_streaming_response")
_COPIES: Final = ("copy", "with_options")
_MARK: Final = "_spanbook_wrapped"


class Clients(NamedTuple):
    """How the clients of one library are wrapped."""

    paths: Sequence[tuple[str, ...]]  # attributes of a client that lead to its resources
    resources: Mapping[str, list[Target]]  # module → methods of the resources in it
    retries: Sequence[Target]  # of the client itself

    def wrap(self, client: Any) -> bool:
        """Trace the calls of one client and of its copies; False when nothing of it is known."""
        if _MARK in vars(client):
            return True
        wrapped: list[tuple[Any, str]] = []
        for resource, targets in self._resources(client):
            for target in targets:
                if callable(getattr(resource, target.method, None)):
                    _wrap_method(resource, target)
                    wrapped.append((resource, target.method))
            _forget_views(resource)
        if not wrapped:
            return False
        for name in _COPIES:
            if callable(getattr(client, name, None)):
                setattr(client, name, self._copying(client, name))
                wrapped.append((client, name))
        for target in self.retries:
            if target.owner == _base_name(client) and callable(getattr(client, target.method, None)):
                _wrap_method(client, target)
                wrapped.append((client, target.method))
        _forget_views(client)
        setattr(client, _MARK, wrapped)
        return True

    def unwrap(self, client: Any) -> bool:
        """Give a client its own methods back; False when it was not wrapped."""
        wrapped = vars(client).pop(_MARK, None)
        if wrapped is None:
            return False
        for owner, name in wrapped:
            vars(owner).pop(name, None)
            _forget_views(owner)
        _forget_views(client)
        return True

    def _copying(self, client: Any, name: str) -> Callable[..., Any]:
        function = getattr(type(client), name)

        def copy(original: Any, *args: Any, **kwargs: Any) -> Any:
            made = function(original, *args, **kwargs)
            self.wrap(made)
            return made

        return MethodType(_like(function, copy), client)

    def _resources(self, client: Any) -> Iterator[tuple[Any, list[Target]]]:
        """Yield the client's resources that spanbook knows, with the methods to wrap in each."""
        for path in self.paths:
            value = client
            for name in path:
                value = getattr(value, name, None)
            for base in type(value).__mro__:
                targets = [t for t in self.resources.get(base.__module__, ()) if t.owner == base.__name__]
                if targets:
                    yield value, targets
                    break


def _wrap_method(owner: Any, target: Target) -> None:
    """Put a traced method on one object. The class's method is looked up at each call, traced by then or not.

    When it is traced too, the inner one sees that the call is being recorded and passes through.
    """
    kind, name = type(owner), target.method

    def original(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(kind, name)(self, *args, **kwargs)

    function = getattr(kind, name)
    twin = target.wrap(_like(function, original), lambda: _MARK in vars(_client_of(owner)))
    setattr(owner, name, MethodType(twin, owner))


def _like(function: Callable[..., Any], stand_in: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``stand_in`` with the metadata of ``function``, a coroutine function when that is one."""
    import functools
    import inspect

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaiting(self: Any, *args: Any, **kwargs: Any) -> Any:
            return await stand_in(self, *args, **kwargs)

        return awaiting
    return functools.wraps(function)(stand_in)


def _client_of(owner: Any) -> Any:
    return getattr(owner, "_client", owner) if _MARK not in vars(owner) else owner


def _base_name(client: Any) -> str:
    names = {base.__name__ for base in type(client).__mro__}
    return "AsyncAPIClient" if "AsyncAPIClient" in names else "SyncAPIClient"


def _forget_views(owner: Any) -> None:
    for name in _VIEWS:
        vars(owner).pop(name, None)
