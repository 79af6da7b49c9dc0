"""Rule tests of alerts: what is pending, what fires under another label, and alerting rules that the test gives."""

FIRING = 'ALERTS{alertname="NodeDown",alertstate="firing"%s}'
PENDING = 'ALERTS{alertname="NodeDown",alertstate="pending",chain_id="small"}'
RULES = """spec: run.yaml
rules:
  groups:
    - name: nodes
      interval: %s
      rules:
        - {record: node:up, expr: up}
        - alert: NodeDown
          expr: node_up == 0
          for: %s
          labels: {severity: page}
          annotations: {summary: a node is down}
"""
UP = ('node_up{chain_id="small"}', "1x60")


def test_an_alert_that_fires_under_another_label(judged):
    run, rule = judged("alert", (FIRING % ',pod="small-rpc-0"', "_x10 1x20"))
    assert (run["verdict"], rule["verdict"], rule["reason"]) == ("Error", "Error", "AlertNotScoped")


def test_an_alert_that_fires_for_another_run_alone(judged):
    _, rule = judged("alert", (FIRING % ',chain_id="another"', "_x10 1x20"))
    assert (rule["verdict"], rule["reason"]) == ("Passed", "")


def test_an_alert_that_is_pending_under_another_label(judged):
    unscoped = PENDING.replace('chain_id="small"', 'pod="small-rpc-0"')
    _, rule = judged("alert", (unscoped, "_x10 1x30"))
    assert (rule["verdict"], rule["reason"]) == ("Error", "AlertNotScoped")
    _, rule = judged("alert", (unscoped, "_x10 1x10 stale"))
    assert (rule["verdict"], rule["reason"]) == ("Passed", "")
    _, rule = judged("alert", (PENDING.replace("small", "another"), "_x10 1x30"))
    assert (rule["verdict"], rule["reason"]) == ("Passed", "")


def test_an_alert_that_is_pending_at_the_end(judged):
    run, rule = judged("alert", (PENDING, "_x10 1x30"))
    assert (run["verdict"], rule["verdict"], rule["reason"]) == ("Error", "Error", "AlertPending")


def test_an_alert_that_was_pending_before_the_end(judged):
    _, rule = judged("alert", (PENDING, "_x10 1x10 stale"))
    assert (rule["verdict"], rule["reason"]) == ("Passed", "")


def test_alerting_rules_of_the_test_are_asked_for_their_series(judged):
    _, rule = judged("alert", UP, head=RULES % ("30s", "1m"))
    assert (rule["verdict"], rule["reason"]) == ("Passed", "")
    _, rule = judged("alert", ("other", "1x60"), head=RULES % ("30s", "1m"))
    assert (rule["verdict"], rule["reason"]) == ("Error", "AlertBlind")
    _, rule = judged("alert", ('node_up{pod="a"}', "1x60"), head=RULES % ("30s", "1m"))
    assert (rule["verdict"], rule["reason"]) == ("Error", "AlertNotScoped")


def test_alerting_rules_of_the_test_that_set_the_label_to_another_value(judged):
    head = (RULES % ("30s", "1m")).replace("severity: page", "chain_id: %s")
    _, rule = judged("alert", UP, head=head % "another")
    assert (rule["verdict"], rule["reason"]) == ("Error", "AlertNotScoped")
    for same in ("small", '"{{ $labels.chain_id }}"'):
        _, rule = judged("alert", UP, head=head % same)
        assert (rule["verdict"], rule["reason"]) == ("Passed", "")


def test_alerting_rules_of_the_test_that_cannot_fire(judged):
    _, rule = judged("alert", UP, head=RULES % ("1m", "4m"))
    assert (rule["verdict"], rule["reason"]) == ("Error", "AlertCannotFire")
    _, rule = judged("alert", UP, head=RULES % ("59s", "4m"))
    assert (rule["verdict"], rule["reason"]) == ("Passed", "")


def test_alerting_rules_of_the_test_that_lack_the_alert(judged):
    _, rule = judged("alert", UP, head=(RULES % ("30s", "1m")).replace("NodeDown", "Other"))
    assert (rule["verdict"], rule["reason"]) == ("Error", "AlertNotLoaded")


def test_a_rule_is_an_alert_or_a_recording_rule(tested):
    tests = "- {name: t, interval: 10s, expect: {verdict: Passed}}"
    result = tested(tests, head=(RULES % ("30s", "1m")).replace("alert: NodeDown", "for: 1m"))
    assert result.code == 2
    result = tested(tests, head=(RULES % ("30s", "1m")).replace("- alert: NodeDown\n          expr", "- expr"))
    assert result.code == 2
    assert "must have either `alert` or `record`" in result.err
