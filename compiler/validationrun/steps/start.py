"""
`validationrun-runner`, the console script: imports the runner and starts it.

The runner is imported without garbage collection, and what came into being is left out of all collections that follow: modules and
classes live as long as the process, and looking through them takes a tenth of a short step's time (decision 30).
"""

import gc
from types import ModuleType


def main() -> None:
    load().main()


def load() -> ModuleType:
    """The module `steps.main`. Garbage collection is on afterwards."""
    gc.disable()
    from validationrun.steps import main as runner  # noqa: PLC0415 - after the line above

    gc.freeze()
    gc.enable()
    return runner
