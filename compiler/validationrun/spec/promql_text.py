"""PromQL as text, for what needs no syntax tree: importing the parser takes a step of a run too long."""

import re
from typing import Final

# A string without its end, which no parser accepts, is taken up to the end of the line: trying again from each mark in it
# would take forever.
STRING_OR_COMMENT: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"?|\'(?:[^\'\\\n]|\\.)*\'?|`[^`]*`?|#[^\n]*')
