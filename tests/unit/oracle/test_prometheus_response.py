"""Reading what Prometheus sends, good and bad; what a real one sends is read in tests/prometheus."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validationrun.oracle import prometheus_response
from validationrun.oracle.alerting_rules import not_running, read_alerting_rules
from validationrun.oracle.exchange import Fault, Reply, Sample, Samples
from validationrun.oracle.prometheus_response import Matrix, Series

NOW = 1_795_000_000.0


def ok(data: Any, **more: Any) -> Reply:
    return Reply(200, json.dumps({"status": "success", "data": data, **more}).encode(), None)


def vector(*values: Any, **more: Any) -> Reply:
    result = [{"metric": {"a": str(index)}, "value": [1, value]} for index, value in enumerate(values)]
    return ok({"resultType": "vector", "result": result}, **more)


def matrix(*values: Any, **more: Any) -> Reply:
    return ok({"resultType": "matrix", "result": [{"metric": {"a": "1"}, "values": list(values)}]}, **more)


def failed(status: int, **body: Any) -> Reply:
    return Reply(status, json.dumps({"status": "error", **body}).encode(), None)


def reason(read: Any) -> str | None:
    return read.reason if isinstance(read, Fault) else None


def test_values_keep_their_own_text() -> None:
    assert prometheus_response.read_vector(vector("1.50", "NaN", "+Inf", "-Inf", "1e-05")) == Samples(
        tuple(Sample({"a": str(at)}, text) for at, text in enumerate(["1.50", "NaN", "+Inf", "-Inf", "1e-05"]))
    )


def test_a_scalar_is_one_sample_without_labels() -> None:
    assert prometheus_response.read_vector(ok({"resultType": "scalar", "result": [1, "5"]})) == Samples(
        (Sample({}, "5"),)
    )


def test_an_empty_vector_is_no_samples() -> None:
    assert prometheus_response.read_vector(vector()) == Samples(())


def test_a_range_keeps_its_times_and_its_texts() -> None:
    read = prometheus_response.read_matrix(matrix([1, "1.50"], [1.5, "NaN"], [2.001, "+Inf"]))
    assert read == Matrix((Series({"a": "1"}, ((1.0, "1.50"), (1.5, "NaN"), (2.001, "+Inf"))),))


# Not an answer to either kind of query.
NO_ANSWERS = [
    (Reply(200, b"<html>a login page</html>", None), "PrometheusUnavailable"),
    (Reply(200, b"", None), "PrometheusUnavailable"),
    (Reply(200, b"[]", None), "PrometheusUnavailable"),
    (Reply(200, b"null", None), "PrometheusUnavailable"),
    (Reply(200, b"[" * 100_000, None), "PrometheusUnavailable"),
    (Reply(200, b"\xff\xfe", None), "PrometheusUnavailable"),
    (Reply(200, b'{"status": "success"}', None), "PrometheusUnavailable"),
    (Reply(200, b'{"status": "success", "data": {"resultType": "vec', None), "PrometheusUnavailable"),
    (ok(None), "PrometheusUnavailable"),
    (ok({"resultType": "scalar"}), "PrometheusUnavailable"),
    (failed(200, error="soon"), "PrometheusUnavailable"),
    (failed(400, errorType="bad_data", error="parse error"), "BadQuery"),
    (failed(422, errorType="execution", error="many-to-many"), "BadQuery"),
    (
        failed(
            422,
            errorType="execution",
            error="query processing would load too many samples into memory in query execution",
        ),
        "ServerLimit",
    ),
    (
        failed(500, error="rpc error: code = ResourceExhausted desc = exceeded series limit: limit 10 violated"),
        "ServerLimit",
    ),
    (
        failed(
            422,
            error="the query exceeded the maximum number of chunks (limit: 2000000) (err-mimir-max-chunks-per-query)",
        ),
        "ServerLimit",
    ),
    (
        failed(
            422, errorType="execution", error="the query exceeded the aggregated chunks size limit (limit: 9 bytes)"
        ),
        "ServerLimit",
    ),
    (
        failed(422, errorType="422", error="cannot select more than -search.maxSamplesPerQuery=1000 samples"),
        "ServerLimit",
    ),
    (failed(503, error="the number of matching timeseries exceeds 30000"), "ServerLimit"),
    (failed(400, errorType="bad_data", error='parse error: unknown function with name "too many samples"'), "BadQuery"),
    (failed(422, errorType="execution", error="found duplicate series for the match group"), "BadQuery"),
    (failed(503, errorType="timeout", error="query timed out in expression evaluation"), "Timeout"),
    (failed(503, errorType="unavailable", error="TSDB not ready"), "PrometheusUnavailable"),
    (failed(500, errorType="internal", error="disk"), "PrometheusUnavailable"),
    (Reply(503, b"away", None), "PrometheusUnavailable"),
    (Reply(404, b"404 page not found", None), "PrometheusUnavailable"),
    (Reply(302, b"", None), "PrometheusUnavailable"),
    (Reply(204, b"", None), "PrometheusUnavailable"),
    (Reply(401, b"", None), "PrometheusUnavailable"),
    (Reply(None, b"", Fault("Timeout", "late")), "Timeout"),
]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        *NO_ANSWERS,
        (vector("1", warnings=["one store is away"]), "PartialResponse"),
        (vector(warnings=["one store is away"]), "PartialResponse"),
        (vector("1", warnings=["PromQL info: no counter", "one store is away"]), "PartialResponse"),
        (vector("1", warnings="one store is away"), "PrometheusUnavailable"),
        (vector("1", isPartial=True), "PartialResponse"),
        (vector(isPartial="yes"), "PartialResponse"),
        (matrix([1, "1"]), "BadQuery"),
        (ok({"resultType": "string", "result": [1, "x"]}), "BadQuery"),
        (ok({"resultType": "vector", "result": [{"metric": {}, "histogram": [1, {}]}]}), "BadQuery"),
        (ok({"resultType": "vector", "result": [{"metric": {}}]}), "PrometheusUnavailable"),
        (ok({"resultType": "vector", "result": [{"metric": {"a": 1}, "value": [1, "1"]}]}), "PrometheusUnavailable"),
        (ok({"resultType": "vector", "result": [{"value": [1, "1"]}]}), "PrometheusUnavailable"),
        (ok({"resultType": "vector", "result": None}), "PrometheusUnavailable"),
        (vector(5), "PrometheusUnavailable"),
        (vector("five"), "PrometheusUnavailable"),
        (vector(""), "PrometheusUnavailable"),
    ],
)  # fmt: skip
def test_what_is_no_good_vector_is_a_fault(reply: Reply, expected: str) -> None:
    assert reason(prometheus_response.read_vector(reply)) == expected


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        *NO_ANSWERS,
        (matrix([1, "1"], warnings=["one store is away"]), "PartialResponse"),
        (matrix([1, "1"], isPartial=True), "PartialResponse"),
        (vector("1"), "BadQuery"),
        (ok({"resultType": "matrix", "result": [{"metric": {}, "histograms": []}]}), "BadQuery"),
        (ok({"resultType": "matrix", "result": [{"metric": {}, "values": [[1, "1"]], "histograms": []}]}), "BadQuery"),
        (ok({"resultType": "matrix", "result": [{"metric": {}}]}), "PrometheusUnavailable"),
        (matrix([1]), "PrometheusUnavailable"),
        (matrix([1, 1]), "PrometheusUnavailable"),
        (matrix(["soon", "1"]), "PrometheusUnavailable"),
        (matrix([10**400, "1"]), "PrometheusUnavailable"),
    ],
)
def test_what_is_no_good_matrix_is_a_fault(reply: Reply, expected: str) -> None:
    assert reason(prometheus_response.read_matrix(reply)) == expected


@pytest.mark.parametrize("said", [False, None])
def test_a_whole_answer_may_say_that_it_is_not_partial(said: bool | None) -> None:
    assert prometheus_response.read_vector(vector("1", isPartial=said)) == Samples((Sample({"a": "0"}, "1"),))


def test_an_alert_is_not_loaded_by_a_partial_page_of_rules() -> None:
    reply = ok({"groups": []}, isPartial=True)
    assert reason(read_alerting_rules(reply, "Down")) == "PartialResponse"


@pytest.mark.parametrize(
    ("t", "expected"), [(1, None), (2, None), (0.001, None), (2.001, "BadQuery"), (601, "BadQuery"), (-1, "BadQuery")]
)
def test_a_sample_is_stamped_within_a_second_of_the_asked_time(t: float, expected: str | None) -> None:
    """The replies of this module are stamped 1."""
    assert reason(prometheus_response.read_vector(vector("1", "2"), t)) == expected
    assert reason(prometheus_response.read_vector(ok({"resultType": "scalar", "result": [1, "5"]}), t)) == expected
    assert reason(prometheus_response.read_vector(vector(), t)) is None


@pytest.mark.parametrize("stamp", ["NaN", "soon", None])
def test_a_stamp_that_is_no_time_is_no_answer(stamp: object) -> None:
    reply = ok({"resultType": "vector", "result": [{"metric": {}, "value": [stamp, "1"]}]})
    assert reason(prometheus_response.read_vector(reply, 1)) in ("BadQuery", "PrometheusUnavailable")


def test_a_refusal_names_the_option_for_the_token() -> None:
    for status in (401, 403):
        read = prometheus_response.read_vector(Reply(status, b"Forbidden", None))
        assert isinstance(read, Fault)
        assert f"HTTP {status}" in read.message
        assert "VALIDATION_PROMETHEUS_TOKEN_FILE" in read.message


@pytest.mark.parametrize(
    "text", ["PromQL info: metric might not be a counter", "PromQL info: input to histogram_quantile"]
)
def test_information_of_prometheus_2_does_not_spoil_an_answer(text: str) -> None:
    """Prometheus 3 has `infos` for it."""
    for more in ({"warnings": [text]}, {"infos": [text]}, {"warnings": [], "infos": [text]}, {"warnings": None}):
        assert prometheus_response.read_vector(vector("1", **more)) == Samples((Sample({"a": "0"}, "1"),))
        assert prometheus_response.warnings(vector("1", **more)) == ()


def test_warnings_are_told_for_evidence() -> None:
    assert prometheus_response.warnings(vector("1", warnings=["a", "PromQL info: b", "PromQL warning: c"])) == (
        "a",
        "PromQL warning: c",
    )


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    ["status", "data", "result", "resultType", "warnings", "groups", "rules", "metric", "value"]
                ),
                inner,
            )
        ),
    ).map(lambda whole: json.dumps(whole).encode()),
    st.sampled_from([None, 200, 400, 503]),
)
def test_no_body_raises(body: bytes, status: int | None) -> None:
    reply = Reply(status, body, None)
    prometheus_response.warnings(reply)
    assert reason(not_running(reply, "A", NOW)) is not None
    for read in (
        prometheus_response.read_vector,
        prometheus_response.read_matrix,
        prometheus_response.read_values,
        prometheus_response.read_series,
        prometheus_response.read_version,
    ):
        read(reply)


def test_a_message_is_one_line_that_no_terminal_obeys() -> None:
    for reply in (Reply(503, b"a\x1b[31m\n\n  b\r\n" * 100, None), failed(400, error="a\x1b[31m\n b" * 1000)):
        read = prometheus_response.read_vector(reply)
        assert isinstance(read, Fault)
        assert read.message.isprintable()
        assert len(read.message) < 1100


def test_lists_are_read_or_are_faults() -> None:
    assert prometheus_response.read_values(ok(["a", "b"])) == ["a", "b"]
    assert prometheus_response.read_series(ok([{"__name__": "up"}])) == [{"__name__": "up"}]
    assert prometheus_response.read_version(ok({"version": "3.7.0"})) == "3.7.0"
    for read in (prometheus_response.read_values, prometheus_response.read_series, prometheus_response.read_version):
        assert [reason(read(bad)) for bad in (ok([1]), ok({"version": 3}), Reply(404, b"", None))] == [
            "PrometheusUnavailable"
        ] * 3
