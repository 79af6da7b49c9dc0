"""PromQL as text, for code that needs no syntax tree, because importing the parser takes a step too long."""

import re
from typing import Final

# An unterminated string, which no parser accepts, matches up to the end of its line. Otherwise the search would start again
# at each quote in it and take too long.
STRING_OR_COMMENT: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"?|\'(?:[^\'\\\n]|\\.)*\'?|`[^`]*`?|#[^\n]*')
