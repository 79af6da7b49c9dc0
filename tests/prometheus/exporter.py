"""What a Prometheus of the tests scrapes: metrics that a test sets, on a server that can be slow, late or down."""

import contextlib
import http.server
import threading
from collections.abc import Iterator, Mapping
from typing import Final

_FOR_EVER: Final = 60.0


class Exporter:
    """
    Attributes:
        address: `host:port`, as a scrape configuration names it.
        delay_s: how long each scrape waits for its answer; the sample is stamped when the scrape began, so it is late by this.
        down: every scrape fails.
        scrapes: how many were answered.
    """

    def __init__(self) -> None:
        self.address = ""
        self.delay_s = 0.0
        self.down = False
        self.scrapes = 0
        self._lock = threading.Lock()
        self._text = ""
        self._go = threading.Event()
        self._go.set()
        self._over = threading.Event()

    def set(self, metrics: Mapping[str, float | str]) -> None:
        """
        All that is exported from now on; what was there before and is not now goes stale.

        Args:
            metrics: series as text, such as `height{chain_id="x"}`, to its value; a text may end in a timestamp of milliseconds.
        """
        with self._lock:
            self._text = "".join(f"{name} {value}\n" for name, value in metrics.items())

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """No scrape is answered inside."""
        self._go.clear()
        try:
            yield
        finally:
            self._go.set()

    def text(self) -> str | None:
        """For one scrape; None when it fails."""
        self._over.wait(self.delay_s)
        self._go.wait(_FOR_EVER)
        with self._lock:
            self.scrapes += 1
            return None if self.down else self._text

    def end(self) -> None:
        self._over.set()
        self._go.set()


@contextlib.contextmanager
def exporting(metrics: Mapping[str, float | str] | None = None) -> Iterator[Exporter]:
    exporter = Exporter()
    exporter.set(metrics or {})

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            text = exporter.text()
            with contextlib.suppress(OSError):
                if text is None:
                    self.send_error(503)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    exporter.address = f"127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield exporter
    finally:
        exporter.end()
        server.shutdown()
        server.server_close()
