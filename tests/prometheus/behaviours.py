"""Ways in which a server, or what lies before it, goes wrong."""

import itertools
import json
from collections.abc import Callable
from typing import Any

from tests.prometheus.proxy import Answer, Behaviour, Exchange, pass_on

__all__ = [
    "endless", "garbage", "half", "hang", "hang_after_headers", "not_http", "pass_on", "redirect", "reset", "rewritten",
    "skewed", "slow", "status", "trickle", "warned", "wrong_type",
]  # fmt: skip


def status(code: int, body: bytes = b"", content_type: str = "text/plain") -> Behaviour:
    """An answer that is not the real one's."""
    return lambda exchange: exchange.reply(Answer(code, body, {"Content-Type": content_type}))


def hang(exchange: Exchange) -> None:
    """Takes the request and says nothing."""
    exchange.wait()
    exchange.close()


def hang_after_headers(exchange: Exchange) -> None:
    exchange.send(exchange.forward().head)
    exchange.wait()
    exchange.close()


def trickle(every_s: float, *, headers: bool = False) -> Behaviour:
    """The real answer, a byte at a time: the whole of it, or the body after good headers."""

    def behaviour(exchange: Exchange) -> None:
        exchange.close()
        answer = exchange.forward()
        if not headers:
            exchange.send(answer.head)
        for byte in answer.head + answer.body if headers else answer.body:
            exchange.send(bytes([byte]))
            if not exchange.wait(every_s):
                return

    return behaviour


def slow(seconds: float) -> Behaviour:
    """The real answer, as it is now, so much later."""

    def behaviour(exchange: Exchange) -> None:
        answer = exchange.forward()
        exchange.wait(seconds)
        exchange.reply(answer)

    return behaviour


def garbage(exchange: Exchange) -> None:
    """A login page, as a proxy of a company sends it."""
    exchange.reply(Answer(200, b"<html><title>Sign in</title></html>", {"Content-Type": "text/html"}))


def not_http(exchange: Exchange) -> None:
    exchange.close()
    exchange.send(b"\x00\x01\x1b[31m nonsense\r\n\r\n")


def half(exchange: Exchange) -> None:
    """The real answer breaks off, whatever length it announced."""
    exchange.close()
    answer = exchange.forward()
    exchange.send(answer.head + answer.body[: len(answer.body) // 2])


def reset(exchange: Exchange) -> None:
    exchange.close(reset=True)


def endless(exchange: Exchange) -> None:
    """A body without end, as fast as it is read."""
    exchange.close()
    exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    for _ in itertools.count():
        exchange.send(chunk)


def redirect(location: str, code: int = 302) -> Behaviour:
    return lambda exchange: exchange.reply(Answer(code, b"", {"Location": location}))


def rewritten(change: Callable[[dict[str, Any]], object]) -> Behaviour:
    """The real answer, its JSON changed in place."""

    def behaviour(exchange: Exchange) -> None:
        answer = exchange.forward()
        whole = json.loads(answer.body)
        change(whole)
        exchange.reply(Answer(answer.status, json.dumps(whole).encode(), answer.headers))

    return behaviour


def wrong_type(kind: str) -> Behaviour:
    """The result under another type's name."""
    return rewritten(lambda whole: whole["data"].update(resultType=kind))


def warned(*texts: str) -> Behaviour:
    """The real answer, with warnings."""
    return rewritten(lambda whole: whole.update(warnings=list(texts)))


def skewed(seconds: float) -> Behaviour:
    """A clock that is ahead by so much, as far as `time()` shows it."""

    def change(whole: dict[str, Any]) -> None:
        t, value = whole["data"]["result"]
        whole["data"]["result"] = [t + seconds, repr(float(value) + seconds)]

    def behaviour(exchange: Exchange) -> None:
        is_clock = exchange.request.query == "time()" and "time" not in exchange.request.form
        (rewritten(change) if is_clock else pass_on)(exchange)

    return behaviour
