"""A proxy in front of a real Prometheus that behaves badly when it is told to: for all requests, for some, or for the next few."""

import contextlib
import http.client
import http.server
import json
import socket
import struct
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from tests.prometheus.certificates import Certificate

_TLS: Final = b"\x16"
_RESET: Final = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Request:
    """What a client sent; `at` is when its head had come, Unix seconds."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def endpoint(self) -> str:
        """Without the parameters."""
        return urllib.parse.urlsplit(self.path).path

    @property
    def form(self) -> dict[str, list[str]]:
        """Parameters of the URL and of the body."""
        sent = f"{urllib.parse.urlsplit(self.path).query}&{self.body.decode('utf-8', 'replace')}"
        return urllib.parse.parse_qs(sent)

    @property
    def query(self) -> str:
        """The PromQL; empty when there is none."""
        return self.form.get("query", [""])[0]


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})

    @property
    def head(self) -> bytes:
        """As bytes, with the length of the whole body."""
        lines = [f"HTTP/1.1 {self.status} {http.client.responses.get(self.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, f"Content-Length: {len(self.body)}", "", ""]).encode()


class Exchange:
    """One request, and the means to answer it in any way."""

    def __init__(self, handler: "_Handler", request: Request) -> None:
        self.request = request
        self._handler = handler
        self._proxy = handler.proxy

    def forward(self) -> Answer:
        """What the real one says."""
        upstream = http.client.HTTPConnection(self._proxy.upstream, timeout=60)
        try:
            kept = {
                name: value
                for name, value in self.request.headers.items()
                if name.lower() in {"content-type", "accept"}
            }
            upstream.request(self.request.method, self.request.path, self.request.body, kept)
            response = upstream.getresponse()
            taken = {
                name: value for name, value in response.getheaders() if name.lower() in {"content-type", "location"}
            }
            return Answer(response.status, response.read(), taken)
        finally:
            upstream.close()

    def reply(self, answer: Answer) -> None:
        self.send(answer.head + answer.body)

    def send(self, content: bytes) -> None:
        """Bytes as they are. Raises OSError when the client is gone."""
        self._handler.wfile.write(content)

    def wait(self, seconds: float | None = None) -> bool:
        """True once the time is over; False when the proxy was healed or ended before."""
        return not self._proxy.released().wait(seconds)

    def close(self, *, reset: bool = False) -> None:
        """After this exchange; at once when it is reset."""
        self._handler.close_connection = True
        if reset:
            self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


Behaviour = Callable[[Exchange], None]


def pass_on(exchange: Exchange) -> None:
    exchange.reply(exchange.forward())


@dataclass
class _Rule:
    behaviour: Behaviour
    holds: Callable[[Request], bool]
    left: float


class Proxy:
    """
    Attributes:
        upstream: `host:port` of the real Prometheus.
        requests: all that came, also those that were not answered.
        connections: how many were accepted.
        certificate: shown to clients that speak TLS; the port takes both. None: it speaks no TLS.
        handshakes: False: a client that speaks TLS waits for ever.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.requests: list[Request] = []
        self.connections = 0
        self.certificate: Certificate | None = None
        self.handshakes = True
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._place = _bound(0)
        self.port: int = self._place.getsockname()[1]
        self._listener: socket.socket | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def behave(
        self,
        behaviour: Behaviour,
        on: str | Callable[[Request], bool] = "",
        times: float = float("inf"),
    ) -> Self:
        """
        From now on; what was told last goes first.

        Args:
            on: a part of the path or of the PromQL, or a function of the request; all requests when it is empty.
            times: for so many requests, and no more.
        """
        holds = on if callable(on) else lambda request: on in request.path or on in request.query
        with self._lock:
            self._rules.insert(0, _Rule(behaviour, holds, times))
        return self

    def heal(self) -> None:
        """Good again; what hangs is let go."""
        with self._lock:
            self._rules.clear()
            released, self._released = self._released, threading.Event()
        released.set()

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """Nobody listens inside, and open connections are cut."""
        self.refuse()
        try:
            yield
        finally:
            self.listen()

    def listen(self) -> None:
        self._listener = _bound(self.port)
        self._listener.listen(128)
        self._run(self._accept, self._listener)

    def refuse(self) -> None:
        """Until `listen`. The port stays ours: it is bound all the time."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._lock:
            cut = list(self._open)
        for one in cut:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        self.refuse()
        self.heal()
        for thread in self._threads:
            thread.join(10)
        self._place.close()

    def released(self) -> threading.Event:
        with self._lock:
            return self._released

    def choose(self, request: Request) -> Behaviour:
        with self._lock:
            self.requests.append(request)
            for rule in self._rules:
                if rule.left > 0 and rule.holds(request):
                    rule.left -= 1
                    return rule.behaviour
        return pass_on

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.add(connection)
            self._run(self._serve, connection)

    def _run(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve(self, connection: socket.socket) -> None:
        kept = connection
        try:
            with contextlib.suppress(OSError):
                if connection.recv(1, socket.MSG_PEEK) == _TLS:
                    if not self.handshakes:
                        self.released().wait()
                    elif self.certificate is not None:
                        connection = self.certificate.wrap(connection)
                _Handler(self, connection)
        finally:
            with self._lock:
                self._open.discard(kept)
            connection.close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, proxy: Proxy, connection: socket.socket) -> None:
        self.proxy = proxy
        super().__init__(connection, ("127.0.0.1", 0), None)  # type: ignore[arg-type]

    def answer(self) -> None:
        at = time.time()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, self.path, dict(self.headers), body, at)
        self.proxy.choose(request)(Exchange(self, request))

    do_GET = do_POST = answer  # noqa: N815 - names of the base class

    def log_message(self, *_: object) -> None:
        pass


def _bound(port: int) -> socket.socket:
    """Without a listener a port refuses, and nobody else gets it."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    return sock


@contextlib.contextmanager
def between(url: str) -> Iterator[Proxy]:
    """A proxy in front of the Prometheus with that URL, good until it is told otherwise."""
    proxy = Proxy(urllib.parse.urlsplit(url).netloc)
    proxy.listen()
    try:
        yield proxy
    finally:
        proxy.end()


@contextlib.contextmanager
def unreachable() -> Iterator[str]:
    """The URL of a host that takes no connection and refuses none, as behind a NetworkPolicy: its queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(_bound(0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(4):
            waiting = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(("127.0.0.1", port))
        yield f"http://127.0.0.1:{port}"


def json_of(answer: Answer) -> Any:
    return json.loads(answer.body)
