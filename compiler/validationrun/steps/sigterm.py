"""What a step does on SIGTERM, which Kubernetes sends when a pod is deleted or its node drained."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def on_sigterm(action: Callable[[], None]) -> Iterator[None]:
    """
    Calls `action` on SIGTERM, which then does not end the process.

    Without effect outside of the main thread, where Python cannot handle signals.
    """

    def on_signal(number: int, frame: FrameType | None) -> None:
        del number, frame
        action()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, on_signal)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
