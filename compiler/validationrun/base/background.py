"""Calls on threads that do not keep the process alive."""

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
    Calls a function on a new daemon thread.

    A process joins the threads of `ThreadPoolExecutor` when it exits, so a query to a hanging server would delay the exit by its
    whole time-out.
    """
    future: Future[_Result] = Future()

    def run() -> None:
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            future.set_exception(error)

    threading.Thread(target=run, name=getattr(function, "__name__", None), daemon=True).start()
    return future
