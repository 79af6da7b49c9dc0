"""A small HTTP server of the tests, on loopback, for clients that must not trust what they are sent."""

import contextlib
import http.server
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
def serving(reply: Callable[[Request], Reply]) -> Iterator[str]:
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

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
