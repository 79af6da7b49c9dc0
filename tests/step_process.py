"""
Starts a step as a process: the real program, but for where it finds its bundle, its outputs and its API server.

    python tests/step_process.py STEP BUNDLE_DIR OUTPUT_DIR
"""

import pathlib
import sys

from validationrun.base import conventions
from validationrun.kube.cluster import Cluster
from validationrun.steps import context, main

if __name__ == "__main__":
    step, conventions.BUNDLE_DIR, conventions.OUTPUT_DIR = sys.argv[1:4]
    context.TERMINATION_LOG = pathlib.Path(conventions.OUTPUT_DIR, "termination-log")  # type: ignore[misc]
    Cluster.inside = classmethod(lambda cls, namespace: cls.outside(None, namespace))  # type: ignore[method-assign]
    sys.exit(main.run([step]))
