"""`run --local` from start to verdict: real processes, a real Prometheus."""

import datetime as dt
import json
import time

import pytest

from local_kit import RPC, Spec, alert, ran, rule, shell, started
from prometheus_kit import behaviours, series, unlike
from validationrun.base.conventions import PROMETHEUS_TOKEN_FILE, RESERVED_ENV
from validationrun.results.folder import ResultsError, read_result

ONE = "vector(1)"


def at_prometheus(server):
    return "--prometheus", server.url


def drops(server, at):
    """A series that is 1 until this time and 0 from then on; its selector."""
    case = unlike()
    points = [(at - 30 + i, 1.0 if i < 30 else 0.0) for i in range(120)]
    server.send(series("local_level", points, case=case))
    return f'local_level{{case="{case}"}}'


def test_a_run_whose_load_and_rules_are_good_passes(tmp_path, shared_prometheus):
    """Exit 0, and a status that names shards, chain and endpoints and no image."""
    spec = Spec(shell("sleep 6.2"), [rule("one", ONE), alert("quiet", "NeverFires")], replicas=2)
    done = ran(spec, tmp_path, *at_prometheus(shared_prometheus))
    assert (done.code, done.verdict) == (0, ("Succeeded", "RunSucceeded")), done.err
    status = done.status
    assert status["chain"] == {"chainId": "toy-1", "rpcEndpoints": [RPC], "deployments": []}
    assert (status["load"]["jobName"], status["load"]["image"], status["load"]["imageID"]) == (None, None, None)
    assert [(one["index"], one["exitCode"]) for one in status["load"]["shards"]] == [(0, 0), (1, 0)]
    assert status["workloadExitCode"] == 0
    assert done.result.document.mode == "run"
    assert "PASSED" in done.out
    assert "None" not in done.out


def test_runs_that_begin_in_one_second_have_folders_and_run_ids_of_their_own(tmp_path):
    """The first has the second as its run id; of the others each has the next free number behind it."""
    job = tmp_path / "results/eng-ada/toy_load"
    begun = dt.datetime.now(dt.UTC)
    taken = {f"mini-{begun + dt.timedelta(seconds=index):%Y%m%d%H%M%S}" for index in range(60)}
    for name in taken:
        (job / name).mkdir(parents=True)
    spec = Spec(shell("echo $RUN_ID > run-id; sleep 1"))
    with started(spec, tmp_path) as first, started(spec, tmp_path) as second:
        runs = [first.finish(), second.finish()]
    assert [run.code for run in runs] == [0, 0], runs
    new = {path.name for path in job.iterdir()} - taken
    assert len(new) == 2
    assert all(name.rpartition("-")[0] in taken and name.rpartition("-")[2] in ("2", "3") for name in new)
    assert (tmp_path / "work/run-id").read_text().strip() in new
    for name in new:
        assert read_result(job / name).status.run_id == name


def test_rules_are_asked_about_the_run_id_that_the_folder_has(tmp_path, shared_prometheus):
    job = tmp_path / "results/eng-ada/rules-only"
    begun = dt.datetime.now(dt.UTC)
    for index in range(60):
        (job / f"mini-{begun + dt.timedelta(seconds=index):%Y%m%d%H%M%S}").mkdir(parents=True)
    promql = 'count(up{run="${runId}"}) or vector(1)'
    spec = Spec(shell("exit 0"), [rule("one", promql)])
    done = ran(spec, tmp_path, "--for", "6s", *at_prometheus(shared_prometheus), verb=("evaluate",))
    assert done.code == 0, done.err
    assert done.folder.name.endswith("-2")
    assert f'\\"{done.folder.name}\\"' in done.file("rules/one.jsonl")


def test_an_alert_is_told_to_be_resolved_through_prometheus_only(tmp_path, shared_prometheus):
    """Nobody looked at PrometheusRule objects: whoever reads the result must know, and only when there is an alert."""
    # A Prometheus that has just begun evaluates its rules some seconds later, and then once a second.
    shared_prometheus.until('ALERTS{alertname="AlwaysFires"}', 30)
    spec = Spec(shell("sleep 6.5"), [rule("one", ONE), alert("loud", "AlwaysFires")], duration="5s")
    done = ran(spec, tmp_path, *at_prometheus(shared_prometheus))
    assert (done.code, done.verdict) == (1, ("Failed", "RuleFailed:loud"))
    assert any("through Prometheus only" in note for note in done.result.document.notes)
    assert "through Prometheus only" in done.out
    without = ran(Spec(shell("exit 0"), [rule("one", ONE)]), tmp_path, *at_prometheus(shared_prometheus))
    assert without.result.document.notes == []


def test_an_alert_that_prometheus_does_not_have_is_an_error(tmp_path, shared_prometheus):
    """Silence without proof never passes."""
    rules = [alert("missing", "NobodyKnowsThis", retry=0)]
    done = ran(Spec(shell("sleep 6.2"), rules), tmp_path, *at_prometheus(shared_prometheus))
    assert (done.code, done.verdict) == (2, ("Error", "RuleError"))
    assert done.status["rules"][0]["reason"] == "AlertNotLoaded"


def test_a_rule_that_does_not_hold_at_the_final_sweep_fails_the_run(tmp_path, shared_prometheus):
    """It begins when the window is nearly over: only the sweep sees it."""
    done = ran(
        Spec(shell("sleep 7.5"), [rule("none", ONE, "<", startAfter="6s")], duration="8s"),
        tmp_path,
        *at_prometheus(shared_prometheus),
    )
    assert (done.code, done.verdict) == (1, ("Failed", "RuleFailed:none"))
    assert "1, not < 0" in done.out


def test_a_stop_on_failure_rule_ends_the_load_early(tmp_path, shared_prometheus):
    """The load would run a minute; it gets SIGTERM, has time to end in order, and has no exit code."""
    selector = drops(shared_prometheus, time.time() + 4)
    script = "trap 'echo flushed > $RESULT_DIR/end; exit 0' TERM; touch runs; sleep 60 & wait"
    spec = Spec(shell(script), [rule("level", selector, stopOnFailure=True), rule("one", ONE)], duration="60s")
    done = ran(spec, tmp_path, *at_prometheus(shared_prometheus))
    assert (done.code, done.verdict) == (1, ("Failed", "RuleStopOnFailure:level")), done.err
    assert done.file("workload-0-end") == "flushed\n"
    shard = done.status["load"]["shards"][0]
    assert (shard["exitCode"], shard["reason"]) == (None, "stopped (rule level failed)")
    assert done.status["workloadExitCode"] is None
    window = done.result.document.window
    assert window.stop_rule == "level"
    assert window.start + 5 == pytest.approx(window.stop_time)
    assert window.stop_time < window.end < window.start + 20
    assert int(done.status["duration"].removesuffix("s")) < 30


def test_a_load_that_does_not_end_when_told_is_killed_after_its_grace(tmp_path, shared_prometheus):
    """terminationGracePeriodSeconds of the spec is the time between SIGTERM and SIGKILL."""
    script = "trap '' TERM; touch runs; while :; do sleep 1; done"
    spec = Spec(shell(script), [rule("none", ONE, "<", stopOnFailure=True)], duration="60s", grace=1)
    done = ran(spec, tmp_path, *at_prometheus(shared_prometheus))
    assert (done.code, done.verdict) == (1, ("Failed", "RuleStopOnFailure:none"))
    window = done.result.document.window
    # Told at its first tick, 5 s after the start; a second of grace; the window ends a second before the load.
    assert 4.9 < window.end - window.start < 9


def test_a_decision_behind_the_windows_end_is_evidence_only(tmp_path, shared_prometheus):
    """The load ran at T, and ended within the second that the window does not have: T does not count."""
    spec = Spec(shell("sleep 10.6"), [rule("one", ONE)], duration="10s")
    done = ran(spec, tmp_path, *at_prometheus(shared_prometheus))
    assert done.verdict == ("Succeeded", "RunSucceeded")
    window = done.result.document.window
    assert [
        (entry.t - window.start > 5.1, entry.final, entry.counted) for entry in done.result.evidence["one"].entries
    ] == [
        (False, False, True),
        (True, False, False),
        (True, True, True),
    ]
    assert window.end < window.start + 10


def test_one_of_three_shards_that_failed_fails_the_run(tmp_path, shared_prometheus):
    """The others' zeros do not hide it, and it does not end the others."""
    spec = Spec(shell("echo nonce too low >&2; test $SHARD_INDEX != 1"), [rule("one", ONE)], replicas=3)
    done = ran(spec, tmp_path, *at_prometheus(shared_prometheus))
    assert (done.code, done.verdict) == (1, ("Failed", "WorkloadFailed"))
    assert done.status["workloadExitCode"] == 1
    assert [one["exitCode"] for one in done.status["load"]["shards"]] == [0, 1, 0]
    assert "shard 1 exit 1: nonce too low" in done.status["message"]


@pytest.mark.parametrize(
    ("script", "code", "reason"),
    [("exit 2", 2, None), ("exit 7", 7, None), ("kill -SEGV $$$$", 139, "SIGSEGV"), ("kill -9 $$$$", 137, "SIGKILL")],
)
def test_everything_but_0_and_1_is_an_infrastructure_failure(tmp_path, shared_prometheus, script, code, reason):
    """2, an unknown code, a signal: what a rule says does not make it better."""
    spec = Spec(shell(f"sleep 6.2; {script}"), [rule("one", ONE), rule("none", ONE, "<")])
    done = ran(spec, tmp_path, *at_prometheus(shared_prometheus))
    assert (done.code, done.verdict) == (2, ("Error", "WorkloadInfraFailure"))
    shard = done.status["load"]["shards"][0]
    assert (shard["exitCode"], shard["reason"], done.status["workloadExitCode"]) == (code, reason, 2)
    assert "failed rules: none" in done.status["message"]


def test_a_load_that_runs_too_long_counts_as_2(tmp_path, shared_prometheus):
    """It is stopped at timeouts.runDuration; that it then ends with 0 makes nothing good."""
    spec = Spec(shell("trap 'exit 0' TERM; sleep 60 & wait"), [rule("one", ONE)], duration="2s", run_duration="3s")
    done = ran(spec, tmp_path, *at_prometheus(shared_prometheus))
    assert (done.code, done.verdict) == (2, ("Error", "WorkloadInfraFailure"))
    assert "stopped at timeouts.runDuration (3s)" in done.status["message"]
    assert done.status["failedPlan"] == "loadGeneration"


def test_a_program_that_cannot_start_is_no_load(tmp_path, shared_prometheus):
    """LoadNotStarted, with the program's name and what is wrong with it."""
    spec = Spec(["/no/such/program"], [rule("one", ONE)], replicas=2)
    done = ran(spec, tmp_path, *at_prometheus(shared_prometheus))
    assert (done.code, done.verdict) == (2, ("Error", "LoadNotStarted"))
    assert "/no/such/program: no such program" in done.status["message"]
    assert done.result.document.window.start is None


def test_a_spec_without_rules_is_judged_by_its_exit_code(tmp_path):
    """And Prometheus is not needed then."""
    nowhere = ("--prometheus", "http://127.0.0.1:9")
    good = ran(Spec(shell("exit 0")), tmp_path, *nowhere)
    assert (good.code, good.verdict) == (0, ("Succeeded", "RunSucceeded"))
    bad = ran(Spec(shell("exit 1"), name="bad"), tmp_path, *nowhere)
    assert (bad.code, bad.verdict) == (1, ("Failed", "WorkloadFailed"))


def test_without_prometheus_nothing_is_started(tmp_path):
    """Exit 2 at once: the load never ran, and no results lie about it."""
    done = ran(Spec(shell("touch ran"), [rule("one", ONE)]), tmp_path, "--prometheus", "http://127.0.0.1:9")
    assert done.code == 2
    assert "Prometheus does not answer" in done.err
    assert "--prometheus names another" in done.err
    assert not (tmp_path / "work" / "ran").exists()
    assert done.folder is None


def test_a_prometheus_that_lives_in_another_time_is_refused(tmp_path, proxied):
    """Its answers would be about another time; that is known before a load of an hour."""
    proxied.behave(behaviours.skewed(60))
    done = ran(Spec(shell("touch ran"), [rule("one", ONE)]), tmp_path, "--prometheus", proxied.url)
    assert done.code == 2
    assert "Prometheus' clock differs by 60s" in done.err
    assert not (tmp_path / "work" / "ran").exists()


def test_a_query_latency_is_told_as_such(tmp_path, proxied):
    """VictoriaMetrics answers about 30 s ago, and its clock is right."""

    def earlier(whole):
        t, value = whole["data"]["result"]
        whole["data"]["result"] = [t, repr(float(value) - 30)]

    proxied.behave(behaviours.rewritten(earlier), on="time()")
    done = ran(Spec(shell("touch ran"), [rule("one", ONE)]), tmp_path, "--prometheus", proxied.url)
    assert done.code == 2
    assert "Prometheus evaluates each query 30s before the time that is asked about" in done.err
    assert "set the clocks" not in done.err
    assert not (tmp_path / "work" / "ran").exists()


def test_a_prometheus_that_fails_at_the_final_sweep_gives_no_pass(tmp_path, proxied):
    """Every tick was good, and nobody knows about the end."""
    spec = Spec(shell("touch runs; sleep 8"), [rule("one", ONE, retry=1)], duration="8s")
    with started(spec, tmp_path, "--prometheus", proxied.url) as running:
        running.until_said("rule one: Passed")
        proxied.behave(behaviours.status(503))
        done = running.finish()
    assert (done.code, done.verdict) == (2, ("Error", "RuleError"))
    sweep = [entry for entry in done.result.evidence["one"].entries if entry.final]
    assert len(sweep) == 2
    assert sweep[0].t == sweep[1].t


def test_a_result_that_was_cut_is_refused(tmp_path, shared_prometheus):
    """Half of a file proves nothing: neither of the result nor of the evidence."""
    done = ran(Spec(shell("exit 0"), [rule("one", ONE)]), tmp_path, *at_prometheus(shared_prometheus))
    for name, words in (("rules/one.jsonl", "cut or changed"), ("result.json", "not JSON")):
        path = done.folder / name
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ResultsError, match=words):
            read_result(done.folder)
        path.write_bytes(whole)
    (done.folder / "workload-0-stdout.log").unlink()
    with pytest.raises(ResultsError, match=r"workload-0-stdout\.log"):
        read_result(done.folder)


_DUMP = """
import json, os, sys
found = {"argv": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd()}
found["config"] = open(os.path.join(os.environ["CONFIG_DIR"], "profile.json")).read()
with open(os.path.join(os.environ["RESULT_DIR"], "dump.json"), "w") as stream:
    json.dump(found, stream)
"""


def test_the_workload_gets_the_environment_of_a_cluster(tmp_path, python):
    """Every variable of the contract, references as Kubernetes expands them, files with their places filled."""
    workload = {
        "args": [
            "--config=/etc/load/profile.json", "/etc/load", "--out", "/var/run/validation/results/x", "/etc/loader",
            "$(DURATION_SECONDS)s", "$$(CHAIN_ID)", "$(NOBODY)", "$(GREETING)", "{{workflow.name}}",
        ],
        "env": [
            {"name": "GREETING", "value": "$(RUN_ID)/$(SHARD_INDEX) $(LATER)"},
            {"name": "LATER", "value": "$$(GREETING) $(GREETING)"},
            {"name": "PROFILE", "value": "/etc/load/profile.json"},
            {"name": "EMPTY"},
        ],
        "config": {
            "mountPath": "/etc/load/",
            "files": {"profile.json": '${chainId} ${rpcEndpoints} ${evmEndpointsJson} ${runId} ${other} {{x}} "é"'},
        },
    }  # fmt: skip
    spec = Spec([python, "-c", _DUMP], replicas=2, duration="3s", workload=workload)
    urls = ["--rpc", RPC, "--rpc", "http://127.0.0.2:26657", "--evm", "http://127.0.0.1:8545", "--chain-id", "toy-2"]
    done = ran(spec, tmp_path, *urls, env={"CHAIN_ID": "not this", PROMETHEUS_TOKEN_FILE: "/secret", "MINE": "kept"})
    assert done.verdict == ("Succeeded", "RunSucceeded"), done.err
    run_id = done.status["runId"]
    for index in (0, 1):
        found = json.loads(done.file(f"workload-{index}-dump.json"))
        env = found["env"]
        config, results = env["CONFIG_DIR"], env["RESULT_DIR"]
        assert {name: env[name] for name in RESERVED_ENV} == {
            "CHAIN_RPC_URL": RPC, "CHAIN_WS_URL": "", "CHAIN_EVM_URL": "http://127.0.0.1:8545", "CHAIN_REST_URL": "",
            "CHAIN_ID": "toy-2", "RUN_ID": run_id, "NAMESPACE": "eng-ada", "RESULT_DIR": results, "CONFIG_DIR": config,
            "RESULTS_URI": "", "DURATION_SECONDS": "3", "SHARD_INDEX": str(index), "SHARD_COUNT": "2",
        }  # fmt: skip
        assert config.endswith("/config/")
        assert results == config.removesuffix("config/") + f"results-{index}"
        assert found["argv"] == [
            f"--config={config}profile.json", config.rstrip("/"), "--out", f"{results}/x", "/etc/loader",
            "3s", "$(CHAIN_ID)", "$(NOBODY)", f"{run_id}/{index} $(LATER)", "{{workflow.name}}",
        ]  # fmt: skip
        assert env["GREETING"] == f"{run_id}/{index} $(LATER)"
        assert env["LATER"] == f"$(GREETING) {run_id}/{index} $(LATER)"
        assert (env["PROFILE"], env["EMPTY"], env["MINE"]) == (f"{config}profile.json", "", "kept")
        assert PROMETHEUS_TOKEN_FILE not in env
        assert found["cwd"] == str(tmp_path / "work")
        both = f"{RPC},http://127.0.0.2:26657"
        assert found["config"] == f'toy-2 {both} ["http://127.0.0.1:8545"] {run_id} ${{other}} {{{{x}}}} "é"'
    assert done.status["parameters"] == {"chain-id": "toy-2"}


def test_nothing_is_left_of_the_temporary_folder(tmp_path):
    """Config and results lie in a folder of the run, which goes with it."""
    (tmp_path / "tmp").mkdir()
    spec = Spec(shell("mkdir $RESULT_DIR/deep; echo x > $RESULT_DIR/deep/y; chmod 500 $RESULT_DIR/deep"))
    done = ran(spec, tmp_path, env={"TMPDIR": str(tmp_path / "tmp")})
    assert done.code == 0
    assert done.file("workload-0-deep-y") == "x\n"
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_duration_that_was_set_is_the_workloads(tmp_path):
    """`--set duration` shortens, is checked as for a submission, and is told in the status."""
    spec = Spec(shell("echo $DURATION_SECONDS"), duration="2m")
    done = ran(spec, tmp_path, "--set", "duration=7s")
    assert done.file("workload-0-stdout.log") == "7\n"
    assert done.status["parameters"] == {"duration": "7s"}
    longer = ran(spec, tmp_path, "--set", "duration=3m")
    assert (longer.code, longer.folder) == (2, done.folder)
    assert "at most the compiled 2m; got" in longer.err


def test_output_is_kept_apart_from_what_is_printed(tmp_path):
    """Standard output carries the status and nothing else; the workload's lines lie in the results."""
    done = ran(Spec(shell("echo to stdout; echo to stderr >&2")), tmp_path, "-o", "json")
    assert json.loads(done.out) == done.status
    assert (done.file("workload-0-stdout.log"), done.file("workload-0-stderr.log")) == ("to stdout\n", "to stderr\n")
