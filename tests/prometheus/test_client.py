"""The client against a real Prometheus, and against one behind a proxy that misbehaves."""

import math
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prometheus_kit import (
    STALE,
    Authority,
    Proxy,
    Server,
    behaviours,
    between,
    prometheus,
    running,
    series,
    unlike,
    unreachable,
    until,
)
from validationrun.oracle import prometheus_response
from validationrun.oracle.alerting_rules import not_running
from validationrun.oracle.exchange import Answer, Fault, Reply, Samples
from validationrun.oracle.prometheus_response import Matrix
from validationrun.prometheus import Access, Prometheus

T = 1_700_000_000.0
"""Of the samples that these tests send: long ago, so that no scrape and no rule of today is in the way."""


@pytest.fixture
def client(shared_prometheus: Server) -> Iterator[Prometheus]:
    made = Prometheus(shared_prometheus.url)
    yield made
    made.close()


@pytest.fixture
def behind(proxied: Proxy) -> Iterator[Prometheus]:
    """A client of the proxy."""
    made = Prometheus(proxied.url)
    yield made
    made.close()


def texts(answer: Answer) -> list[str]:
    assert isinstance(answer, Samples), answer
    return [sample.value for sample in answer.samples]


def ask(client: Prometheus, promql: str = "vector(7)", t: float | None = T, timeout_s: float = 5) -> Answer:
    return prometheus_response.read_vector(client.query(promql, t, timeout_s))


def fault(client: Prometheus, promql: str = "vector(7)", timeout_s: float = 5) -> Fault:
    answer = ask(client, promql, timeout_s=timeout_s)
    assert isinstance(answer, Fault), answer
    return answer


# What the real one says.


@pytest.mark.parametrize(
    ("promql", "expected"),
    [
        ("1.50", ["1.5"]),
        ("vector(0.0000001)", ["1e-07"]),
        ("vector(1e15)", ["1000000000000000"]),
        ("vector(0) / 0", ["NaN"]),
        ("vector(1) / 0", ["+Inf"]),
        ("vector(-1) / 0", ["-Inf"]),
        ("vector(1) > 2", []),
        ("absent(no_such_metric)", ["1"]),
        ("no_such_metric", []),
    ],
)
def test_values_are_the_text_that_prometheus_wrote(client: Prometheus, promql: str, expected: list[str]) -> None:
    assert texts(ask(client, promql)) == expected


@pytest.mark.parametrize(
    ("promql", "words"),
    [
        ('"a string"', "a string;"),
        ("ALERTS[5m]", "a matrix;"),
        ("sum(", "parse error"),
        ("rate(up)", "expected type range vector"),
        ("vector(1) * on() (label_replace(vector(1), 'a', '1', '', '') or vector(2))", "duplicate series|many-to-many"),
    ],
)
def test_what_no_rule_can_use_is_a_bad_query(client: Prometheus, promql: str, words: str) -> None:
    found = fault(client, promql)
    assert found.reason == "BadQuery"
    assert any(word in found.message for word in words.split("|"))


def test_several_series_come_with_their_labels(client: Prometheus, shared_prometheus: Server) -> None:
    mark = unlike()
    shared_prometheus.send(*(series("height", [(T, at)], test=mark, node=f"n{at}") for at in (1, 2, 3)))
    answer = ask(client, f'height{{test="{mark}"}}')
    assert isinstance(answer, Samples)
    assert sorted((sample.labels["node"], sample.value) for sample in answer.samples) == [
        ("n1", "1"),
        ("n2", "2"),
        ("n3", "3"),
    ]


def test_the_evaluation_time_is_exact_to_the_millisecond(client: Prometheus, shared_prometheus: Server) -> None:
    mark = unlike()
    shared_prometheus.send(series("height", [(T, 1), (T + 0.5, 2)], test=mark))
    assert texts(ask(client, f'height{{test="{mark}"}}', T + 0.499)) == ["1"]
    assert texts(ask(client, f'height{{test="{mark}"}}', T + 0.5)) == ["2"]


def test_a_series_that_ended_gives_no_sample(client: Prometheus, shared_prometheus: Server) -> None:
    mark = unlike()
    shared_prometheus.send(series("height", [(T, 1), (T + 5, STALE)], test=mark))
    assert texts(ask(client, f'height{{test="{mark}"}}', T + 4.999)) == ["1"]
    assert texts(ask(client, f'height{{test="{mark}"}}', T + 5)) == []


def test_a_range_has_every_step_and_both_ends(client: Prometheus, shared_prometheus: Server) -> None:
    mark = unlike()
    shared_prometheus.send(series("height", [(T + at, at) for at in range(4)], test=mark))
    read = prometheus_response.read_matrix(client.query_range(f'height{{test="{mark}"}}', T + 0.25, T + 2.75, 0.5, 5))
    assert isinstance(read, Matrix)
    (one,) = read.series
    assert one.labels["test"] == mark
    assert [(t - T, value) for t, value in one.points] == [
        (0.25, "0"),
        (0.75, "0"),
        (1.25, "1"),
        (1.75, "1"),
        (2.25, "2"),
        (2.75, "2"),
    ]


def test_a_range_of_a_scalar_is_one_series(client: Prometheus) -> None:
    read = prometheus_response.read_matrix(client.query_range("1 / 0", T, T + 2, 1, 5))
    assert isinstance(read, Matrix)
    assert [(one.labels, one.points) for one in read.series] == [({}, ((T, "+Inf"), (T + 1, "+Inf"), (T + 2, "+Inf")))]


def test_an_instant_query_for_a_range_gives_the_samples_themselves(
    client: Prometheus, shared_prometheus: Server
) -> None:
    mark = unlike()
    shared_prometheus.send(
        series("height", [(T, 1), (T + 1.5, math.nan), (T + 2, STALE), (T + 3, math.inf)], test=mark)
    )
    read = prometheus_response.read_matrix(client.query(f'height{{test="{mark}"}}[10s]', T + 5, 5))
    assert isinstance(read, Matrix)
    assert [one.points for one in read.series] == [((T, "1"), (T + 1.5, "NaN"), (T + 3, "+Inf"))]


def test_too_many_points_are_a_bad_query(client: Prometheus) -> None:
    read = prometheus_response.read_matrix(client.query_range("vector(1)", T, T + 20_000, 1, 5))
    assert isinstance(read, Fault)
    assert (read.reason, "11,000" in read.message) == ("BadQuery", True)


def test_its_own_limit_of_time_is_a_timeout(tmp_path: Path) -> None:
    with running(tmp_path / "p", flags=["--query.timeout=1ms"]) as server:
        client = Prometheus(server.url)
        found = fault(client, "count_over_time(vector(1)[1d:1s]) + count_over_time(vector(2)[1d:1s])")
        client.close()
    assert (found.reason, "timed out" in found.message) == ("Timeout", True)


@pytest.mark.parametrize(
    ("alertname", "later", "words"),
    [
        ("AlwaysFires", 0, None),
        ("NeverFires", 0, None),
        ("Broken", 0, "health is err"),
        ("Renamed", 0, "has no alert Renamed"),
        ("NeverFires", 60, "last evaluated"),
    ],
)
def test_proof_that_an_alert_runs(
    client: Prometheus, shared_prometheus: Server, alertname: str, later: float, words: str | None
) -> None:
    def evaluated() -> bool:
        groups = shared_prometheus.get("rules")["groups"]
        return all(rule["health"] != "unknown" for group in groups for rule in group["rules"])

    until(evaluated, 20, "every rule was evaluated once")
    found = not_running(client.rules(alertname, 5), alertname, time.time() + later)
    if words is None:
        assert found is None
    else:
        assert found is not None
        assert (found.reason, words in found.message) == ("AlertNotLoaded", True)


def test_an_alert_that_was_not_evaluated_yet_is_no_proof(tmp_path: Path) -> None:
    groups = [{"name": "slow", "interval": "1h", "rules": [{"alert": "Slow", "expr": "vector(1)"}]}]
    with running(tmp_path / "p", groups=groups) as server:
        client = Prometheus(server.url)
        rules = client.rules("Slow", 5)
        client.close()
    found = not_running(rules, "Slow", time.time())
    assert found is not None
    assert (found.reason, "not evaluated yet" in found.message) == ("AlertNotLoaded", True)


def test_names_and_values_for_explanations(client: Prometheus, shared_prometheus: Server) -> None:
    mark, now = unlike(), time.time()
    shared_prometheus.send(*(series("height", [(now, at)], test=mark, node=f"n{at}") for at in range(5)))
    selector = f'height{{test="{mark}"}}'
    assert client.label_values("node", [selector], now - 60, now + 60, 5) == ["n0", "n1", "n2", "n3", "n4"]
    assert client.label_values("node", [f'height{{test="not-{mark}"}}'], now - 60, now + 60, 5) == []
    everything = client.label_values("test", [], now - 60, now + 60, 5)
    assert isinstance(everything, list)
    assert mark in everything
    found = client.series([selector], now - 60, now + 60, 5)
    assert found == [{"__name__": "height", "test": mark, "node": f"n{at}"} for at in range(5)]
    some = client.series([selector], now - 60, now + 60, 5, limit=2)
    assert isinstance(some, list)
    assert len(some) == 2
    refused = client.series(["no selector("], now - 60, now + 60, 5)
    assert isinstance(refused, Fault)
    assert refused.reason == "BadQuery"


def test_it_says_its_time_and_its_version(client: Prometheus) -> None:
    clock = client.clock(5)
    assert isinstance(clock, float)
    assert abs(clock - time.time()) < 2
    said = subprocess.run([prometheus(), "--version"], capture_output=True, text=True, check=True)
    assert str(client.version(5)) in said.stdout + said.stderr


# What goes wrong on the way. After each of it the same client has the right answer again.


@pytest.mark.parametrize(
    ("behaviour", "reason", "words"),
    [
        (behaviours.status(503, b"no healthy upstream"), "PrometheusUnavailable", "HTTP 503: no healthy upstream"),
        (behaviours.status(500), "PrometheusUnavailable", "HTTP 500"),
        (behaviours.status(502, b"<html>"), "PrometheusUnavailable", "HTTP 502"),
        (behaviours.status(429), "PrometheusUnavailable", "HTTP 429"),
        (behaviours.status(404, b"404 page not found"), "PrometheusUnavailable", "HTTP 404"),
        (behaviours.status(401), "PrometheusUnavailable", "VALIDATION_PROMETHEUS_TOKEN_FILE"),
        (behaviours.status(403), "PrometheusUnavailable", "VALIDATION_PROMETHEUS_TOKEN_FILE"),
        (behaviours.garbage, "PrometheusUnavailable", "Sign in"),
        (behaviours.not_http, "PrometheusUnavailable", "no whole response of HTTP"),
        (behaviours.half, "PrometheusUnavailable", "broke off"),
        (behaviours.reset, "PrometheusUnavailable", "reset"),
        (behaviours.endless, "ServerLimit", "2 MiB"),
        (behaviours.redirect("https://sso.example.com/login"), "PrometheusUnavailable", "https://sso.example.com/login"),
        (behaviours.wrong_type("matrix"), "BadQuery", "a matrix"),
        (behaviours.wrong_type("scalar"), "PrometheusUnavailable", "not an answer of Prometheus"),
        (behaviours.warned("store 2 is away"), "PartialResponse", "store 2 is away"),
        (behaviours.warned("PromQL info: fine", "store 2 is away"), "PartialResponse", "store 2 is away"),
        (behaviours.rewritten(lambda whole: whole.update(status="error", error="odd")), "PrometheusUnavailable", "odd"),
        (behaviours.rewritten(lambda whole: whole["data"].pop("result")), "PrometheusUnavailable", "not an answer"),
    ],
)  # fmt: skip
def test_a_bad_answer_has_its_reason(
    proxied: Proxy, behind: Prometheus, behaviour: behaviours.Behaviour, reason: str, words: str
) -> None:
    assert texts(ask(behind)) == ["7"]
    proxied.behave(behaviour)
    found = fault(behind)
    assert (found.reason, words in found.message) == (reason, True), found
    proxied.heal()
    assert texts(ask(behind)) == ["7"]


@pytest.mark.parametrize(
    "behaviour",
    [
        behaviours.hang,
        behaviours.hang_after_headers,
        behaviours.trickle(0.05),
        behaviours.trickle(0.05, headers=True),
        behaviours.slow(30),
    ],
    ids=["hang", "hang after headers", "trickling body", "trickling headers", "slow"],
)
def test_a_late_answer_is_a_timeout_at_the_deadline(
    proxied: Proxy, behind: Prometheus, behaviour: behaviours.Behaviour
) -> None:
    assert texts(ask(behind)) == ["7"]
    proxied.behave(behaviour)
    started = time.monotonic()
    assert fault(behind, timeout_s=0.4).reason == "Timeout"
    assert 0.4 <= time.monotonic() - started < 2
    proxied.heal()
    assert texts(ask(behind)) == ["7"]


def test_information_is_no_warning(proxied: Proxy, behind: Prometheus) -> None:
    proxied.behave(behaviours.warned("PromQL info: metric might not be a counter"))
    reply = behind.query("vector(7)", T, 5)
    assert texts(prometheus_response.read_vector(reply)) == ["7"]
    assert prometheus_response.warnings(reply) == ()


def test_one_query_can_go_wrong_and_the_others_not(proxied: Proxy, behind: Prometheus) -> None:
    proxied.behave(behaviours.status(503), on="vector(8)", times=1)
    assert texts(ask(behind, "vector(7)")) == ["7"]
    assert fault(behind, "vector(8)").reason == "PrometheusUnavailable"
    assert texts(ask(behind, "vector(8)")) == ["8"]


def test_a_prometheus_that_is_down_refuses_and_comes_back(proxied: Proxy, behind: Prometheus) -> None:
    assert texts(ask(behind)) == ["7"]
    with proxied.down():
        found = fault(behind)
        assert (found.reason, "refused" in found.message) == ("PrometheusUnavailable", True)
    assert texts(ask(behind)) == ["7"]


def test_no_connection_names_the_network_policy() -> None:
    with unreachable() as url:
        started = time.monotonic()
        found = fault(Prometheus(url), timeout_s=0.4)
    assert found.reason == "Timeout"
    assert "NetworkPolicy" in found.message
    assert 0.4 <= time.monotonic() - started < 2


def test_a_skewed_clock_shows(proxied: Proxy, behind: Prometheus) -> None:
    proxied.behave(behaviours.skewed(90))
    clock = behind.clock(5)
    assert isinstance(clock, float)
    assert abs(clock - time.time() - 90) < 2


@pytest.mark.parametrize("read", ["clock", "version"])
def test_every_other_question_has_the_same_faults(proxied: Proxy, behind: Prometheus, read: str) -> None:
    proxied.behave(behaviours.garbage)
    found = getattr(behind, read)(5)
    assert isinstance(found, Fault)
    assert found.reason == "PrometheusUnavailable"


def test_no_bad_answer_proves_that_an_alert_runs(proxied: Proxy, behind: Prometheus) -> None:
    for behaviour in (behaviours.garbage, behaviours.half, behaviours.status(503), behaviours.hang):
        proxied.heal()
        proxied.behave(behaviour, on="/rules")
        found = not_running(behind.rules("AlwaysFires", 0.3), "AlwaysFires", time.time())
        assert found is not None
        assert found.reason in ("PrometheusUnavailable", "Timeout")


# The connection.


def test_all_questions_share_one_connection(proxied: Proxy, behind: Prometheus) -> None:
    for _ in range(10):
        ask(behind)
        behind.rules("AlwaysFires", 5)
        behind.version(5)
    ask(behind, "sum(")
    ask(behind)
    assert (proxied.connections, len(proxied.requests)) == (1, 32)


def test_a_prometheus_that_was_restarted_is_asked_again(tmp_path: Path) -> None:
    with running(tmp_path / "p") as server:
        client = Prometheus(server.url)
        assert texts(ask(client)) == ["7"]
        server.stop()
        assert fault(client).reason == "PrometheusUnavailable"
        server.start()
        assert texts(ask(client)) == ["7"]
        server.pause()
        assert fault(client, timeout_s=0.3).reason == "Timeout"
        server.resume()
        assert texts(ask(client)) == ["7"]
        client.close()


def test_a_prometheus_below_a_path(tmp_path: Path) -> None:
    with running(tmp_path / "p", flags=["--web.route-prefix=/team/prom/"]) as server:
        assert server.url.endswith("/team/prom")
        for url in (server.url, server.url + "/"):
            client = Prometheus(url)
            assert texts(ask(client)) == ["7"]
            assert isinstance(client.version(5), str)
            client.close()
        # Without its path there is only a page that leads there.
        client = Prometheus(server.url.removesuffix("/team/prom"))
        assert fault(client).reason == "PrometheusUnavailable"
        client.close()


# TLS.


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def over_tls(proxy: Proxy, access: Access, timeout_s: float = 5) -> Answer:
    client = Prometheus(proxy.tls_url, access)
    try:
        return ask(client, timeout_s=timeout_s)
    finally:
        client.close()


def test_a_certificate_of_a_named_authority_is_trusted(proxied: Proxy, authority: Authority) -> None:
    proxied.certificate = authority.certificate()
    assert texts(over_tls(proxied, Access(ca_file=authority.ca))) == ["7"]


def test_a_certificate_that_is_not_to_be_trusted_is_told(proxied: Proxy, authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    cases: list[tuple[Any, Path | None, str]] = [
        (authority.certificate(), None, "VALIDATION_PROMETHEUS_CA_FILE"),
        (authority.certificate(), other.ca, "VALIDATION_PROMETHEUS_CA_FILE"),
        (authority.certificate("DNS:elsewhere.example.com"), authority.ca, "mismatch"),
        (authority.certificate(days=-1), authority.ca, "expired"),
        (None, authority.ca, "is it http?"),
    ]
    for certificate, ca, words in cases:
        proxied.certificate = certificate
        found = over_tls(proxied, Access(ca_file=ca))
        assert isinstance(found, Fault)
        assert (found.reason, words in found.message) == ("PrometheusUnavailable", True), found
    assert proxied.requests == []


def test_a_new_authority_is_believed_and_the_old_one_no_more(
    proxied: Proxy, authority: Authority, tmp_path: Path
) -> None:
    other, ca = Authority(tmp_path / "other"), tmp_path / "ca.crt"
    shutil.copy(authority.ca, ca)
    proxied.certificate = authority.certificate()
    client = Prometheus(proxied.tls_url, Access(ca_file=ca))
    for _ in range(3):
        assert texts(ask(client)) == ["7"]
    assert proxied.connections == 1
    shutil.copy(other.ca, ca)
    assert fault(client).reason == "PrometheusUnavailable"
    proxied.certificate = other.certificate()
    assert texts(ask(client)) == ["7"]
    client.close()


def test_the_deadline_holds_over_tls(proxied: Proxy, authority: Authority) -> None:
    proxied.certificate, access = authority.certificate(), Access(ca_file=authority.ca)
    for behaviour in (behaviours.hang, behaviours.trickle(0.05), behaviours.trickle(0.05, headers=True)):
        proxied.heal()
        proxied.behave(behaviour)
        started = time.monotonic()
        found = over_tls(proxied, access, 0.4)
        assert isinstance(found, Fault)
        assert (found.reason, time.monotonic() - started < 2) == ("Timeout", True)
    proxied.handshakes = False
    started = time.monotonic()
    found = over_tls(proxied, access, 0.4)
    assert isinstance(found, Fault)
    assert (found.reason, time.monotonic() - started < 2) == ("Timeout", True)


def test_a_token_reaches_prometheus_and_follows_its_file(proxied: Proxy, tmp_path: Path) -> None:
    token = tmp_path / "token"

    def guarded(exchange: Any) -> None:
        given = exchange.request.headers.get("Authorization")
        (behaviours.pass_on if given == "Bearer right" else behaviours.status(401))(exchange)

    proxied.behave(guarded)
    client = Prometheus(proxied.url, Access(token_file=token))
    assert str(token) in fault(client).message
    assert proxied.requests == []
    token.write_text("wrong\n")
    assert "HTTP 401" in fault(client).message
    token.write_text("right\n")
    assert texts(ask(client)) == ["7"]
    client.close()


def test_a_reply_is_read_the_same_again(client: Prometheus) -> None:
    """Evidence is a status and a body."""
    for promql in ("vector(7)", "sum(", '"x"', "vector(0) / 0"):
        reply = client.query(promql, T, 5)
        assert reply.fault is None
        again = Reply(reply.status, bytes(reply.body), None)
        assert prometheus_response.read_vector(again) == prometheus_response.read_vector(reply)


def test_a_client_of_a_proxy_of_its_own(shared_prometheus: Server) -> None:
    """Two proxies before one Prometheus know nothing of each other."""
    with between(shared_prometheus.url) as bad, between(shared_prometheus.url) as good:
        bad.behave(behaviours.status(503))
        clients = [Prometheus(one.url) for one in (bad, good)]
        assert fault(clients[0]).reason == "PrometheusUnavailable"
        assert texts(ask(clients[1])) == ["7"]
        for one in clients:
            one.close()
