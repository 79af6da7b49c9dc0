"""Field types shared by the models: names, durations, quantities, and a description of each pattern."""

import re
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from validationrun.base.conventions import IMAGE_PATTERN
from validationrun.base.durations import format_duration, parse_duration


class UnreadableError(Exception):
    """
    A field of a document with errors was read, and that field is wrong or missing.

    Attributes:
        model: the model without the field.
    """

    def __init__(self, model: "Model", name: str) -> None:
        super().__init__(f"{type(model).__name__}.{name} cannot be read")
        self.model = model


class Model(BaseModel):
    """Base of every model: camelCase on the wire, nothing unknown, no coercion, never changed after parsing."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        strict=True,
        frozen=True,
        # Every wire name is an alias, so that an error's path matches the user's file.
        validate_by_alias=True,
        validate_by_name=False,
    )

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # Python calls this only for an attribute that is not there; `spec.partial` makes models without some fields.
            if name in type(self).model_fields:
                raise UnreadableError(self, name)
            return super().__getattr__(name)


class OpenModel(Model):
    """A model of another project's type: the fields we know are checked, others are kept as they are."""

    model_config = ConfigDict(extra="allow")


class NoFields(Model):
    """An object of another project's type that is told by being there: `{}`."""


_DNS_LABEL: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
_DNS_SUBDOMAIN: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
_MEMBER_NAME: Final = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"
_CHAIN_ID: Final = r"^[a-z][a-z0-9-]*[a-z0-9]$"
_WORKLOAD_NAME: Final = r"^[a-z0-9][a-z0-9_]{0,62}$"
_SHARE: Final = r"^(0(\.[0-9]+)?|1(\.0+)?)$"
THRESHOLD_PATTERN: Final = r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
_ENV_NAME: Final = r"^[-._a-zA-Z][-._a-zA-Z0-9]*$"
_ENV_PREFIX: Final = r"^([-._a-zA-Z][-._a-zA-Z0-9]*)?$"
_CONFIG_KEY: Final = r"^[-._a-zA-Z0-9]{1,200}$"
_LABEL_KEY: Final = r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
_LABEL_VALUE: Final = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"
_PROM_LABEL: Final = r"^[a-zA-Z_][a-zA-Z0-9_]*$"
_SERIES_COUNT: Final = r"^(fullNodes|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$"
_BUCKET: Final = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
_S3_ENDPOINT: Final = r"^(http://)?[A-Za-z0-9]([-A-Za-z0-9.]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?$"
_REGION: Final = r"^[a-z0-9][-a-z0-9]{0,62}$"
_URL: Final = r"^(https?|wss?)://[A-Za-z0-9\[]([-A-Za-z0-9.:\]_]{0,253})(/[-A-Za-z0-9._~/%!$&'()*+,;=:@]*)?$"
_RPC_SERVER: Final = r"^[A-Za-z0-9]([-A-Za-z0-9.]{0,251}[A-Za-z0-9])?:[0-9]{1,5}$"
_QUANTITY: Final = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$"
_ABSOLUTE_PATH: Final = r"^/[^\x00:]*$"
_SCRAPE_INTERVAL: Final = r"^[0-9]+(ms|s|m|h)$"
_GO_DURATION: Final = r"^([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$"

PATTERN_WORDS: Final[dict[str, str]] = {
    _DNS_LABEL: "lower-case letters, digits and '-', beginning and ending with a letter or digit",
    _DNS_SUBDOMAIN: "lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit",
    _MEMBER_NAME: "lower-case letters, digits and '-', beginning with a letter, ending with a letter or digit",
    _CHAIN_ID: "lower-case letters, digits and '-', beginning with a letter, ending with a letter or digit, at least two characters",
    _WORKLOAD_NAME: "lower-case letters, digits and '_', at most 63 characters",
    THRESHOLD_PATTERN: 'a decimal number such as "0", "-2.5" or "1e6"',
    _ENV_NAME: "letters, digits, '_', '-' and '.', not beginning with a digit",
    _ENV_PREFIX: "letters, digits, '_', '-' and '.', not beginning with a digit",
    _CONFIG_KEY: "letters, digits, '-', '_' and '.', at most 200 characters",
    _LABEL_KEY: "a Kubernetes label key, such as app.kubernetes.io/name",
    _LABEL_VALUE: "a Kubernetes label value: letters, digits, '-', '_' and '.', at most 63 characters",
    _PROM_LABEL: "a Prometheus label name: letters, digits and '_', not beginning with a digit",
    _SERIES_COUNT: "a number, validators, fullNodes, nodes or the name of a deployment",
    _BUCKET: "an S3 bucket name: 3 to 63 lower-case letters, digits, '-' and '.'",
    _S3_ENDPOINT: "a host name with an optional port, such as s3.example.com:9000; http:// in front of it means without TLS",
    _REGION: "a region such as eu-central-1",
    _URL: "a URL such as http://rpc.example.com:26657",
    _RPC_SERVER: "a host name and a port, such as rpc.example.com:26657",
    IMAGE_PATTERN: "an image reference such as registry.example.com/sei/seid@sha256:<64 hex digits>",
    _QUANTITY: "a Kubernetes quantity such as 500m or 4Gi",
    _SHARE: 'a number from 0 to 1 as text, such as "0.8"',
    _ABSOLUTE_PATH: "an absolute path without ':'",
    _GO_DURATION: "a duration such as 15m or 9999h0m0s",
    _SCRAPE_INTERVAL: "a whole number with one unit of ms, s, m or h, such as 15s",
}
"""A description of each pattern, for messages; a test proves that no pattern is missing."""

DnsLabel = Annotated[str, Field(pattern=_DNS_LABEL, min_length=1, max_length=63)]
DnsSubdomain = Annotated[str, Field(pattern=_DNS_SUBDOMAIN, min_length=1, max_length=253)]
RunName = Annotated[str, Field(pattern=_DNS_LABEL, min_length=1, max_length=40)]
MemberName = Annotated[str, Field(pattern=_MEMBER_NAME, min_length=1, max_length=40)]
"""Begins with a letter, because Argo's `depends` takes no task whose name begins with a digit."""
ChainId = Annotated[str, Field(pattern=_CHAIN_ID, max_length=63)]
WorkloadName = Annotated[str, Field(pattern=_WORKLOAD_NAME)]
Share = Annotated[str, Field(pattern=_SHARE, max_length=64)]
Threshold = Annotated[str, Field(pattern=THRESHOLD_PATTERN, max_length=64)]
EnvName = Annotated[str, Field(pattern=_ENV_NAME, max_length=253)]
EnvPrefix = Annotated[str, Field(pattern=_ENV_PREFIX, max_length=253)]
ConfigKey = Annotated[str, Field(pattern=_CONFIG_KEY)]
LabelKey = Annotated[str, Field(pattern=_LABEL_KEY)]
LabelValue = Annotated[str, Field(pattern=_LABEL_VALUE)]
Labels = dict[LabelKey, LabelValue]
Annotations = dict[LabelKey, str]
PromLabel = Annotated[str, Field(pattern=_PROM_LABEL)]
SeriesCount = Annotated[int, Field(ge=0, le=100_000)] | Annotated[str, Field(pattern=_SERIES_COUNT, max_length=63)]
Bucket = Annotated[str, Field(pattern=_BUCKET)]
S3Endpoint = Annotated[str, Field(pattern=_S3_ENDPOINT)]
Region = Annotated[str, Field(pattern=_REGION)]
Url = Annotated[str, Field(pattern=_URL, max_length=512)]
RpcServer = Annotated[str, Field(pattern=_RPC_SERVER)]
Image = Annotated[str, Field(pattern=IMAGE_PATTERN, min_length=1, max_length=512)]
AbsolutePath = Annotated[str, Field(pattern=_ABSOLUTE_PATH, max_length=1024)]
ScrapeInterval = Annotated[str, Field(pattern=_SCRAPE_INTERVAL)]
GoDuration = Annotated[str, Field(pattern=_GO_DURATION, max_length=64)]
LongDnsLabel = Annotated[str, Field(pattern=_DNS_LABEL, min_length=1, max_length=253)]


def _duration(low: int, high: int | None) -> Any:
    def validate(value: Any) -> int:
        try:
            # A bare number has no unit, so it is not a duration.
            seconds = parse_duration(value if isinstance(value, str) else "")
        except ValueError as error:
            raise PydanticCustomError("duration", "{reason}", {"reason": str(error)}) from None
        if seconds < low or (high is not None and seconds > high):
            bounds = (
                f"at least {format_duration(low)}"
                if high is None
                else f"between {format_duration(low)} and {format_duration(high)}"
            )
            raise PydanticCustomError("duration_bounds", "must be {bounds}", {"bounds": bounds})
        return seconds

    return validate


_DURATION_SCHEMA: Final = {"type": "string", "pattern": r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$", "minLength": 2}


def _duration_type(low: int, high: int | None = None) -> Any:
    # The value is in seconds; the wire form is text.
    return Annotated[
        int,
        BeforeValidator(_duration(low, high)),
        PlainSerializer(format_duration, return_type=str),
        WithJsonSchema(_DURATION_SCHEMA),
    ]


Duration = _duration_type(1)
DurationOrZero = _duration_type(0)
Cooldown = _duration_type(0, 1800)
Interval = _duration_type(5, 300)


def _quantity(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise PydanticCustomError("quantity", "must be a quantity")
    if isinstance(value, str) and not re.fullmatch(_QUANTITY.strip("^$"), value):
        raise PydanticCustomError("quantity", "must be a quantity")
    return value


Quantity = Annotated[
    Any,
    BeforeValidator(_quantity),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": _QUANTITY}, {"type": "number"}]}),
]


def _only(value: bool) -> Any:
    def validate(given: Any) -> Any:
        if given is not value:
            raise PydanticCustomError("only", "must be {only}", {"only": str(value).lower()})
        return given

    return Annotated[bool, BeforeValidator(validate), WithJsonSchema({"const": value})]


OnlyTrue = _only(True)
OnlyFalse = _only(False)


def _whole_quantity(value: Any) -> Any:
    if isinstance(value, float):
        raise PydanticCustomError("whole_quantity", "must be a whole number or text")
    return _quantity(value)


WholeQuantity = Annotated[
    Any,
    BeforeValidator(_whole_quantity),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": _QUANTITY}, {"type": "integer"}]}),
]
"""A quantity where the API takes no fraction as a number: "0.5" or 500m, but not 0.5."""
