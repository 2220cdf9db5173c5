"""What stands in for calls that are not supported: it is told once, and the script goes on."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar

from jupyter_mlops.text import visible

_LOGGER = logging.getLogger("jupyter_mlops")
_TOLD_LIMIT = 1_000
_told: set[str] = set()

_P = ParamSpec("_P")
_R = TypeVar("_R")


def tell_once(message: str) -> None:
    """Log ``message`` as a warning, once in a process."""
    if message not in _told and len(_told) < _TOLD_LIMIT:
        _told.add(message)
        _LOGGER.warning("%s", visible(message))


class StandIn:
    """Anything may be done with it, and nothing comes of it: it is empty, and false.

    As a decorator it gives the function back, as a base class it adds nothing.
    """

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Return what stands in for the result."""
        is_decorator = len(args) == 1 and not options and callable(args[0])
        return args[0] if is_decorator and not isinstance(args[0], StandIn) else self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: Any) -> Any:
        return self

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return ()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: Any) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "<not supported>"


STAND_IN = StandIn()
"""The one that there is."""


def unsupported(name: str, instead: str = "the script goes on without it") -> StandIn:
    """Tell that ``name`` is not supported, and return what stands in for it."""
    tell_once(f"{name} is not supported by jupyter_mlops.compat: {instead}.")
    return STAND_IN


def find_unsupported(library: str, name: str) -> StandIn:
    """Return what stands in for an attribute that a module of ``library`` has not.

    Raises:
        AttributeError: it is a private name, which Python itself looks for.
    """
    if name.startswith("_"):
        raise AttributeError(f"module jupyter_mlops.compat.{library} has no attribute {name!r}")
    return unsupported(f"{library}.{name}")


def guarded(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let ``function`` never raise: what it raises is told once, and it returns what stands in."""

    @functools.wraps(function)
    def call(*args: _P.args, **options: _P.kwargs) -> _R:
        try:
            return function(*args, **options)
        except Exception as error:
            # Training goes on whatever was passed in.
            tell_once(f"{function.__qualname__} was not carried out: {error}")
            return STAND_IN  # type: ignore[return-value]

    return call
