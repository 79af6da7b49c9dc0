"""A Prometheus behind a proxy that answers only a request with its tenant in the URL."""

import json
import time

import pytest

from cli_helpers import call
from local_kit import Spec, alert, ran, rule
from prometheus_kit import behaviours, unreachable

TENANT = "/?namespace=eng-toy&dedup=true"


@pytest.fixture
def tenancy(proxied):
    """Refuses every request without the tenant in its URL."""
    refuse = behaviours.status(400, b"a tenant is needed")
    return proxied.behave(refuse, on=lambda request: "namespace=eng-toy&dedup=true" not in request.path)


@pytest.fixture
def spec():
    rules = [rule("up", "min(up)", ">=", "0"), alert("quiet", "NeverFires")]
    return Spec(["true"], rules, duration="6s", run_duration="6s")


def test_a_run_is_judged_with_the_parameters_in_every_request(spec, tenancy, tmp_path):
    url = tenancy.url + TENANT
    done = ran(spec, tmp_path, "--prometheus", url, verb=("evaluate",))
    assert tenancy.requests
    assert all(request.path.endswith("namespace=eng-toy&dedup=true") for request in tenancy.requests)
    [up] = [state for state in done.result.document.states if state.name == "up"]
    assert up.verdict == "Passed", up.message
    [quiet] = [state for state in done.result.document.states if state.name == "quiet"]
    assert quiet.reason != "PrometheusUnavailable", quiet.message
    # Kept with the evidence, which `ran` has judged again.
    assert json.loads(done.file("result.json"))["prometheus"]["url"] == url


def test_without_the_parameters_nothing_is_answered(spec, tenancy, tmp_path):
    refused = ran(spec, tmp_path, "--prometheus", tenancy.url, verb=("evaluate",))
    assert refused.code == 2
    assert refused.result is None


def test_lint_and_backtest_send_them_too(spec, tenancy, tmp_path):
    path = spec.write(tmp_path)
    linted = call("lint", path, "--prometheus", tenancy.url + TENANT)
    assert "VR594" not in linted.out
    assert "up: up: " in linted.out
    asked = len(tenancy.requests)
    window = ("--start", str(int(time.time()) - 3600), "--for", "6s")
    call("backtest", path, *window, "--prometheus", tenancy.url + TENANT)
    assert len(tenancy.requests) > asked
    assert all(request.path.endswith("namespace=eng-toy&dedup=true") for request in tenancy.requests)


def test_a_query_string_names_the_server_before_it(spec, tmp_path):
    with unreachable() as url:
        refused = ran(spec, tmp_path, "--prometheus", f"{url}/?namespace=eng-toy", verb=("evaluate",))
    assert refused.code == 2
    assert "no connection" in refused.err


def test_parameters_are_no_way_around_the_server_of_the_credentials(spec, tenancy, tmp_path):
    token = tmp_path / "token"
    token.write_text("s3cret")
    path = spec.write(tmp_path)
    given = ("--prometheus-token-file", token, "--prometheus", "http://prometheus.example.com/?namespace=eng-toy")
    elsewhere = f"prometheus-url={tenancy.url}/?namespace=eng-toy&x=@prometheus.example.com"
    done = call("run", "--local", path, *given, "--set", elsewhere)
    assert done.code == 2
    assert "the credentials for Prometheus are for http://prometheus.example.com:80 alone" in done.err
    assert tenancy.requests == []
