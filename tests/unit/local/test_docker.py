"""What docker is told."""

import pathlib

import pytest

from validationrun.local.docker import env_file, fetch_commands, inherited, remove_command, run_command
from validationrun.local.workload import Container

CONFIG, RESULTS = pathlib.Path("/tmp/v/config"), pathlib.Path("/tmp/v/results-0")
VARIABLES = pathlib.Path("/tmp/v/variables-0")


def container(**fields):
    return Container(
        **{
            "image": "r.example.com/load:v1", "command": None, "args": [], "environment": [("SHARD_INDEX", "")],
            "files": {}, "mount_path": "/etc/validation/config/", "grace_s": 60, **fields,
        }
    )  # fmt: skip


def command(made):
    return run_command(made, made.shard(3), "mini-1-3", CONFIG, RESULTS, VARIABLES)


def test_a_container_has_what_its_pod_would_have():
    """No rights, the results folder, the environment; the image's own entrypoint and the arguments behind the image."""
    made = container(args=["--shard=$(SHARD_INDEX)", "$(CONFIG)"], environment=[("SHARD_INDEX", ""), ("A", "x=y z")])
    assert command(made) == [
        "docker", "run", "--rm", "--name", "mini-1-3", "--network", "host", "--pull", "never",
        "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
        "--mount", "type=bind,source=/tmp/v/results-0,target=/var/run/validation/results",
        "--env-file", "/tmp/v/variables-0",
        "r.example.com/load:v1", "--shard=3", "$(CONFIG)",
    ]  # fmt: skip


@pytest.mark.parametrize("value", ["x=y z", "", "# no comment", "  spaces  ", "$(B)", "ä"])
def test_a_value_of_one_line_stands_in_the_env_file(value):
    shard = container(environment=[("A", value)]).shard(0)
    assert (env_file(shard), inherited(shard)) == (f"A={value}\n", {})


@pytest.mark.parametrize("value", ["a\nB=b", "a\r", "x" * 70_000, "\udcff"])
def test_a_value_that_the_env_file_cannot_hold_comes_from_dockers_environment(value):
    """Only its name stands in the command."""
    made = container(environment=[("A", value)])
    assert (env_file(made.shard(0)), inherited(made.shard(0))) == ("", {"A": value})
    told = command(made)
    assert told[told.index("--env") + 1] == "A"


def test_a_root_file_system_is_read_only_when_the_spec_says_so():
    assert "--read-only" in command(container(read_only=True))
    assert "--read-only" not in command(container())


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
