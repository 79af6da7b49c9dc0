"""The client of Prometheus against servers that a good one never is; a good one is asked in tests/prometheus."""

import contextlib
import gc
import json
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_api_client import PrometheusConnect

from http_helpers import Line, Reply, Request, serving, talking
from validationrun.oracle import prometheus_response
from validationrun.oracle.exchange import Fault, Samples
from validationrun.prometheus import Access, Prometheus, client


def vector(value: str, **more: Any) -> bytes:
    result = [{"metric": {}, "value": [1, value]}]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}, **more}).encode()


def value(prometheus: Prometheus, timeout_s: float = 5) -> str:
    """Of a query that must be answered."""
    read = prometheus_response.read_vector(prometheus.query("up", 10, timeout_s))
    assert isinstance(read, Samples), read
    return read.samples[0].value


def fault(prometheus: Prometheus, timeout_s: float = 5) -> Fault:
    """Of a query that must not be answered; the reply says nothing else."""
    reply = prometheus.query("up", 10, timeout_s)
    assert (reply.status, reply.body) == (None, b"")
    assert reply.fault is not None
    return reply.fault


def seen(ask: Callable[[Prometheus], Any], path: str = "", access: Access | None = None) -> Request:
    """The only request that `ask` sends."""
    requests: list[Request] = []

    def reply(request: Request) -> Reply:
        requests.append(request)
        return Reply(body=vector("1"))

    with serving(reply) as url:
        ask(Prometheus(url + path, access or Access()))
    (request,) = requests
    return request


def form(request: Request) -> dict[str, list[str]]:
    return urllib.parse.parse_qs(request.body.decode())


def test_a_query_is_a_post_with_an_explicit_time() -> None:
    request = seen(lambda prometheus: prometheus.query('up{a="&"}', 1_795_000_000.25, 7), "/prefix/")
    assert (request.method, request.path) == ("POST", "/prefix/api/v1/query")
    assert form(request) == {"query": ['up{a="&"}'], "time": ["1795000000.250"], "timeout": ["7.000"]}


def test_a_query_without_a_time_leaves_it_to_prometheus() -> None:
    assert "time" not in form(seen(lambda prometheus: prometheus.query("up", None, 7)))


def test_a_range_query_keeps_the_milliseconds_of_its_times() -> None:
    """The client library rounds them to seconds."""
    request = seen(lambda prometheus: prometheus.query_range("up", 1_795_000_000.25, 1_795_000_100.75, 0.5, 7))
    assert (request.method, request.path) == ("POST", "/api/v1/query_range")
    assert form(request) == {
        "query": ["up"],
        "start": ["1795000000.250"],
        "end": ["1795000100.750"],
        "step": ["0.500"],
        "timeout": ["7.000"],
    }


def test_rules_are_asked_for_one_alert() -> None:
    request = seen(lambda prometheus: prometheus.rules("A&B", 7))
    assert request.method == "GET"
    assert urllib.parse.urlsplit(request.path).path == "/api/v1/rules"
    assert urllib.parse.parse_qs(urllib.parse.urlsplit(request.path).query) == {
        "type": ["alert"],
        "rule_name[]": ["A&B"],
    }


def test_labels_and_series_are_asked_with_each_selector() -> None:
    values = seen(lambda prometheus: prometheus.label_values("a/b", ["up", "down"], 1, 2, 7))
    assert values.path.startswith("/api/v1/label/a%2Fb/values?")
    assert urllib.parse.parse_qs(urllib.parse.urlsplit(values.path).query)["match[]"] == ["up", "down"]
    series = seen(lambda prometheus: prometheus.series(["up", "down"], 1, 2, 7, limit=5))
    assert (series.method, series.path) == ("POST", "/api/v1/series")
    assert form(series) == {"match[]": ["up", "down"], "start": ["1.000"], "end": ["2.000"], "limit": ["5"]}


def test_series_are_cut_for_a_prometheus_that_knows_no_limit() -> None:
    body = json.dumps({"status": "success", "data": [{"a": "1"}, {"a": "2"}, {"a": "3"}]}).encode()
    with serving(lambda _: Reply(body=body)) as url:
        assert Prometheus(url).series(["up"], 1, 2, 5, limit=2) == [{"a": "1"}, {"a": "2"}]


@pytest.mark.parametrize("result", [[], [{"metric": {}, "value": [1, "1"]}] * 2])
def test_a_clock_with_no_value_or_two_is_a_fault(result: list[Any]) -> None:
    body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()
    with serving(lambda _: Reply(body=body)) as url:
        clock = Prometheus(url).clock(5)
    assert isinstance(clock, Fault)
    assert clock.reason == "PrometheusUnavailable"


def test_queries_are_carried_by_prometheus_api_client(monkeypatch: pytest.MonkeyPatch) -> None:
    carried: list[str] = []
    for name in ("custom_query", "custom_query_range"):
        real = getattr(PrometheusConnect, name)

        def spy(self: Any, query: str, *args: Any, real: Any = real, **kwargs: Any) -> Any:
            carried.append(query)
            return real(self, query, *args, **kwargs)

        monkeypatch.setattr(PrometheusConnect, name, spy)
    with serving(lambda _: Reply(body=vector("1"))) as url:
        Prometheus(url).query("one", 1, 5)
        Prometheus(url).query_range("two", 1, 2, 1, 5)
    assert carried == ["one", "two"]


def test_the_whole_reply_is_kept_whatever_the_client_library_makes_of_it() -> None:
    for made in (Reply(body=vector("1", warnings=["w"])), Reply(422, b'{"error": "no"}'), Reply(200, b"[" * 50_000)):
        with serving(lambda _, made=made: made) as url:
            reply = Prometheus(url).query("up", 1, 5)
        assert (reply.status, reply.body, reply.fault) == (made.status, made.body, None)


# One connection.


def test_queries_share_one_connection() -> None:
    lines: list[int] = []

    def talk(line: Line) -> None:
        while True:
            line.request()
            lines.append(line.number)
            line.answer(vector("1"))

    with talking(talk) as url:
        prometheus = Prometheus(url)
        for _ in range(5):
            value(prometheus)
        prometheus.close()
    assert lines == [1] * 5


def test_a_connection_that_was_closed_meanwhile_is_opened_again() -> None:
    closed = threading.Event()

    def talk(line: Line) -> None:
        line.request()
        line.answer(vector(str(line.number)))
        line.close()
        closed.set()

    with talking(talk) as url:
        prometheus = Prometheus(url)
        for number in ("1", "2", "3"):
            assert value(prometheus) == number
            assert closed.wait(5)
            closed.clear()


def test_a_connection_that_closes_under_the_question_is_opened_once_more() -> None:
    """Nothing shows before the request is sent; the second connection's silence is an answer."""
    requests: list[int] = []

    def talk(line: Line) -> None:
        while True:
            line.request()
            requests.append(line.number)
            if len(requests) > 1:
                return
            line.answer(vector("1"))

    with talking(talk) as url:
        prometheus = Prometheus(url)
        assert value(prometheus) == "1"
        assert fault(prometheus).reason == "PrometheusUnavailable"
    assert requests == [1, 1, 2]


def test_a_late_answer_is_never_read_as_the_next() -> None:
    late = threading.Event()

    def talk(line: Line) -> None:
        if line.number == 1:
            line.request()
            late.wait(5)
            line.answer(vector("late"))
            return
        while True:
            line.request()
            line.answer(vector("2"))

    with talking(talk) as url:
        prometheus = Prometheus(url)
        assert fault(prometheus, 0.2).reason == "Timeout"
        late.set()
        assert value(prometheus) == "2"
        prometheus.close()


def test_bytes_that_nobody_asked_for_are_never_read_as_an_answer() -> None:
    read, sent = threading.Event(), threading.Event()

    def talk(line: Line) -> None:
        while True:
            line.request()
            line.answer(vector(str(line.number)))
            if line.number == 1:
                read.wait(5)
                line.answer(vector("666"))
                sent.set()

    with talking(talk) as url:
        prometheus = Prometheus(url)
        assert value(prometheus) == "1"
        read.set()
        assert sent.wait(5)
        assert value(prometheus) == "2"
        prometheus.close()


def test_an_interrupted_question_leaves_no_half_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C reaches whoever waits, and the final question after it gets its own answer."""

    def talk(line: Line) -> None:
        while True:
            line.request()
            line.answer(vector(str(line.number)))

    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    with talking(talk) as url:
        prometheus = Prometheus(url)
        assert value(prometheus) == "1"
        with monkeypatch.context() as patch:
            patch.setattr("http.client.HTTPConnection.getresponse", interrupted)
            with pytest.raises(KeyboardInterrupt):
                prometheus.query("up", 1, 5)
        assert value(prometheus) == "2"
        prometheus.close()


def test_a_forgotten_client_closes_its_connection() -> None:
    ended = threading.Event()

    def talk(line: Line) -> None:
        line.request()
        line.answer(vector("1"))
        line.wait_for_end()
        ended.set()

    with talking(talk) as url:
        value(Prometheus(url))
        gc.collect()
        assert ended.wait(5)


# The wall clock. A socket's own time-out starts anew with every byte.


def _in_pieces(head: bool) -> Callable[[Line], None]:
    def talk(line: Line) -> None:
        line.request()
        body = vector("1")
        start = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
        if not head:
            line.send(start)
        for byte in start + body if head else body:
            line.send(bytes([byte]))
            time.sleep(0.05)

    return talk


def _in_chunks(line: Line) -> None:
    line.request()
    line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        line.send(b"1\r\n \r\n")
        time.sleep(0.05)


def _continuing(line: Line) -> None:
    """An informational response after the other is no answer."""
    line.request()
    while True:
        line.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.05)


def _silent(line: Line) -> None:
    line.request()
    line.wait_for_end()


def _silent_after_headers(line: Line) -> None:
    line.request()
    line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    line.wait_for_end()


def _deaf(line: Line) -> None:
    """Takes a connection and reads nothing; a long request fills what lies between."""
    time.sleep(5)


@pytest.mark.parametrize(
    "talk",
    [_in_pieces(head=True), _in_pieces(head=False), _in_chunks, _continuing, _silent, _silent_after_headers],
    ids=["bytes of the head", "bytes of the body", "chunks", "continue", "silent", "silent after headers"],
)
def test_an_exchange_ends_by_the_wall_clock(talk: Callable[[Line], None]) -> None:
    with talking(talk) as url:
        started = time.monotonic()
        found = fault(Prometheus(url), 0.4)
        took = time.monotonic() - started
    assert (found.reason, "within 0.4s" in found.message) == ("Timeout", True)
    assert 0.4 <= took < 2


def test_sending_ends_by_the_wall_clock() -> None:
    with talking(_deaf) as url:
        started = time.monotonic()
        reply = Prometheus(url).query("x" * 20_000_000, 1, 0.4)
        took = time.monotonic() - started
    assert reply.fault is not None
    assert reply.fault.reason == "Timeout"
    assert took < 3


def test_looking_a_name_up_ends_by_the_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a name server that is away does not collect threads."""
    real, go, looked_up = socket.getaddrinfo, threading.Event(), []

    def stuck(host: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("flags"):
            return real(host, *args, **kwargs)
        looked_up.append(host)
        go.wait(10)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", stuck)
    prometheus = Prometheus("http://prometheus.invalid:9090")
    for _ in range(3):
        started = time.monotonic()
        found = fault(prometheus, 0.1)
        assert (found.reason, "prometheus.invalid:9090: the name was not looked up" in found.message) == (
            "Timeout",
            True,
        )
        assert time.monotonic() - started < 2
    assert looked_up == ["prometheus.invalid"]
    waiting = threading.Thread(target=lambda: looked_up.append(fault(prometheus, 5)))
    waiting.start()
    go.set()
    waiting.join()
    assert "prometheus.invalid:9090: the name cannot be looked up" in looked_up[-1].message


# What does not come, or comes from somewhere else.


def test_nobody_there() -> None:
    found = fault(Prometheus("http://127.0.0.1:1"), 1)
    assert (found.reason, "refused" in found.message) == ("PrometheusUnavailable", True)


def test_half_an_answer_is_none() -> None:
    for head in (b"Content-Length: 100", b"Transfer-Encoding: chunked"):

        def talk(line: Line, head: bytes = head) -> None:
            line.request()
            line.send(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n20\r\nhalf" % head)

        with talking(talk) as url:
            assert fault(Prometheus(url)).reason == "PrometheusUnavailable"


def test_what_is_not_http_is_told_without_its_control_characters() -> None:
    def talk(line: Line) -> None:
        line.request()
        line.send(b"\x1b[31m\x00 what?\r\n\r\n")

    with talking(talk) as url:
        found = fault(Prometheus(url))
    assert (found.reason, found.message.isprintable()) == ("PrometheusUnavailable", True)


@pytest.mark.parametrize("head", [b"Content-Length: 999999999999", b"Transfer-Encoding: chunked"])
def test_an_endless_answer_does_not_fill_the_memory(head: bytes) -> None:
    sent = []

    def talk(line: Line) -> None:
        line.request()
        line.send(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % head)
        while True:
            line.send(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
            sent.append(0x10000)

    with talking(talk) as url:
        found = fault(Prometheus(url), 20)
    assert (found.reason, "2 MiB; aggregate" in found.message) == ("ServerLimit", True)
    assert sum(sent) < 14 * 2**20


@pytest.mark.parametrize(
    ("query", "kind", "size", "fits"),
    [
        ("up", "vector", 1_900_000, True),
        ("up", "vector", 2_200_000, False),
        ("up[1h]", "matrix", 6_000_000, True),
        ("up[1h]", "matrix", 6_400_000, False),
    ],
)
def test_raw_samples_may_be_longer_than_a_vector(query: str, kind: str, size: int, *, fits: bool) -> None:
    series = ",".join('{"metric":{},"value":[1,"1"],"values":[[1,"1"]]}' for _ in range(5000))
    body = f'{{"status":"success","data":{{"resultType":"{kind}","result":[{series}]}}}}'.encode()
    with serving(lambda _: Reply(body=body + b" " * (size - len(body)))) as url:
        reply = Prometheus(url).query(query, 10, 20)
    assert (reply.fault is None, len(reply.body) == size) == (fits, fits)


def alert_list(others: int) -> bytes:
    rules = [{"type": "alerting", "name": f"Other{n}", "query": "x" * 200} for n in range(others)]
    groups = [{"name": "g", "interval": 15, "rules": [*rules, {"type": "alerting", "name": "Down"}]}]
    return json.dumps({"status": "success", "data": {"groups": groups}}).encode()


def test_of_a_long_list_of_alerts_only_the_one_asked_for_is_kept() -> None:
    body = alert_list(5_000)
    with serving(lambda _: Reply(body=body)) as url:
        reply = Prometheus(url).rules("Down", 20)
    [group] = json.loads(reply.body)["data"]["groups"]
    assert [rule["name"] for rule in group["rules"]] == ["Down"]


def test_two_long_lists_are_read_at_a_time_and_the_others_wait_by_the_wall_clock() -> None:
    """All rules ask for it in the same moment. A short list waits for nobody."""
    leave = threading.Event()
    started, faults = threading.Barrier(3), []

    def hold() -> None:
        leave.wait(30)

    long = Reply(body=alert_list(5_000), pieces=4, hold=hold)

    def ask(url: str) -> None:
        started.wait(30)
        faults.append(Prometheus(url).rules("Down", 30).fault)

    with serving(lambda _: long) as slow, serving(lambda _: Reply(body=alert_list(3_000))) as fast:
        askers = [threading.Thread(target=ask, args=(slow,)) for _ in range(2)]
        for asker in askers:
            asker.start()
        started.wait(30)
        until = time.monotonic() + 30
        while client._LISTS_AT_A_TIME._value and time.monotonic() < until:
            time.sleep(0.01)
        waiting = Prometheus(fast).rules("Down", 0.5)
        with serving(lambda _: Reply(body=alert_list(3))) as short:
            assert Prometheus(short).rules("Down", 5).fault is None
        leave.set()
        for asker in askers:
            asker.join(60)
        assert Prometheus(fast).rules("Down", 20).fault is None
    assert waiting.fault is not None
    assert (waiting.fault.reason, faults) == ("Timeout", [None, None])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    elsewhere: list[Request] = []

    def other(request: Request) -> Reply:
        elsewhere.append(request)
        return Reply(body=vector("1"))

    with serving(other) as target, serving(lambda _: Reply(status, b"", {"Location": f"{target}/login"})) as url:
        found = fault(Prometheus(url))
    assert (found.reason, f"{target}/login" in found.message) == ("PrometheusUnavailable", True)
    assert elsewhere == []


def test_neither_netrc_nor_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    request = seen(value)
    assert "Authorization" not in request.headers


@pytest.mark.parametrize(
    "url",
    [
        "", "prometheus:9090", "ftp://prometheus", "http://", "http://[::1", "http://a:x", "http://a:99999", "http://a b",
        "http://a/?query=up", "http://a/#x", "http://.", "http://" + "a" * 70, "http://a..b", "http://ä\x00b",
    ],
)  # fmt: skip
def test_a_url_that_is_none_is_a_fault_of_every_question(url: str) -> None:
    prometheus = Prometheus(url)
    assert fault(prometheus, 2).reason == "PrometheusUnavailable"
    assert isinstance(prometheus.version(2), Fault)
    prometheus.close()


@pytest.mark.parametrize(
    ("ask", "own"),
    [
        (lambda prometheus: prometheus.query("up", 10, 7), ""),
        (lambda prometheus: prometheus.query_range("up", 10, 20, 5, 7), ""),
        (lambda prometheus: prometheus.clock(7), ""),
        (lambda prometheus: prometheus.version(7), ""),
        (lambda prometheus: prometheus.rules("A", 7), "type=alert&rule_name%5B%5D=A&"),
        (lambda prometheus: prometheus.label_values("a", [], 1, 2, 7), "start=1.000&end=2.000&"),
        (lambda prometheus: prometheus.label_names(["up"], 1, 2, 7), ""),
        (lambda prometheus: prometheus.series(["up"], 1, 2, 7), ""),
    ],
)
def test_the_parameters_of_the_url_go_with_every_request(ask: Callable[[Prometheus], Any], own: str) -> None:
    """In the URL: a proxy that looks for its tenant there reads no form."""
    request = seen(ask, "/prefix/?namespace=eng-toy&replicaLabels[]=a/")
    path, _, query = request.path.partition("?")
    assert path.startswith("/prefix/api/v1/")
    assert query == f"{own}namespace=eng-toy&replicaLabels%5B%5D=a%2F"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1?time=5", "http://127.0.0.1:1?authKey=s3cret"])
def test_a_parameter_that_changes_the_question_or_is_a_secret_asks_nobody(url: str) -> None:
    found = fault(Prometheus(url))
    assert "the URL of Prometheus" in found.message
    assert "s3cret" not in found.message


def test_a_password_in_a_url_is_refused_and_not_shown() -> None:
    found = fault(Prometheus("http://me:s3cret@127.0.0.1:1"))
    assert "s3cret" not in found.message
    assert "token file" in found.message


# Credentials.


def test_token_and_headers_come_from_files_and_follow_them(tmp_path: Path) -> None:
    token, headers = tmp_path / "token", tmp_path / "headers"
    token.write_text("one\n")
    headers.write_text("# of this tenant\n\nX-Scope-OrgID: tenant a\nX-Other:b\n")
    requests: list[Request] = []

    def reply(request: Request) -> Reply:
        requests.append(request)
        return Reply(body=vector("1"))

    with serving(reply) as url:
        prometheus = Prometheus(url, Access(token_file=token, headers_file=headers))
        value(prometheus)
        token.write_text("two")
        headers.write_text("X-Scope-OrgID: tenant b")
        value(prometheus)
    sent = [
        (one.headers["Authorization"], one.headers["X-Scope-OrgID"], one.headers.get("X-Other")) for one in requests
    ]
    assert sent == [("Bearer one", "tenant a", "b"), ("Bearer two", "tenant b", None)]


def test_files_are_named_by_the_environment() -> None:
    environment = {"VALIDATION_PROMETHEUS_TOKEN_FILE": "/t", "VALIDATION_PROMETHEUS_CA_FILE": ""}
    assert Access.from_environment(environment) == Access(token_file=Path("/t"))
    environment = {"VALIDATION_PROMETHEUS_CA_FILE": "/c", "VALIDATION_PROMETHEUS_HEADERS_FILE": "/h"}
    assert Access.from_environment(environment) == Access(ca_file=Path("/c"), headers_file=Path("/h"))


BAD_FILES = [
    ("token_file", None),
    ("token_file", ""),
    ("token_file", " \n"),
    ("token_file", "Bearer s3cret"),
    ("token_file", "s3cret\nX-Injected: 1"),
    ("token_file", "s3cret\x00"),
    ("token_file", "s3crét"),
    ("headers_file", None),
    ("headers_file", ""),
    ("headers_file", "# nothing\n"),
    ("headers_file", "s3cret"),
    ("headers_file", "X-A: s3cret\n X-B: folded"),
    ("headers_file", "X-A: s3cret\nX-a: s3cret"),
    ("headers_file", "X A: s3cret"),
    ("headers_file", "X-A: s3crét"),
    ("headers_file", "Content-Length: 5"),
    ("headers_file", "Host: elsewhere"),
    ("headers_file", "transfer-encoding: chunked"),
    ("ca_file", None),
    ("ca_file", ""),
    ("ca_file", "no certificate"),
    ("ca_file", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
]


@pytest.mark.parametrize(("kind", "content"), BAD_FILES)
def test_without_good_credentials_nothing_is_asked(kind: str, content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    if content is not None:
        path.write_text(content)
    lines: list[int] = []
    with talking(lambda line: lines.append(line.number)) as url:
        asked = url.replace("http://", "https://") if kind == "ca_file" else url
        found = fault(Prometheus(asked, Access(**{kind: path})))
    assert found.reason == "PrometheusUnavailable"
    assert str(path) in found.message
    assert ("is empty" in found.message) == (kind == "token_file" and content is not None and not content.strip())
    assert "s3cr" not in found.message
    assert lines == []


def test_a_folder_in_place_of_a_file_is_told(tmp_path: Path) -> None:
    found = fault(Prometheus("http://127.0.0.1:1", Access(token_file=tmp_path)))
    assert (found.reason, str(tmp_path) in found.message) == ("PrometheusUnavailable", True)


def test_two_sources_of_authorization_are_refused(tmp_path: Path) -> None:
    token, headers = tmp_path / "token", tmp_path / "headers"
    token.write_text("one")
    headers.write_text("authorization: Basic eDp5")
    assert "Authorization" in fault(Prometheus("http://127.0.0.1:1", Access(token, None, headers))).message
    request = seen(value, access=Access(headers_file=headers))
    assert request.headers["authorization"] == "Basic eDp5"


def test_a_file_that_comes_back_is_enough(tmp_path: Path) -> None:
    token = tmp_path / "token"
    with serving(lambda _: Reply(body=vector("1"))) as url:
        prometheus = Prometheus(url, Access(token_file=token))
        assert fault(prometheus).reason == "PrometheusUnavailable"
        token.write_text("one")
        assert value(prometheus) == "1"


def test_many_clients_keep_few_descriptors() -> None:
    """A client that failed holds nothing."""

    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    with contextlib.ExitStack() as stack:
        url = stack.enter_context(talking(lambda line: line.send(b"nonsense\r\n\r\n")))
        before = count()
        clients = [Prometheus(url) for _ in range(20)]
        for client in clients:
            fault(client)
        assert count() - before < 20 + 5
