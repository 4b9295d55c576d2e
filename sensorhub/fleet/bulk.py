"""Work that makes hundreds of thousands of objects and no cycles."""

import gc
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")


def in_bulk(work: Callable[_Args, _Result]) -> Callable[_Args, _Result]:
    """Run `work` with the cycle collector off: it took half of the time."""

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
