"""The URL of a Prometheus, and the parameters in it that go with every request, such as those of a tenant."""

import urllib.parse
from typing import Final

_MOST_CHARACTERS: Final = 2048
_MOST_PARAMETERS: Final = 16
_OURS: Final = frozenset(
    {
        "query", "time", "timeout", "start", "end", "step", "limit", "match", "match[]", "stats", "type", "state", "file[]",
        "rule_name[]", "rule_group[]", "exclude_alerts", "group_limit", "group_next_token", "lookback_delta",
        "max_lookback", "round_digits",
    }
)  # fmt: skip
"""They say what is asked, or change the answer: a second copy would make the answer that of another question."""
_CREDENTIALS: Final = frozenset(
    {"token", "access_token", "authkey", "api_key", "apikey", "api-key", "password", "secret"}
)


def split_parameters(url: str) -> tuple[str, str]:
    """
    The URL without its query string, and the query string that each request carries, encoded; empty for none.

    Raises:
        ValueError: with a message for people. It shows no value of a parameter, which may be a secret.
    """
    parts = urllib.parse.urlsplit(url)
    server = urllib.parse.urlunsplit((parts.scheme, parts.netloc, parts.path, "", parts.fragment))
    if not parts.query:
        return server, ""
    if len(parts.query) > _MOST_CHARACTERS:
        raise ValueError(f"the parameters in the URL of Prometheus have more than {_MOST_CHARACTERS} characters")
    try:
        parameters = urllib.parse.parse_qsl(
            parts.query, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=_MOST_PARAMETERS
        )
    except ValueError:
        message = f"must be at most {_MOST_PARAMETERS} pairs such as ?namespace=eng-ada&dedup=true"
        raise ValueError(f"the parameters in the URL of Prometheus {message}") from None
    for name, _ in parameters:
        if name.lower() in _OURS:
            raise ValueError(f"the URL of Prometheus must not set {name!r}, because the questions of a run set it")
        if name.lower() in _CREDENTIALS:
            raise ValueError("the URL of Prometheus holds credentials; put them into a token file or a headers file")
    return server, urllib.parse.urlencode(parameters)


def server_of(url: str) -> str:
    """The URL without its query string. Raises ValueError as `split_parameters`."""
    return split_parameters(url)[0]
