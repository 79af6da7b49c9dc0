"""Preflight: every hopeless run is found before its chain exists, all findings at once, and within a minute."""

import copy
import itertools
import json
import pathlib
from typing import Any

import pytest
from tests.unit.steps.chain_world import World

import replies
from emit_helpers import alert_rule, full_run, query_rule, rules_only
from runner_helpers import IDENTITY, START, context, read
from validationrun.base.truncate import MESSAGE_BYTES
from validationrun.compiling import check
from validationrun.compiling.check import accounts
from validationrun.contract import record
from validationrun.contract.chain_entries import ChainEntry, PreflightEntry
from validationrun.contract.record_key import RecordKey
from validationrun.contract.status_document import Status
from validationrun.kube.cluster import NAMESPACES, PROMETHEUS_RULES, ForbiddenError, Resource, UnreachableError
from validationrun.oracle.exchange import Fault, Reply
from validationrun.steps import preflight
from validationrun.steps.finalize import finalize
from validationrun.steps.load_job import load_job
from validationrun.steps.wait_chain_ready import wait_chain_ready

AWAY = Fault("PrometheusUnavailable", "prometheus-k8s.monitoring.svc:9090: no connection: Connection refused")


def begin(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, rules: list[dict[str, Any]] | None = None) -> World:
    spec = copy.deepcopy(full_run())
    if rules is not None:
        spec["spec"]["rules"] = rules
    return World(folder, monkeypatch, spec)


@pytest.fixture
def world(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return begin(tmp_path, monkeypatch)


def findings(world: World) -> list[tuple[str, str]]:
    """What the record holds of preflight, once it ended the run."""
    result = world.ensure()
    assert result["reason"] == "PreflightFailed"
    assert world.chain_objects() == []
    assert world.clock.now <= START + 60
    found = read(world.cluster).need(PreflightEntry).findings
    assert all(finding.reason + ": " in result["message"] for finding in found)
    return [(finding.reason, finding.message) for finding in found]


def test_a_run_that_may_begin_has_that_recorded(world: World) -> None:
    assert world.ensure()["reason"] is None
    assert read(world.cluster).need(PreflightEntry).findings == []
    assert world.prometheus_urls == ["http://prometheus-k8s.monitoring.svc:9090"]


def test_a_prometheus_that_stays_away(world: World) -> None:
    world.prometheus = lambda: AWAY
    assert findings(world) == [("PrometheusUnavailable", AWAY.message)]
    assert world.clock.now >= START + 9, "one fault is not enough"


def test_a_prometheus_that_comes_back_in_time(world: World) -> None:
    world.prometheus = lambda: world.clock.now if world.clock.now >= START + 5 else AWAY
    assert world.ensure()["reason"] is None


def test_it_is_this_runs_prometheus_that_is_asked(world: World) -> None:
    world.ensure(prometheus_url="http://mine:9090")
    assert world.prometheus_urls == ["http://mine:9090"]


@pytest.mark.parametrize("variable", ["VALIDATION_PROMETHEUS_TOKEN_FILE", "VALIDATION_PROMETHEUS_HEADERS_FILE"])
def test_credentials_are_not_sent_to_another_prometheus(
    world: World, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "/var/run/validation/prometheus/secret")
    assert world.ensure(prometheus_url="http://mine:9090")["reason"] == "PreflightFailed"
    ((reason, message),) = [
        (finding.reason, finding.message) for finding in read(world.cluster).need(PreflightEntry).findings
    ]
    assert reason == "CredentialsElsewhere"
    assert "are for http://prometheus-k8s.monitoring.svc:9090 alone, not for http://mine:9090" in message
    assert world.prometheus_urls == []


def test_credentials_go_to_the_compiled_prometheus(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VALIDATION_PROMETHEUS_TOKEN_FILE", "/var/run/validation/prometheus/token")
    assert world.ensure()["reason"] is None


def test_a_ca_goes_with_any_prometheus(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VALIDATION_PROMETHEUS_CA_FILE", "/var/run/validation/prometheus/ca.crt")
    assert world.ensure(prometheus_url="http://mine:9090")["reason"] is None


@pytest.mark.parametrize(("skew", "fits"), [(4.0, True), (-4.0, True), (7.0, False), (-7.0, False)])
def test_clocks_agree_within_five_seconds(world: World, skew: float, fits: bool) -> None:
    world.prometheus = lambda: world.clock.now + skew
    if fits:
        assert world.ensure()["reason"] is None
        return
    ((reason, message),) = findings(world)
    assert (reason, "differs by 7s" in message) == ("ClockSkew", True)


def test_a_query_latency_is_no_wrong_clock(world: World) -> None:
    """As VictoriaMetrics has it by default."""
    world.latency = 30.0
    world.prometheus = lambda: world.clock.now - 30
    ((reason, message),) = findings(world)
    assert reason == "ClockSkew"
    assert "evaluates each query 30s before the time that is asked about" in message
    assert "the clock of" not in message


def test_without_rules_prometheus_is_not_asked(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = begin(tmp_path, monkeypatch, [])
    world.prometheus = lambda: AWAY
    assert world.ensure()["reason"] is None
    assert world.prometheus_urls == []


@pytest.mark.parametrize(
    ("account", "words"),
    [
        ("eng-ada-validation", "runs the steps"),
        ("eng-ada-validation-finalize", "runs finalize"),
        ("eng-ada-runner", "runs the workload"),
    ],
)
def test_an_account_that_does_not_exist(world: World, account: str, words: str) -> None:
    del world.cluster.objects[("serviceaccounts", account)]
    ((reason, message),) = findings(world)
    assert reason == "ServiceAccountMissing"
    assert f"ServiceAccount {account} does not exist in namespace eng-ada" in message
    assert words in message


@pytest.mark.parametrize(
    ("account", "words"),
    [
        ("eng-ada-validation", "is the workload's, and it runs the steps"),
        ("eng-ada-validation-finalize", "is the workload's, and it runs finalize"),
    ],
)
def test_a_workload_with_the_account_of_a_step_never_runs(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, account: str, words: str
) -> None:
    """Of a bundle by a compiler that did not look."""
    monkeypatch.setattr(check, "CHECKS", [one for one in check.CHECKS if one not in accounts.CHECKS])
    spec = copy.deepcopy(full_run())
    spec["spec"]["load"]["workload"]["serviceAccountName"] = account
    ((reason, message),) = findings(World(tmp_path, monkeypatch, spec))
    assert reason == "ServiceAccountShared"
    assert f"ServiceAccount {account} {words}" in message


@pytest.mark.parametrize(
    ("verb", "plural", "words"),
    [
        ("patch", "jobs", "may not patch jobs.batch in namespace eng-ada"),
        ("list", "pods", "may not list pods in namespace eng-ada"),
        ("create", "seinodedeployments", "may not create seinodedeployments.sei.io in namespace eng-ada"),
        ("create", "workflowtaskresults", "may not create workflowtaskresults.argoproj.io"),
    ],
)
def test_a_right_that_is_missing_is_named(world: World, verb: str, plural: str, words: str) -> None:
    world.cluster.denied.add((verb, plural))
    ((reason, message),) = findings(world)
    assert (reason, words in message) == ("RBACDenied", True)
    assert "ServiceAccount eng-ada-validation may not" in message


def test_missing_verbs_of_one_resource_make_one_finding(world: World) -> None:
    world.cluster.denied |= {("create", "jobs"), ("patch", "jobs")}
    ((_, message),) = findings(world)
    assert "may not create, patch jobs.batch" in message


@pytest.mark.parametrize(
    ("unserved", "words"),
    [
        (
            {"seinodedeployments"},
            "the cluster serves seinetworks.sei.io, seinodes.sei.io; compile with chain.api: SeiNetwork",
        ),
        ({"seinodedeployments", "seinetworks"}, "the cluster serves seinodes.sei.io; install sei-k8s-controller"),
        (
            {"seinodedeployments", "seinetworks", "seinodes"},
            "the cluster serves no kind of sei-k8s-controller; install sei-k8s-controller",
        ),
    ],
    ids=["the other API", "a part of one", "none"],
)
def test_a_cluster_without_the_chains_api_is_told_what_it_has(world: World, unserved: set[str], words: str) -> None:
    world.cluster.unserved = unserved
    ((reason, message),) = findings(world)
    assert reason == "ChainApiMissing"
    assert message == f"chain.api: SeiNodeDeployment needs seinodedeployments.sei.io, and {words}"


def test_an_existing_chain_needs_no_api(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path, monkeypatch, rules_only())
    world.cluster.unserved = {"seinodedeployments", "seinetworks", "seinodes"}
    assert world.ensure()["reason"] is None


def test_a_cluster_that_does_not_say_what_it_serves_keeps_no_run_from_beginning(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_resource: Resource) -> bool:
        raise ForbiddenError("cannot get path /apis/sei.io/v1alpha1", 403)

    monkeypatch.setattr(world.cluster, "serves", refuse)
    assert world.ensure()["reason"] is None


def test_exactly_the_rights_of_access_yaml_are_asked_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = set()
    create = world.cluster.create

    def note(resource: Resource, body: Any, *, dry_run: bool = False) -> Any:
        if resource.plural == "selfsubjectaccessreviews":
            attributes = body["spec"]["resourceAttributes"]
            asked.add((attributes["group"], attributes["resource"], attributes["verb"]))
            assert attributes["namespace"] == "eng-ada"
        return create(resource, body, dry_run=dry_run)

    monkeypatch.setattr(world.cluster, "create", note)
    world.ensure()
    from emit_helpers import compiled

    (role,) = [
        one
        for one in compiled(full_run()).documents("access.yaml")
        if one["kind"] == "Role" and one["metadata"]["name"].endswith("steps")
    ]
    granted = {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    # The account that it may not read, it finds out by reading it. Without the volumes' right a chain comes up too.
    assert asked == granted - {("", "serviceaccounts", "get"), ("", "persistentvolumeclaims", "list")}


def test_where_rights_cannot_be_asked_for_the_run_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    create = world.cluster.create

    def refuse(resource: Resource, body: Any, *, dry_run: bool = False) -> Any:
        if resource.plural == "selfsubjectaccessreviews":
            raise ForbiddenError("cannot create selfsubjectaccessreviews", 403, "Forbidden")
        return create(resource, body, dry_run=dry_run)

    monkeypatch.setattr(world.cluster, "create", refuse)
    assert world.ensure()["reason"] is None


def test_accounts_that_may_not_be_read_are_a_missing_right(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    get = world.cluster.get

    def refuse(resource: Resource, name: str) -> Any:
        if resource.plural == "serviceaccounts":
            raise ForbiddenError("cannot get resource serviceaccounts", 403, "Forbidden")
        return get(resource, name)

    monkeypatch.setattr(world.cluster, "get", refuse)
    assert findings(world) == [("RBACDenied", "cannot get resource serviceaccounts")]


def rule_object(alert: str = "NodeFailed", for_: str = "0s") -> dict[str, Any]:
    return {
        "metadata": {"name": "alerts"},
        "spec": {"groups": [{"name": "group", "rules": [{"alert": alert, "for": for_}]}]},
    }


@pytest.mark.parametrize(
    ("namespace", "labels", "alert", "reason"),
    [
        ("eng-ada", None, None, "PrometheusRuleNotFound"),
        ("eng-ada", None, "Another", "PrometheusRuleNotFound"),
        ("monitoring", {}, "NodeFailed", "CrossNamespaceForbidden"),
        ("monitoring", {"sei.io/validation-shared-rules": "true"}, None, "PrometheusRuleNotFound"),
    ],
)
def test_alert_references_that_do_not_resolve(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    namespace: str,
    labels: dict[str, str] | None,
    alert: str | None,
    reason: str,
) -> None:
    world = begin(tmp_path, monkeypatch, [alert_rule("a", namespace=namespace), alert_rule("b", namespace=namespace)])
    if labels is not None:
        world.cluster.put(NAMESPACES, {"metadata": {"name": namespace, "labels": labels}})
    if alert is not None:
        world.cluster.put(PROMETHEUS_RULES, rule_object(alert))
    ((found, message),) = findings(world)
    assert found == reason
    assert message.startswith("rules a, b: ")


def test_alert_references_that_resolve(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = begin(tmp_path, monkeypatch, [alert_rule("a", namespace="eng-ada")])
    world.cluster.put(PROMETHEUS_RULES, rule_object())
    assert world.ensure()["reason"] is None


def alerting(for_s: float = 0, health: str = "ok", group: str = "group", interval: float = 30) -> Reply:
    rule = {"type": "alerting", "name": "NodeFailed", "query": "x", "duration": for_s, "health": health}
    rule |= {"lastError": "many-to-many", "lastEvaluation": "2026-11-18T11:06:40Z"}
    groups = [{"name": group, "interval": interval, "rules": [rule]}]
    return Reply(200, json.dumps({"status": "success", "data": {"groups": groups}}).encode(), None)


@pytest.mark.parametrize(
    ("reply", "for_", "pending", "expected"),
    [
        (alerting(for_s=600), "10m", "Error", ["AlertCannotFire"]),
        (alerting(for_s=600), "10m", "Failed", []),
        (alerting(for_s=569), "569s", "Error", []),
        (alerting(for_s=570), "570s", "Error", ["AlertCannotFire"]),
        (alerting(interval=600), "0s", "Error", ["AlertCannotFire"]),
        (alerting(health="err"), "0s", "Error", ["AlertNotLoaded"]),
        (alerting(health="unknown"), "0s", "Error", []),
        (alerting(group="a twin"), "0s", "Error", ["AlertNotLoaded"]),
        (alerting(for_s=60), "0s", "Error", ["AlertNotLoaded"]),
        # It may still be loaded, but never in time.
        (replies.loaded("Another", "2026-11-18T11:06:40Z"), "0s", "Error", []),
        (replies.loaded("Another", "2026-11-18T11:06:40Z"), "10m", "Error", ["AlertCannotFire"]),
        (replies.http(503), "0s", "Error", []),
    ],
)
def test_an_alert_whose_silence_will_prove_nothing(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, reply: Reply, for_: str, pending: str, expected: list[str]
) -> None:
    """The load lasts 10m."""
    rule = alert_rule("a", namespace="eng-ada")
    rule["alert"]["pending"] = pending
    world = begin(tmp_path, monkeypatch, [rule])
    world.cluster.put(PROMETHEUS_RULES, rule_object(for_=for_))
    world.alerting = lambda alertname: reply
    if expected:
        assert [reason for reason, _ in findings(world)] == expected
    else:
        assert world.ensure()["reason"] is None


@pytest.mark.parametrize(
    ("loaded", "slow", "expected"),
    [
        ([{"duration": 60, "labels": {"severity": "critical"}}], "1h", []),
        (
            [{"duration": 60, "labels": {"severity": "critical"}}, {"duration": 3600, "labels": {"severity": "page"}}],
            "1h",
            [],
        ),
        ([{"duration": 60, "labels": {"severity": "critical"}}, {"duration": 3600}], "1h", ["AlertCannotFire"]),
        # Nobody knows yet which of the two will count.
        ([], "1h", []),
        ([], "1m", []),
    ],
)
def test_a_twin_of_another_severity_may_be_slower_than_the_window(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    loaded: list[dict[str, Any]],
    slow: str,
    expected: list[str],
) -> None:
    """The load lasts 10m."""
    rule = alert_rule("a", namespace="eng-ada")
    rule["alert"]["matchers"] = [{"name": "severity", "op": "=", "value": "critical"}]
    world = begin(tmp_path, monkeypatch, [rule])
    twins = rule_object(for_="1m")
    twins["spec"]["groups"][0]["rules"] += rule_object(for_=slow)["spec"]["groups"][0]["rules"]
    world.cluster.put(PROMETHEUS_RULES, twins)
    world.alerting = lambda alertname: of_rules(*loaded)
    if expected:
        assert [reason for reason, _ in findings(world)] == expected
    else:
        assert world.ensure()["reason"] is None


def of_rules(*rules: dict[str, Any]) -> Reply:
    """All in the group of the PrometheusRule."""
    document = json.loads(alerting().body)
    [group] = document["data"]["groups"]
    group["rules"] = [group["rules"][0] | rule for rule in rules]
    return Reply(200, json.dumps(document).encode(), None)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([{"labels": {"namespace": "eng-ada"}}, {"labels": {"namespace": "eng-bob"}, "health": "err"}], []),
        ([{"labels": {"namespace": "eng-bob"}}], ["AlertNotScoped"]),
        ([{"labels": {"namespace": "{{ $labels.ns }}"}}], []),
    ],
)
def test_a_rule_that_is_another_tenants_proves_nothing_and_spoils_nothing(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, rules: list[dict[str, Any]], expected: list[str]
) -> None:
    rule = alert_rule("a", namespace="eng-ada")
    rule["alert"]["matchers"] = [{"name": "namespace", "op": "=", "value": "${namespace}"}]
    world = begin(tmp_path, monkeypatch, [rule])
    world.cluster.put(PROMETHEUS_RULES, rule_object())
    world.alerting = lambda alertname: of_rules(*rules)
    if expected:
        ((reason, message),) = findings(world)
        assert [reason] == expected
        assert "the rule sets namespace to eng-bob" in message
    else:
        assert world.ensure()["reason"] is None


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"startAfter": "4m30s"}, ["AlertCannotFire"]),
        ({"startAfter": "4m29s"}, None),
        ({"startAfter": "4m30s", "until": "Cooldown"}, None),
    ],
)
def test_an_alert_fires_within_the_range_of_its_rule(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, properties: dict[str, str], expected: list[str] | None
) -> None:
    """The load lasts 10m, the cooldown 1m, and the alert fires 5m30s after its condition begins."""
    spec = full_run()
    spec["spec"]["cooldown"] = "1m"
    spec["spec"]["rules"] = [alert_rule("a", namespace="eng-ada") | {"runProperties": properties}]
    world = World(tmp_path, monkeypatch, spec)
    world.cluster.put(PROMETHEUS_RULES, rule_object(for_="5m"))
    world.alerting = lambda alertname: alerting(for_s=300)
    assert ([reason for reason, _ in findings(world)] if expected else world.ensure()["reason"]) == expected


def test_all_findings_are_collected_and_each_is_named(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = begin(tmp_path, monkeypatch, [query_rule(), alert_rule("a", namespace="eng-ada"), alert_rule("b")])
    del world.cluster.objects[("serviceaccounts", "eng-ada-runner")]
    world.cluster.denied.add(("create", "jobs"))
    world.prometheus = lambda: AWAY
    assert {reason for reason, _ in findings(world)} == {
        "ServiceAccountMissing",
        "RBACDenied",
        "PrometheusRuleNotFound",
        "CrossNamespaceForbidden",
        "PrometheusUnavailable",
    }


def test_many_long_findings_still_name_each_reason(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = [alert_rule(f"r{index}", namespace="eng-ada", rule=f"{'x' * 200}{index}") for index in range(32)]
    world = begin(tmp_path, monkeypatch, rules)
    world.prometheus = lambda: Fault("PrometheusUnavailable", "y" * 5000)
    result = world.ensure()
    assert len(result["message"].encode()) <= MESSAGE_BYTES
    assert result["message"].count("PrometheusRuleNotFound: ") == 32
    assert "PrometheusUnavailable: " in result["message"]


def test_what_breaks_after_preflight_is_not_preflights(world: World) -> None:
    """A step that is started again does not ask again: the chain exists already, and its own reasons stand alone."""
    world.height = 1
    created = world.cluster.create

    class Killed(BaseException):
        pass

    def die() -> None:
        raise Killed

    world.clock.after(30, die)
    with pytest.raises(Killed):
        world.ensure()
    assert world.chain_objects()
    world.cluster.create = created  # type: ignore[method-assign]
    world.prometheus = lambda: AWAY
    world.height = 7
    assert world.ensure()["reason"] is None


def test_a_preflight_that_failed_stays_failed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step may die between its finding and its result: what was found is not found again, and not forgotten."""
    world.prometheus = lambda: AWAY
    add = record.Record.add

    def die(self: Any, step: str, value: RecordKey) -> bool:
        if isinstance(value, ChainEntry):
            raise KeyboardInterrupt
        return add(self, step, value)

    monkeypatch.setattr(record.Record, "add", die)
    with pytest.raises(KeyboardInterrupt):
        world.ensure()
    monkeypatch.setattr(record.Record, "add", add)
    world.prometheus = world.clock.time
    assert world.ensure()["reason"] == "PreflightFailed"
    assert world.chain_objects() == []


def test_after_a_failed_preflight_nothing_is_created_and_the_run_is_an_error(world: World) -> None:
    world.prometheus = lambda: AWAY
    world.ensure()
    owned = [one for one in world.cluster.created if not one.startswith("configmaps/")]
    assert owned == []
    for step, function in (("wait-chain-ready", wait_chain_ready), ("load-job", load_job)):
        function(context(step, world.cluster, world.clock, world.folder, world.digest))
    from runner_helpers import WORKFLOWS, workflow

    world.cluster.put(WORKFLOWS, workflow())
    assert finalize(context("finalize", world.cluster, world.clock, world.folder, world.digest)) == 1
    status = read(world.cluster).need(Status).to_data()
    assert (status["phase"], status["reason"]) == ("Error", "PreflightFailed")
    assert "PrometheusUnavailable" in status["message"]
    assert [one for one in world.cluster.created if not one.startswith("configmaps/")] == []
    assert all(
        one["metadata"]["ownerReferences"] == [IDENTITY.owner()]
        for (plural, _), one in world.cluster.objects.items()
        if plural == "configmaps"
    )


def test_a_run_without_load_needs_no_account_for_one(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = copy.deepcopy(full_run())
    del spec["spec"]["load"]
    world = World(tmp_path, monkeypatch, spec)
    assert world.ensure()["reason"] is None
    assert read(world.cluster).need(PreflightEntry).findings == []


def test_an_api_server_that_goes_away_says_nothing_about_rights(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step is started again, and asks again."""
    create = world.cluster.create

    def away(resource: Resource, body: Any, *, dry_run: bool = False) -> Any:
        if resource.plural == "selfsubjectaccessreviews":
            raise UnreachableError("connection refused")
        return create(resource, body, dry_run=dry_run)

    monkeypatch.setattr(world.cluster, "create", away)
    with pytest.raises(UnreachableError):
        world.ensure()
    assert read(world.cluster).get(PreflightEntry) is None


def test_each_finding_is_bounded_in_the_record(world: World) -> None:
    world.prometheus = lambda: Fault("PrometheusUnavailable", "x" * 3000)
    ((_, message),) = findings(world)
    assert len(message.encode()) <= 500


def test_a_fault_of_prometheus_keeps_its_own_reason(world: World) -> None:
    world.prometheus = lambda: Fault("Timeout", "no answer within 10s")
    assert findings(world) == [("Timeout", "no answer within 10s")]


def test_a_review_without_an_answer_is_no_refusal(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    create = world.cluster.create

    def silent(resource: Resource, body: Any, *, dry_run: bool = False) -> Any:
        if resource.plural == "selfsubjectaccessreviews":
            return {"status": {}}
        return create(resource, body, dry_run=dry_run)

    monkeypatch.setattr(world.cluster, "create", silent)
    assert world.ensure()["reason"] is None


def test_a_right_to_a_part_of_an_object_is_asked_for_as_such(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, str]] = []

    def note(_resource: Resource, body: Any) -> Any:
        asked.append(body["spec"]["resourceAttributes"])
        return {"status": {"allowed": True}}

    monkeypatch.setattr(world.cluster, "create", note)
    step = context("ensure-chain", world.cluster, world.clock, world.folder, world.digest)
    assert preflight._allowed(step, "", "pods/log", "get")
    assert preflight._allowed(step, "", "pods", "list")
    assert [(one["resource"], one.get("subresource")) for one in asked] == [("pods", "log"), ("pods", None)]


def test_a_good_answer_is_not_asked_for_again(world: World) -> None:
    asked: list[float] = []

    def answers() -> float:
        asked.append(world.clock.now)
        return world.clock.now

    world.prometheus = answers
    world.ensure()
    assert asked
    assert max(asked) - min(asked) < 3


def test_a_right_that_an_api_server_has_not_read_yet_is_asked_for_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that has just started answers before it knows all roles."""
    world.cluster.denied.add(("create", "jobs"))
    world.clock.after(2, world.cluster.denied.clear)
    assert world.ensure()["reason"] is None
    assert world.clock.now - START < 10


def scraped_every(world: World, seconds: float, late: float) -> None:
    """A target whose samples are stored that late."""
    world.newest_age = lambda: (world.clock.now - START - late) % seconds + late


def test_samples_that_come_later_than_the_settle_time(world: World) -> None:
    scraped_every(world, 15, late=12)
    ((reason, message),) = findings(world)
    assert reason == "SamplesLate"
    assert "newest sample of `up` only 12s after its time, and rules are asked 5s after theirs" in message
    assert "compile with --settle 13s" in message


def test_samples_that_come_later_than_any_settle_time(world: World) -> None:
    scraped_every(world, 15, late=90)
    assert "--settle is at most 60s" in findings(world)[0][1]


@pytest.mark.parametrize("seconds", [1, 5, 15, 19])
def test_a_slow_scrape_interval_is_not_late(world: World, seconds: float) -> None:
    world.clock.now += seconds / 2
    scraped_every(world, seconds, late=0.5)
    assert world.ensure()["reason"] is None


def test_no_new_sample_while_preflight_looks_proves_nothing(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.clock.now += 20
    scraped_every(world, 60, late=0.5)
    assert world.ensure()["reason"] is None
    assert "how late samples are is not known" in caplog.text
    assert world.clock.now <= START + 20 + 60


def test_two_replicas_that_answer_in_turn_are_not_late(world: World) -> None:
    ages = iter([12.0, 9.0, 13.0, 10.0, 14.0, 11.0] + [4.0] * 20)
    world.newest_age = lambda: next(ages)
    assert world.ensure()["reason"] is None


@pytest.mark.parametrize("first", [35.0, 12.0])
def test_two_replicas_without_a_new_sample_are_not_known_to_be_late(
    world: World, caplog: pytest.LogCaptureFixture, first: float
) -> None:
    """That the other one answers, with its newer sample, is no sample that came."""
    began = world.clock.now
    ages = itertools.cycle([first, 47.0 - first])
    world.newest_age = lambda: next(ages) + world.clock.now - began
    assert world.ensure()["reason"] is None
    assert "how late samples are is not known" in caplog.text


def test_two_replicas_that_are_both_late(world: World) -> None:
    """Each has a new sample once in 15 seconds, 12 seconds after its time."""
    shifts = itertools.cycle([0.0, 7.0])
    world.newest_age = lambda: (world.clock.now - START - 12 + next(shifts)) % 15 + 12
    ((reason, message),) = findings(world)
    assert reason == "SamplesLate"
    assert "compile with --settle 13s" in message


def test_a_prometheus_without_up_says_nothing_about_lateness(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.newest_age = lambda: None
    assert world.ensure()["reason"] is None
    assert "no series `up`" in caplog.text
