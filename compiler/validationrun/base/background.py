"""Calls on threads of their own that do not keep the process alive."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import ParamSpec, TypeVar

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def in_background(
    function: Callable[_Parameters, _Result], *args: _Parameters.args, **kwargs: _Parameters.kwargs
) -> Future[_Result]:
    """
    Calls a function on a daemon thread of its own.

    The threads of `ThreadPoolExecutor` are joined when the process exits. A query that waits for a hanging server would then
    delay the exit by its whole time-out, although nobody needs its answer any more.
    """
    future: Future[_Result] = Future()

    def run() -> None:
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            future.set_exception(error)

    threading.Thread(target=run, name=getattr(function, "__name__", None), daemon=True).start()
    return future
