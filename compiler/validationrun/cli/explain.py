"""`validationrun explain`: what will happen, before it does."""

import datetime as dt
import enum
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from validationrun.base.conventions import EXIT_FINDINGS
from validationrun.cli.console import NamespaceOption, Output, SpecArgument, print_diagnostics, read_runs
from validationrun.cli.emit_flags import EmitFlags, LabelOption

EXAMPLES = """\b
Examples:
  validationrun explain run.yaml
  validationrun explain run.yaml --format mermaid
"""

if TYPE_CHECKING:
    from validationrun.compiling.explain import Outline


class Format(enum.StrEnum):
    """How the outline is drawn."""

    TREE = "tree"
    MERMAID = "mermaid"


FormatOption = Annotated[
    Format,
    typer.Option(
        "--format",
        help="tree for people; mermaid: a flowchart, and of several documents Markdown with a heading and a block for each.",
    ),
]


def run(
    specs: SpecArgument, namespace: NamespaceOption = None, form: FormatOption = Format.TREE, label: LabelOption = True
) -> None:
    """
    Show what a run or a suite will create, named what, in which order; of a schedule, when it fires next.

    Pods, rules, the rights each account uses, and how long it can take at worst. Needs no cluster.
    """
    from validationrun.compiling.explain import diagrams, mermaid, outline
    from validationrun.compiling.explain_schedule import schedule_mermaid, schedule_outline
    from validationrun.compiling.explain_suite import suite_mermaid, suite_outline
    from validationrun.compiling.pipeline import lint_all, plan_schedules, plans

    files, pass_over = read_runs(specs)
    result = lint_all(files, namespace, pass_over)
    if not result.ok:
        print_diagnostics(result.diagnostics, Output.TEXT, sys.stderr)
        raise typer.Exit(EXIT_FINDINGS)
    options = EmitFlags(label=label).checked()
    (runs, suites), schedules = plans(result, options), plan_schedules(result, options)
    now = dt.datetime.now(dt.UTC)
    roots = [
        *(outline(plan, options) for plan in runs),
        *(suite_outline(plan, options) for plan in suites),
        *(schedule_outline(plan, now) for plan in schedules),
    ]
    if form is Format.MERMAID:
        texts = [*map(mermaid, runs), *map(suite_mermaid, suites), *map(schedule_mermaid, schedules)]
        print(diagrams(zip((root.text for root in roots), texts, strict=True)), end="")
        return
    for root in roots:
        _draw(root)


def _draw(root: "Outline") -> None:
    """rich draws the tree; nothing in it is taken for markup, and long lines stay whole when the output is not a terminal."""
    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

    from validationrun.base.text import printable

    def grow(tree: Tree, node: "Outline") -> Tree:
        for child in node.children:
            grow(tree.add(Text(printable(child.text))), child)
        return tree

    console = Console(width=None if sys.stdout.isatty() else 1000, highlight=False)
    tree = grow(Tree(Text(root.text, style="bold"), guide_style="dim"), root)
    console.print(tree, soft_wrap=not sys.stdout.isatty(), crop=False)
