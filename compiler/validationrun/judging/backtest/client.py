"""A Prometheus that is asked about the past over several connections at a time."""

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
    """The past cannot be judged; the message says why and what would help."""


class Connection(Prometheus):
    """A connection that also asks where Prometheus' newest data begin."""

    def newest_since(self, timeout_s: float) -> float:
        """
        The start of the data that Prometheus keeps in its head, in Unix seconds; older data lie in blocks alone.

        Minus infinity when it is unknown: for another kind of server, and when samples may come out of order.
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
    The past that Prometheus holds. A context manager, which closes its connections at the end.

    Attributes:
        questions: number of queries that were sent.
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
        """One instant query, without a retry."""
        with self._connection() as connection:
            return connection.query(query, t, timeout_s)

    def instant(self, query: str, t: float, timeout_s: float) -> Reply:
        """
        One instant query, with a retry when Prometheus is unavailable.

        Raises:
            HistoryError: Prometheus stays unavailable.
        """
        with self._connection() as connection:
            for attempt in range(_TRIES):
                reply = connection.query(query, t, timeout_s)
                answer = read_vector(reply, t)
                if not isinstance(answer, Fault) or answer.reason != RuleReason.PROMETHEUS_UNAVAILABLE:
                    return reply
                if self._over.wait(_PAUSE_SECONDS * attempt):
                    break
            if isinstance(gone := connection.clock(timeout_s), Fault):
                raise HistoryError(f"Prometheus stopped answering: {gone.message}")
            # Prometheus answers, so this reply is its answer to the query.
            return reply

    def answer(self, query: str, t: float, timeout_s: float) -> Answer:
        """The answer to one instant query. Raises what `instant` raises."""
        return read_vector(self.instant(query, t, timeout_s), t)

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """A connection that no other thread uses meanwhile."""
        if self._over.is_set():
            raise HistoryError("interrupted")
        connection = self._connections.get()
        with self._lock:
            self.questions += 1
        try:
            yield connection
        finally:
            self._connections.put(connection)
