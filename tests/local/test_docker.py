"""`run --local --docker`, with a fake docker on the PATH: there is no engine behind it, only what it was told."""

import signal

from docker_kit import calls
from local_kit import IMAGE, Spec, ran, started


def test_the_workload_runs_in_containers_with_the_whole_contract(tmp_path, fake_docker):
    """One for each shard, named by run and shard, with paths of the container; removed for sure at the end."""
    home, env = fake_docker
    script = 'cat "$CONFIG_DIR/p"; echo done > "$RESULT_DIR/out"; echo $CHAIN_ID $SHARD_INDEX "$@"'
    workload = {
        "args": ["sh", "/etc/validation/config/p", "$(DURATION_SECONDS)"],
        "config": {"files": {"p": "${chainId} ${x}\n"}},
        "podTemplate": {"securityContext": {"runAsUser": 1000, "runAsGroup": 2000}},
    }
    spec = Spec(["sh", "-c", script], replicas=2, workload=workload)
    done = ran(spec, tmp_path, "--docker", env=env)
    assert (done.code, done.verdict) == (0, ("Succeeded", "RunSucceeded")), done.err
    for index in (0, 1):
        assert done.file(f"workload-{index}-stdout.log") == f"toy-1 ${{x}}\ntoy-1 {index} /etc/validation/config/p 5\n"
        assert done.file(f"workload-{index}-out") == "done\n"
    run_id = done.status["runId"]
    told = calls(home)
    assert told[0][:2] == ["image", "inspect"]
    assert not any(one[0] == "pull" for one in told)
    runs = sorted((one for one in told if one[0] == "run"), key=lambda one: one[3])
    assert [one[:4] for one in runs] == [["run", "--rm", "--name", f"{run_id}-{index}"] for index in (0, 1)]
    for one in runs:
        assert one[one.index("--network") + 1] == "host"
        assert one[one.index("--user") + 1] == "1000:2000"
        assert one[-6:] == [IMAGE, "-c", script, "sh", "/etc/validation/config/p", "5"]
    variables = (home / "variables").read_text().splitlines()
    assert variables.count("RESULT_DIR=/var/run/validation/results") == 2
    assert variables.count("CONFIG_DIR=/etc/validation/config/") == 2
    removed = sorted(one[2] for one in told if one[:2] == ["rm", "--force"])
    assert removed == [f"{run_id}-0", f"{run_id}-1"]


def test_no_value_of_a_variable_stands_in_dockers_arguments(tmp_path, fake_docker):
    """Every user of the machine can read them. A value of several lines reaches the container, too."""
    home, env = fake_docker
    script = 'printf "%s|" "$TOKEN" "$KEY" "$CHAIN_ID"'
    workload = {"env": [{"name": "KEY", "value": "-----BEGIN\ns3cr3t\n"}]}
    spec = Spec(["sh", "-c", script], workload=workload)
    done = ran(spec, tmp_path, "--docker", "--env", "TOKEN", env={**env, "TOKEN": "t0k3n = # x"})
    assert (done.code, done.verdict) == (0, ("Succeeded", "RunSucceeded")), done.err
    assert done.file("workload-0-stdout.log") == "t0k3n = # x|-----BEGIN\ns3cr3t\n|toy-1|"
    arguments = (home / "calls").read_text()
    assert "s3cr3t" not in arguments
    assert "t0k3n" not in arguments
    assert "toy-1" not in arguments


def test_an_image_that_is_not_here_is_fetched_before_the_window_opens(tmp_path, fake_docker):
    """Its download is no part of the load."""
    home, env = fake_docker
    (home / "images").write_text("")
    done = ran(Spec(["sh", "-c", "exit 0"]), tmp_path, "--docker", env=env)
    assert done.code == 0, done.err
    assert [one[0] for one in calls(home)] == ["image", "pull", "run", "rm"]


def test_an_image_that_cannot_be_had_ends_it(tmp_path, fake_docker):
    """With docker's own words, before anything is started."""
    _, env = fake_docker
    spec = Spec(["sh", "-c", "exit 0"], workload={"image": "r.example.com/missing:v1"})
    done = ran(spec, tmp_path, "--docker", env=env)
    assert (done.code, done.folder) == (2, None)
    assert "docker does not get the image r.example.com/missing:v1: Error response from daemon" in done.err


def test_another_image_may_be_set(tmp_path, fake_docker):
    """`image-workload` is one of the parameters that mean something with --docker, and only with it."""
    home, env = fake_docker
    spec = Spec(["sh", "-c", "exit 0"])
    done = ran(spec, tmp_path, "--docker", "--set", "image-workload=r.example.com/new:v2", env=env)
    assert done.code == 0
    assert "r.example.com/new:v2" in calls(home)[-2]
    without = ran(spec, tmp_path, "--set", "image-workload=r.example.com/new:v2")
    assert without.code == 2
    assert "no image is started without --docker" in without.err


def test_a_container_that_docker_refuses_is_no_load(tmp_path, fake_docker):
    """125 is docker's own: there was no container."""
    home, env = fake_docker
    (home / "refuse").touch()
    done = ran(Spec(["sh", "-c", "exit 0"]), tmp_path, "--docker", env=env)
    assert (done.code, done.verdict) == (2, ("Error", "LoadNotStarted"))
    assert "no such network" in done.status["message"]


def test_no_docker_is_told(tmp_path):
    """With the way out."""
    (tmp_path / "empty").mkdir()
    done = ran(Spec(["sh", "-c", "exit 0"]), tmp_path, "--docker", env={"PATH": str(tmp_path / "empty")})
    assert done.code == 2
    assert "there is no program docker on the PATH" in done.err


def test_an_image_without_a_command_needs_docker(tmp_path, fake_docker):
    """Only a container engine knows its entrypoint; with one, the image's own is used."""
    home, env = fake_docker
    spec = Spec(None)
    plain = ran(spec, tmp_path)
    assert plain.code == 2
    assert "spec.load.workload.command is not set" in plain.err
    assert "set `command:`, or give --docker" in plain.err
    ran(spec, tmp_path, "--docker", env=env)
    told = next(one for one in calls(home) if one[0] == "run")
    assert "--entrypoint" not in told
    assert told[-1] == IMAGE


def test_ctrl_c_removes_the_container(tmp_path, fake_docker):
    """`docker run` is told to end, and the container is removed by its name whatever it did."""
    home, env = fake_docker
    spec = Spec(["sh", "-c", "touch runs; exec sleep 300"], duration="60s")
    with started(spec, tmp_path, "--docker", env=env) as running:
        running.until_file("runs")
        running.signal(signal.SIGINT)
        done = running.finish()
    assert (done.code, done.verdict) == (2, ("Cancelled", "Cancelled"))
    assert calls(home)[-1] == ["rm", "--force", f"{done.status['runId']}-0"]
