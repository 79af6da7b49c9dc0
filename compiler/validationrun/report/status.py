"""The status document as JSON."""

import json
import re
from typing import Final

from validationrun.report.view import RunView

# JSON lets these stand as they are; a terminal may obey them, and a line may change its direction.
_INVISIBLE: Final = re.compile("[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def render(view: RunView) -> str:
    whole = json.dumps(view.status, ensure_ascii=False, allow_nan=False, indent=2)
    return _INVISIBLE.sub(lambda found: f"\\u{ord(found[0]):04x}", whole) + "\n"
