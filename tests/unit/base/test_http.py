"""What the chain's nodes and Prometheus are asked through; tests/unit/prometheus holds the deadlines of every part."""

import gzip
import json
import time

import pytest

from http_helpers import Line, Reply, Request, serving, talking
from validationrun.base.http import NoResponseError, Problem, fetch_json

MOST_BYTES = 1024 * 1024


def fetch(url: str, document: object = None, timeout_s: float = 5) -> object:
    return fetch_json(url, document, timeout_s=timeout_s, most_bytes=MOST_BYTES)


def failure(url: str, timeout_s: float = 5) -> NoResponseError:
    with pytest.raises(NoResponseError) as raised:
        fetch(url, timeout_s=timeout_s)
    return raised.value


def test_json_is_asked_by_get_and_by_post_with_a_document() -> None:
    requests: list[Request] = []

    def reply(request: Request) -> Reply:
        requests.append(request)
        return Reply(body=b'{"a": 1}')

    with serving(reply) as url:
        assert fetch(f"{url}/status") == {"a": 1}
        assert fetch(url, {"id": 1}) == {"a": 1}
    get, post = requests
    assert (get.method, get.path, get.body) == ("GET", "/status", b"")
    assert (post.method, post.path, json.loads(post.body)) == ("POST", "/", {"id": 1})
    assert post.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("reply", "detail"),
    [
        (Reply(503), "HTTP 503"),
        (Reply(body=b"<html>"), "the answer is not JSON"),
        (Reply(body=b"[" * 100_000), "the answer is not JSON"),
        (Reply(body=b'{"height": 1e999}'), "the answer is not JSON"),
        (Reply(body=b'{"height": NaN}'), "the answer is not JSON"),
        (Reply(body=gzip.compress(b" " * 2_000_000)), "the answer is not JSON"),
        (Reply(body=b"{}", length=100), "the answer broke off after 2 bytes"),
        (Reply(302, headers={"Location": "http://127.0.0.1:9/"}), "a redirect to 'http://127.0.0.1:9/'"),
    ],
)
def test_an_answer_that_cannot_be_used_says_why(reply: Reply, detail: str) -> None:
    with serving(lambda _: reply) as url:
        error = failure(url)
    assert detail in error.detail
    assert (error.problem, error.late) == (Problem.OTHER, False)


def test_a_server_cannot_put_escape_sequences_into_the_reason() -> None:
    """The reason goes into logs and into the Workflow's message."""

    def title(line: Line) -> None:
        line.request()
        line.send(b"HTTP/1.1 \x1b]0;mine\x07 OK\r\n\r\n")

    with talking(title) as url:
        error = failure(url)
    assert error.detail.isprintable()
    assert str(error).isprintable()
    assert NoResponseError("node", "\x1b[2J").detail == "\\x1b[2J"


def test_an_answer_that_is_too_large_is_not_read_to_its_end() -> None:
    with serving(lambda _: Reply(body=b"1" * (MOST_BYTES + 1))) as url:
        error = failure(url)
    assert (error.problem, "more than 1 MiB" in error.detail) == (Problem.TOO_LARGE, True)
    with serving(lambda _: Reply(body=b"1" + b" " * (MOST_BYTES - 1))) as url:
        assert fetch(url) == 1


def test_an_answer_that_trickles_ends_by_the_wall_clock() -> None:
    def trickle(line: Line) -> None:
        line.request()
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + b" " * 500:
            line.send(bytes([byte]))
            time.sleep(0.05)

    with talking(trickle) as url:
        began = time.monotonic()
        error = failure(url, 0.4)
    assert (error.problem, error.late) == (Problem.LATE, True)
    assert 0.4 <= time.monotonic() - began < 2


def test_a_name_that_does_not_resolve_is_told_apart() -> None:
    assert failure("http://nobody.invalid:1").problem is Problem.NO_ADDRESS


@pytest.mark.parametrize("url", ["", "ws://a", "ftp://a/", "http://", "http://me:s3cret@a", "http://a?b", "http://a b"])
def test_a_url_that_is_not_one_of_a_server_is_refused(url: str) -> None:
    assert failure(url).detail == "not the URL of a server"
