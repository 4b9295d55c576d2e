"""Run work that creates many objects and no reference cycles."""

import gc
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")


def in_bulk(work: Callable[_Args, _Result]) -> Callable[_Args, _Result]:
    """Run `work` without the cycle collector, which took half of an import's time."""

    @wraps(work)
    def wrapped(*args: _Args.args, **kwargs: _Args.kwargs) -> _Result:
        was_on = gc.isenabled()
        gc.disable()
        try:
            return work(*args, **kwargs)
        finally:
            if was_on:
                gc.enable()

    return wrapped
