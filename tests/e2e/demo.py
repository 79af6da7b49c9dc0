"""`make demo-cluster`: the passing case as a person would run it, and what Argo tells of it."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import yaml
from tests.chain.operator.definitions import connect, install_crds
from tests.e2e.running import BASE, CASES, run_operator
from tests.e2e.world import CLI, KUBECONFIG, REPOSITORY, World, merge

_VERDICTS: Final = {0: "Passed", 1: "Failed", 2: "no verdict on the system: an error, or the run was cancelled"}


def main() -> int:
    context = os.environ.get("E2E_CONTEXT")
    case = CASES["passes"]
    install_crds(connect(None if context else str(KUBECONFIG), context))
    with World.open("demo") as world, tempfile.TemporaryDirectory() as scratch, run_operator(world):
        document = merge(BASE, case["spec"])
        document["metadata"]["namespace"] = world.namespace
        spec = Path(scratch) / "run.yaml"
        spec.write_text(yaml.safe_dump(document, sort_keys=False))
        print(f"== the spec (chain and load are toys: see tests/chain)\n{spec.read_text()}", flush=True)
        out = Path(scratch) / "generated"
        compiled = world.run_offline("compile", str(spec), "--out", str(out))
        print(compiled.stdout, compiled.stderr if compiled.returncode else "", flush=True)
        world.grant(out / world.namespace / "e2e")
        print("== validationrun submit run.yaml --wait", flush=True)
        where = ["--context", context] if context else []
        code = subprocess.call([str(CLI), "submit", str(spec), "--wait", *where])
        print(f"== exit code {code} ({_VERDICTS.get(code, 'none')})", flush=True)
        workflow = world.only_workflow()
        if workflow is None:
            return 1
        name = workflow["metadata"]["name"]
        print(f"\n== argo get {name}", flush=True)
        argo = REPOSITORY / "build" / "cluster" / "bin" / "argo"
        if argo.exists():
            subprocess.call([str(argo), "get", name, "-n", world.namespace])
        else:
            print("   (argo is not there; the Workflow's phase is " + workflow["status"]["phase"] + ")")
    return code


if __name__ == "__main__":
    sys.exit(main())
