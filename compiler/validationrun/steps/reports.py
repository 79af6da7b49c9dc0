"""
finalize's files: `result.json`, the reports, and the pods' diagnostics.

The evaluator uploads its decisions from its own pod. Its sign-off holds the states, the sums, and the hash of each file.
So the reports here show every verdict but draw no decision, and say so. `result.json` also names the evaluator's files, so
that the whole folder can be checked, drawn and replayed.
"""

import pathlib
from collections.abc import Sequence
from typing import Final

from validationrun import report
from validationrun.base.conventions import OUTPUT_RESULTS
from validationrun.report.from_record import Ended, result_of, view_of_result
from validationrun.results.folder import file_hashes, seal
from validationrun.steps import diagnostics
from validationrun.steps.context import Context
from validationrun.steps.diagnostics import PodFound

ELSEWHERE: Final = (
    "the reports in the bucket were made by finalize, which has each rule's verdict and sums; the decisions lie in "
    "rules/*.jsonl, and `validationrun report DIR -o html` of the whole folder draws them"
)


def write(context: Context, ended: Ended, pods: Sequence[PodFound]) -> pathlib.Path:
    """
    Writes all files, `result.json` last; a second call writes the same files again. Returns the folder.

    Raises:
        OSError: a file cannot be written.
        ResultsError: the run's documents contradict each other.
    """
    folder = context.output_dir / OUTPUT_RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    if pods:
        diagnostics.save(folder, pods)
    result = result_of(ended, ELSEWHERE)
    report.write_reports(view_of_result(result, ended.evidence), folder)
    sign_off = ended.evidence.sign_off
    evaluators = sign_off.files if sign_off is not None else {}
    seal(folder, result.document, {**evaluators, **file_hashes(folder)})
    return folder
