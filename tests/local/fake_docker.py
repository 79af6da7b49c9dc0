#!/usr/bin/env python3
"""
A fake docker: no engine, no containers. It takes the few commands that a local run gives and writes down what it was told.

`FAKE_DOCKER` is its folder: `calls` has a line of JSON for each call; `images` names the images that are here; a file
`refuse` makes `run` fail as docker itself does. `run` starts the given program with the environment that the container
would have; paths of mounts in it are those of this machine, because there is no container to have others.
"""

import json
import os
import pathlib
import sys

HOME = pathlib.Path(os.environ["FAKE_DOCKER"])


def options_of(words):
    """Options by name, each a list, and what stands behind them."""
    flags = {"--rm"}
    found = {}
    while words and words[0].startswith("--"):
        name = words.pop(0)
        found.setdefault(name, []).append("" if name in flags else words.pop(0))
    return found, words


def run(words):
    if (HOME / "refuse").exists():
        print("docker: Error response from daemon: no such network", file=sys.stderr)
        sys.exit(125)
    options, (image, *rest) = options_of(words)
    if image not in (HOME / "images").read_text().split():
        sys.exit(125)
    mounts = {}
    for mount in options.get("--mount", []):
        parts = dict(part.partition("=")[::2] for part in mount.split(","))
        mounts[parts["target"]] = parts["source"]
    environment = {"PATH": os.environ["PATH"]}
    variables = [(name, os.environ[name]) for name in options.get("--env", [])]
    for path in options.get("--env-file", []):
        lines = pathlib.Path(path).read_text().splitlines()
        variables += [line.split("=", 1) for line in lines]
        with (HOME / "variables").open("a") as stream:
            stream.write("\n".join(lines) + "\n")
    for name, value in variables:
        environment[name] = value
        for target, source in mounts.items():
            place = source + "/" if target.endswith("/") else source
            environment[name] = environment[name].replace(target, place)
    argv = [*options.get("--entrypoint", ["/image/entrypoint"]), *rest]
    os.execvpe(argv[0], argv, environment)  # noqa: S606 - as an engine would, without a shell


def main():
    words = sys.argv[1:]
    with (HOME / "calls").open("a") as stream:
        stream.write(json.dumps(words) + "\n")
    images = HOME / "images"
    if words[:2] == ["image", "inspect"]:
        sys.exit(words[-1] not in images.read_text().split())
    if words[0] == "pull":
        if "missing" in words[-1]:
            print(f"Error response from daemon: manifest for {words[-1]} not found", file=sys.stderr)
            sys.exit(1)
        images.write_text(images.read_text() + words[-1] + "\n")
    elif words[0] == "run":
        run(words[1:])
    elif words[:2] != ["rm", "--force"]:
        sys.exit(f"fake docker: unknown command {words}")


main()
