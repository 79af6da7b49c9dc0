"""What `run` and `evaluate` say of arguments that cannot be meant."""

import json

import pytest

from cli_helpers import call
from http_helpers import Reply, serving
from local_kit import Spec, shell


@pytest.fixture
def spec(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Spec(shell("exit 0")).write(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "run needs --local; `validationrun submit SPEC --wait` runs on a cluster"),
        (("--local", "--set", "duration"), "--set must be NAME=VALUE"),
        (("--local", "--set", "duration=1s", "--set", "duration=1s"), "--set duration is given twice"),
        (("--local", "--set", "runner-image=x"), "--set runner-image means nothing in a local run: it belongs to a cluster"),
        (("--local", "--set", "image-rpc=x"), "there are chain-id, duration, prometheus-url"),
        (("--local", "--set", "duration=1h"), "--set duration must be a duration of at least 1s and at most the compiled 5s; got '1h'"),
        (("--local", "--set", "duration=soon"), "--set duration must be a duration of at least 1s and at most the compiled 5s; got 'soon'"),
        (("--local", "--set", "chain-id=a", "--chain-id", "b"), "--chain-id says b, --set chain-id says a"),
        (("--local", "--chain-id", "a/b"), "--chain-id must be letters"),
        (("--local", "--rpc", "localhost:26657"), "--rpc must be a URL such as http://localhost:26657"),
        (("--local", "--evm", 'http://a"b'), "--evm must be a URL"),
        (("--local", "--env", "=x"), "--env must be NAME=VALUE or NAME"),
        (("--local", "--env", "CHAIN_ID=x"), "--env CHAIN_ID is set by validationrun itself"),
        (("--local", "--env", "A=1", "--env", "A=2"), "--env A is given twice"),
        (("--local", "--env", "NOT_IN_THIS_SHELL"), "there is no such variable in this shell"),
        (("--local", "--settle", "soon"), "--settle must be a duration from 0s to 60s, such as 5s; got 'soon'"),
    ],
)  # fmt: skip
def test_bad_arguments_are_told_in_a_line(spec, tmp_path, arguments, words):
    """One line, exit 2, nothing started and nothing written."""
    called = call("run", spec, *arguments)
    assert called.code == 2
    assert words in called.err.splitlines()[-1]
    assert sorted(tmp_path.iterdir()) == [spec]


def test_several_runs_need_a_name(spec, tmp_path):
    """And an unknown one is told with those that there are."""
    both = tmp_path / "both.yaml"
    documents = [json.dumps(Spec(shell("exit 0"), name=name).document()) for name in ("a", "b")]
    both.write_text("\n---\n".join(documents))
    called = call("run", both, "--local")
    assert "holds several runs (a, b); --name chooses one" in called.err
    assert "holds no run c; it holds a, b" in call("run", both, "--local", "--name", "c").err
    empty = tmp_path / "empty.yaml"
    empty.write_text("")
    assert call("evaluate", empty).code == 2


def test_a_run_without_load_is_for_evaluate(tmp_path):
    """The message names the verb that judges it."""
    document = Spec(shell("exit 0")).document()
    del document["spec"]["load"]
    document["spec"]["rules"] = [{"name": "r", "type": "query", "query": {"promql": "up", "op": ">", "threshold": "0"}}]
    path = tmp_path / "rules.yaml"
    path.write_text(json.dumps(document))
    called = call("run", path, "--local")
    assert called.code == 2
    assert "has no load; `validationrun evaluate` judges the rules alone" in called.err


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(500), "does not say which chain it is: HTTP 500; give --chain-id"),
        (Reply(302, headers={"Location": "http://127.0.0.1:9/"}), "HTTP 302"),
        (Reply(body=b"<html>"), "the answer is not JSON"),
        (Reply(body=b"[]"), "/status names no chain (node_info.network); give --chain-id"),
        (Reply(body=b"{}", length=100), "the answer broke off after 2 bytes"),
    ],
)
def test_an_rpc_that_does_not_say_its_chain_is_told(spec, reply, words):
    """Each with the way out; a redirect is not followed."""
    with serving(lambda _: reply) as url:
        called = call("run", spec, "--local", "--rpc", url)
    assert called.code == 2
    assert words in called.err.splitlines()[-1]


def test_the_rpc_says_which_chain_it_is(spec, tmp_path):
    """In Tendermint's envelope, by the first URL that is given."""
    asked = []

    def reply(request):
        asked.append(request.path)
        return Reply(body=json.dumps({"result": {"node_info": {"network": "arctic-1"}}}).encode())

    with serving(reply) as url:
        called = call("run", spec, "--local", "--rpc", url, "--rpc", "http://127.0.0.1:9", "-o", "json")
    assert called.code == 0, called.err
    assert asked == ["/status"]
    chain = json.loads(called.out)["chain"]
    assert (chain["chainId"], chain["rpcEndpoints"]) == ("arctic-1", [url, "http://127.0.0.1:9"])


HOME, ELSEWHERE = "https://prometheus.example.com", "https://elsewhere.example.org"


@pytest.mark.parametrize(
    "verb", [("run", "--local", "--set", f"prometheus-url={ELSEWHERE}"), ("evaluate",), ("backtest",)]
)
@pytest.mark.parametrize("kind", ["TOKEN", "HEADERS"])
def test_credentials_of_the_environment_go_to_the_environments_prometheus_alone(
    spec, tmp_path, monkeypatch, verb, kind
):
    secret = tmp_path / "secret"
    secret.write_text("X-Token: secret")
    monkeypatch.setenv("VALIDATION_PROMETHEUS_URL", HOME)
    monkeypatch.setenv(f"VALIDATION_PROMETHEUS_{kind}_FILE", str(secret))
    name, *options = verb
    more = ["--prometheus", ELSEWHERE] if name != "run" else []
    if name == "backtest":
        more += ["--start", "2026-03-01T02:10:00Z", "--for", "1m"]
    called = call(name, spec, *options, *more)
    assert called.code == 2
    assert f"the credentials for Prometheus are for {HOME}:443 alone, not for {ELSEWHERE}:443" in called.err
    assert "secret" not in called.err.replace(str(secret), "")


def test_a_parameter_cannot_send_the_token_of_an_option_elsewhere(spec, tmp_path):
    token = tmp_path / "token"
    token.write_text("secret")
    given = ("--prometheus", HOME, "--prometheus-token-file", token, "--set", f"prometheus-url={ELSEWHERE}")
    called = call("run", spec, "--local", *given)
    assert called.code == 2
    assert "--prometheus and VALIDATION_PROMETHEUS_URL must name the Prometheus that the token" in called.err
