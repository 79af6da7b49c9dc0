"""
The demo's local runs: a toy chain and a toy load, a real Prometheus, real verdicts.

    python -m demo PROMETHEUS      from the repository's root; PROMETHEUS is the program

Exits 0 when both verdicts are as announced. Leaves nothing running.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

from validationrun.local.process import Launch, Program

HERE = pathlib.Path(__file__).resolve().parent
SPEC = pathlib.Path("demo", "toy.yaml")
RESULTS = pathlib.Path("build", "demo", "results")
BIN = pathlib.Path(sys.executable).parent
WAIT_SECONDS = 30
STALL_SECONDS = 7


class DemoError(Exception):
    """The demo cannot go on; the message says why."""


def until(ready, what, program):
    """The first true value."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if value := ready():
                return value
        if program.gone:
            raise DemoError(f"{what} ended: {program.launch.stderr.read_text()[-500:] or program.failure}")
        time.sleep(0.05)
    raise DemoError(f"{what} is not ready within {WAIT_SECONDS}s")


def started(stack, folder, name, *command):
    """A program that ends with the demo, however that ends."""
    launch = Launch(
        argv=[str(part) for part in command],
        environment=dict(os.environ),
        folder=pathlib.Path.cwd(),
        stdout=folder / f"{name}.stdout",
        stderr=folder / f"{name}.stderr",
        grace_s=5,
    )
    program = Program(launch).start()
    stack.callback(program.close)
    return program


def toy_chain(stack, folder, chain_id, *options):
    """Its URL."""
    program = started(stack, folder, chain_id, sys.executable, HERE / "toy_chain.py", chain_id, *options)
    return until(lambda: program.launch.stdout.read_text().strip(), f"toy chain {chain_id}", program)


def prometheus(stack, folder, binary, targets):
    """Its URL, once it has scraped every target."""
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(HERE / "alerts.rules.yaml")],
        "scrape_configs": [
            {"job_name": "toy", "static_configs": [{"targets": [url.removeprefix("http://") for url in targets]}]}
        ],
    }
    # JSON is YAML.
    (folder / "prometheus.yaml").write_text(json.dumps(config))
    program = started(
        *(stack, folder, "prometheus", binary, f"--config.file={folder / 'prometheus.yaml'}"),
        *(f"--storage.tsdb.path={folder / 'data'}", "--web.listen-address=127.0.0.1:0"),
    )
    listens = re.compile(r"Listening on\W.* address=(127\.0\.0\.1:\d+)")
    found = until(lambda: listens.search(program.launch.stderr.read_text()), "Prometheus", program)
    url = f"http://{found[1]}"
    ask = f"{url}/api/v1/query?query=count(tendermint_consensus_height)"

    def scraped():
        with urllib.request.urlopen(ask, timeout=2) as answer:
            result = json.loads(answer.read())["data"]["result"]
        return result and result[0]["value"][1] == str(len(targets))

    until(scraped, "Prometheus", program)
    return url


def validate(chain, prometheus_url, *options):
    """One run, shown as it goes; its status and exit code."""
    where = ["--rpc", chain, "--evm", chain, "--prometheus", prometheus_url]
    command = ["validationrun", "run", "--local", str(SPEC), *where, "--settle", "1", *options]
    print("$", " ".join(command), flush=True)
    before = set(RESULTS.rglob("result.json"))
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [str(BIN / "validationrun"), *command[1:], "--results", str(RESULTS)],
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
        check=False,
    )
    # The log below it has the same times as the lines that were just printed.
    print(done.stdout.partition("\nwhat happened")[0].rstrip())
    made = set(RESULTS.rglob("result.json")) - before
    if len(made) != 1:
        raise DemoError("the run left no result")
    result = made.pop()
    print(f"  report    {result.with_name('report.html')}", flush=True)
    return json.loads(result.read_text())["status"], done.returncode


def check(what, found, announced):
    if found != announced:
        raise DemoError(f"{what}: announced was {announced}, it is {found}")


def main(binary):
    shutil.rmtree(RESULTS, ignore_errors=True)
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="validationrun-demo-")))
        good = toy_chain(stack, folder, "toy-1")
        stalls = toy_chain(stack, folder, "toy-2", "--stall-after", STALL_SECONDS)
        url = prometheus(stack, folder, binary, [good, stalls])

        print("\n== A local run that passes: 12 s of a TOY load at a TOY chain, judged by a real Prometheus")
        status, code = validate(good, url, "--set", "duration=12s")
        check("first run", (status["verdict"], status["reason"], code), ("Passed", "RunSucceeded", 0))

        print(
            f"\n== One that fails: the chain stalls {STALL_SECONDS} s into a load of 30 s, and a rule ends the load early"
        )
        status, code = validate(stalls, url)
        reason = "RuleStopOnFailure:height-advances"
        check("second run", (status["verdict"], status["reason"], code), ("Failed", reason, 1))
        seconds = int(status["duration"].removesuffix("s"))
        check("second run ended early", seconds < 28, True)
        print(f"\nBoth verdicts are as announced: Passed (exit 0), and Failed (exit 1) after {seconds} s of 30.")


def interrupted(*_):
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    try:
        main(*sys.argv[1:])
    except DemoError as error:
        sys.exit(f"demo: {error}")
    except KeyboardInterrupt:
        sys.exit("demo: interrupted")
