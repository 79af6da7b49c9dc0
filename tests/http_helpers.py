"""A small HTTP server of the tests, on loopback, for clients that must not trust what they are sent."""

import contextlib
import http.server
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass
class Request:
    """What the client sent."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str]


@dataclass
class Reply:
    """What it gets; `hold` is called between two pieces of the body."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    pieces: int = 1
    hold: Callable[[], None] = lambda: None
    length: int | None = None


@contextlib.contextmanager
def serving(reply: Callable[[Request], Reply], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The server's URL while it serves."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            made = reply(Request(self.command, self.path, body, dict(self.headers)))
            self.send_response(made.status)
            for name, value in made.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(made.body) if made.length is None else made.length))
            self.end_headers()
            step = max(1, len(made.body) // made.pieces)
            with contextlib.suppress(OSError):
                for at in range(0, len(made.body), step):
                    self.wfile.write(made.body[at : at + step])
                    self.wfile.flush()
                    made.hold()

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - names of the base class

        def log_message(self, *_: object) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that breaks off is what a test of TLS is about."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Line:
    """The server's end of one connection, byte by byte."""

    def __init__(self, connection: socket.socket, number: int) -> None:
        self.number = number
        self._connection = connection
        self._file = connection.makefile("rb")

    def request(self) -> bytes:
        """The next whole request. Raises EOFError when the client has closed."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self._file.readline()
            if not line:
                raise EOFError
            head += line
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        return head + self._file.read(int(length.group(1)) if length else 0)

    def send(self, content: bytes) -> None:
        self._connection.sendall(content)

    def answer(self, body: bytes) -> None:
        """A good response, after which the connection stays open."""
        self.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    def wait_for_end(self) -> None:
        """Until the client closes."""
        while self._file.read(1):
            pass

    def close(self) -> None:
        self._file.close()
        self._connection.close()


@contextlib.contextmanager
def talking(talk: Callable[[Line], None]) -> Iterator[str]:
    """The URL of a server for which `talk` speaks, once for each connection; it is closed when `talk` returns."""
    listener = socket.create_server(("127.0.0.1", 0))
    lines: list[Line] = []

    def serve(line: Line) -> None:
        with contextlib.suppress(OSError, EOFError, ValueError):
            talk(line)
        with contextlib.suppress(OSError):
            line.close()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                lines.append(Line(listener.accept()[0], len(lines) + 1))
                threading.Thread(target=serve, args=(lines[-1],), daemon=True).start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join(5)
