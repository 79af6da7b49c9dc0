"""`python -m tests.chain.operator`: run the stand-in operator as a host process until SIGTERM."""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from tests.chain.build import build

from .definitions import connect, install_crds
from .loop import Operator


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chain.operator", description=__doc__)
    parser.add_argument("--kubeconfig", help="default: as kubectl finds it")
    parser.add_argument("--context", help="default: the current one")
    parser.add_argument("--namespace", default="all", help="default: all")
    parser.add_argument("--program", type=Path, help="the chain's program; default: build it")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between two looks")
    parser.add_argument("--install-crds", action="store_true", help="create the definitions first")
    parser.add_argument("--parent", type=int, help="end when this process is not the parent any more")
    options = parser.parse_args()

    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    if options.parent:
        threading.Thread(target=watch_parent, args=(options.parent, stop), daemon=True).start()
    program = options.program or build()
    api = connect(options.kubeconfig, options.context)
    if options.install_crds:
        install_crds(api)
    namespace = None if options.namespace == "all" else options.namespace
    say("the stand-in operator watches " + (namespace or "all namespaces"))
    Operator(api, program, namespace, say).run(stop, options.interval)
    say("the stand-in operator ends")
    return 0


def watch_parent(parent: int, stop: threading.Event) -> None:
    """A test run that was killed must not leave an operator behind."""
    while os.getppid() == parent and not stop.wait(1):
        pass
    stop.set()


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
