"""What docker is told."""

import pathlib

from validationrun.local.docker import fetch_commands, remove_command, run_command
from validationrun.local.workload import Container

CONFIG, RESULTS = pathlib.Path("/tmp/v/config"), pathlib.Path("/tmp/v/results-0")


def container(**fields):
    return Container(
        **{
            "image": "r.example.com/load:v1", "command": None, "args": [], "environment": [("SHARD_INDEX", "")],
            "files": {}, "mount_path": "/etc/validation/config/", "grace_s": 60, **fields,
        }
    )  # fmt: skip


def command(made):
    return run_command(made, made.shard(3), "mini-1-3", CONFIG, RESULTS)


def test_a_container_has_what_its_pod_would_have():
    """No rights, the results folder, the environment; the image's own entrypoint and the arguments behind the image."""
    made = container(args=["--shard=$(SHARD_INDEX)", "$(CONFIG)"], environment=[("SHARD_INDEX", ""), ("A", "x=y z")])
    assert command(made) == [
        "docker", "run", "--rm", "--name", "mini-1-3", "--network", "host", "--pull", "never",
        "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
        "--mount", "type=bind,source=/tmp/v/results-0,target=/var/run/validation/results",
        "--env", "SHARD_INDEX=3", "--env", "A=x=y z",
        "r.example.com/load:v1", "--shard=3", "$(CONFIG)",
    ]  # fmt: skip


def test_the_specs_command_takes_the_place_of_the_entrypoint():
    """Docker takes one word as entrypoint; the others come before the arguments."""
    told = command(container(command=["sh", "-c"], args=["exit $$0"]))
    at = told.index("--entrypoint")
    assert told[at:] == ["--entrypoint", "sh", "r.example.com/load:v1", "-c", "exit $0"]


def test_config_files_are_mounted_where_the_spec_says_and_cannot_be_changed():
    """As from a ConfigMap. Docker reads the option as CSV."""
    told = command(container(files={"a": ""}, mount_path='/etc/a,"b'))
    assert 'type=bind,source=/tmp/v/config,"target=/etc/a,""b",readonly' in told
    assert not any("config" in one for one in command(container()))


def test_the_user_of_the_security_context_is_the_containers():
    told = command(container(user="65532:65532"))
    assert told[told.index("--user") + 1] == "65532:65532"


def test_an_image_is_looked_for_before_it_is_fetched():
    looks, fetches = fetch_commands("r.example.com/load:v1")
    assert looks[:3] == ["docker", "image", "inspect"]
    assert fetches == ["docker", "pull", "--quiet", "r.example.com/load:v1"]
    assert remove_command("mini-1-3") == ["docker", "rm", "--force", "mini-1-3"]
