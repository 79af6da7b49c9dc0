"""One Prometheus, asked about the past by several connections side by side."""

import concurrent.futures
import json
import math
import queue
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final, Self, TypeVar

from validationrun.base.background import in_background
from validationrun.oracle.exchange import Answer, Fault, Reply
from validationrun.oracle.outcome import RuleReason
from validationrun.oracle.prometheus_response import read_vector
from validationrun.prometheus import Access, Prometheus
from validationrun.prometheus.client import FIRST_ANSWER_SECONDS

CONNECTIONS: Final = 8
_TRIES: Final = 3
_PAUSE_SECONDS: Final = 0.3
_OUT_OF_ORDER: Final = re.compile(r"^\s*out_of_order_time_window:\s*(\S+)", re.MULTILINE)
_OPEN: Final = Access()

Item = TypeVar("Item")
Made = TypeVar("Made")


class HistoryError(Exception):
    """Nothing can be said of the past; the message says why and what would help."""


class Connection(Prometheus):
    """One connection, which also knows where Prometheus' newest data begin."""

    def newest_since(self, timeout_s: float) -> float:
        """
        Since when Prometheus keeps data in its head, Unix seconds; what is older lies in blocks alone.

        Minus infinity where that is not known: another kind of server, or samples that come out of order.
        """
        head = self._send("GET", "status/tsdb", {}, timeout_s)
        config = self._send("GET", "status/config", {}, timeout_s)
        try:
            since = json.loads(head.body)["data"]["headStats"]["minTime"]
            late = _OUT_OF_ORDER.search(json.loads(config.body)["data"]["yaml"])
            return -math.inf if late is not None and late[1] != "0s" else float(since) / 1000
        except (ValueError, KeyError, TypeError):
            return -math.inf


class Past:
    """
    What Prometheus holds. Use it as a context manager: its threads and connections end with it.

    Attributes:
        questions: how many queries were sent.
    """

    def __init__(self, url: str, access: Access = _OPEN, connections: int = CONNECTIONS) -> None:
        self.url = url
        self.access = access
        self.questions = 0
        self._connections: queue.SimpleQueue[Connection] = queue.SimpleQueue()
        self._all = [Connection(url, access) for _ in range(connections)]
        for connection in self._all:
            self._connections.put(connection)
        self._over = threading.Event()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for connection in self._all:
            connection.close()

    def now(self) -> float:
        """
        Prometheus' own time.

        Raises:
            HistoryError: it does not answer.
        """
        with self._connection() as connection:
            answer = connection.clock(FIRST_ANSWER_SECONDS)
        if isinstance(answer, Fault):
            raise HistoryError(f"Prometheus does not answer: {answer.message}; --prometheus names another")
        return answer

    def version(self) -> str | None:
        with self._connection() as connection:
            version = connection.version(FIRST_ANSWER_SECONDS)
        return None if isinstance(version, Fault) else version

    def newest_since(self) -> float:
        """See `Connection.newest_since`."""
        with self._connection() as connection:
            return connection.newest_since(FIRST_ANSWER_SECONDS)

    def rules(self, alertname: str) -> Reply:
        with self._connection() as connection:
            return connection.rules(alertname, FIRST_ANSWER_SECONDS)

    def side_by_side(self, make: Callable[[Item], Made], items: Sequence[Item]) -> list[Made]:
        """`make` of each item, in their order, as many at a time as there are connections. Raises what `make` raises."""
        results: dict[int, Made] = {}
        waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for index in range(len(items)):
            waiting.put(index)

        def work() -> None:
            with suppress(queue.Empty):
                while True:
                    index = waiting.get_nowait()
                    results[index] = make(items[index])

        workers = [in_background(work) for _ in range(min(len(self._all), len(items)))]
        try:
            for worker in concurrent.futures.as_completed(workers):
                worker.result()
        except BaseException:
            # After Ctrl-C too, nothing more is asked.
            self._over.set()
            raise
        return [results[index] for index in range(len(items))]

    def range(self, query: str, start: float, end: float, step_s: float, timeout_s: float) -> Reply:
        """One range query."""
        with self._connection() as connection:
            return connection.query_range(query, start, end, step_s, timeout_s)

    def once(self, query: str, t: float, timeout_s: float) -> Reply:
        """One instant query, not asked again."""
        with self._connection() as connection:
            return connection.query(query, t, timeout_s)

    def instant(self, query: str, t: float, timeout_s: float) -> Reply:
        """
        One instant query. Asked again when Prometheus was not there.

        Raises:
            HistoryError: it does not come back.
        """
        with self._connection() as connection:
            for attempt in range(_TRIES):
                reply = connection.query(query, t, timeout_s)
                answer = read_vector(reply)
                if not isinstance(answer, Fault) or answer.reason != RuleReason.PROMETHEUS_UNAVAILABLE:
                    return reply
                if self._over.wait(_PAUSE_SECONDS * attempt):
                    break
            if isinstance(gone := connection.clock(timeout_s), Fault):
                raise HistoryError(f"Prometheus stopped answering: {gone.message}")
            # It is there; to this question it has no better answer.
            return reply

    def answer(self, query: str, t: float, timeout_s: float) -> Answer:
        """The answer to one instant query. Raises as `instant`."""
        return read_vector(self.instant(query, t, timeout_s))

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """One that nobody else uses."""
        if self._over.is_set():
            raise HistoryError("interrupted")
        connection = self._connections.get()
        with self._lock:
            self.questions += 1
        try:
            yield connection
        finally:
            self._connections.put(connection)
