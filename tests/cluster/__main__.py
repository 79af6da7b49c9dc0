"""`python -m tests.cluster up|down|status|build|images|older-argo|prometheus-3|k6|image-from-binary`: run from the repository's root."""

import argparse
import sys
from pathlib import Path

from tests.cluster import down
from tests.cluster.host import HostError
from tests.cluster.processes import StartError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name, words in (
        ("up", "bring the cluster up, or find it up"),
        ("down", "take it down; nothing is left"),
        ("status", "which part runs"),
        ("build", "build the programs, start nothing"),
        ("images", "build and import the runner's and the chain's images"),
        ("older-argo", "build the older line of Argo, and import its executor's image"),
        ("prometheus-3", "build Prometheus 3, which no cluster needs, and print where it lies"),
        ("k6", "build k6, which no cluster needs, and print where it lies"),
    ):
        verbs.add_parser(name, help=words)
    one = verbs.add_parser("image-from-binary", help="import an image of static programs")
    one.add_argument("name")
    one.add_argument("binaries", nargs="+", type=Path)
    options = parser.parse_args()
    try:
        _run(options)
    except (HostError, StartError, TimeoutError, RuntimeError) as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1
    return 0


def _run(options: argparse.Namespace) -> None:
    if options.verb == "down":
        down.down()
        return
    if options.verb == "status":
        print(down.status())
        return
    # These need the environment; the two above must not.
    from tests.cluster import images, parts, up

    if options.verb == "up":
        up.up()
    elif options.verb == "build":
        parts.build()
        parts.build_older_argo()
    elif options.verb == "images":
        images.build_all(parts.build())
        images.chain()
    elif options.verb == "older-argo":
        images.older_executor(parts.build_older_argo())
    elif options.verb == "prometheus-3":
        print(parts.build_prometheus_3())
    elif options.verb == "k6":
        print(parts.build_k6())
    else:
        images.from_binaries(options.name, options.binaries)


if __name__ == "__main__":
    sys.exit(main())
