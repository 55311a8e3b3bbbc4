"""Names of functions: plain name, partial ARN or full ARN, each with or without a qualifier."""

from __future__ import annotations

import re
from typing import NamedTuple

from .errors import InvalidParameterValueException

__all__ = ["FunctionName", "LayerName", "function_arn", "layer_arn", "parse_function_name", "parse_layer_name"]

LATEST = "$LATEST"

# The pattern of botocore's NamespacedFunctionName, with named groups.
_NAME = re.compile(
    r"(?:arn:(?:aws[a-zA-Z-]*)?:lambda:)?"
    r"(?:(?P<region>[a-z]{2}(?:-[a-z]+)+-\d):)?"
    r"(?:(?P<account>\d{12}):)?"
    r"(?:function:)?"
    r"(?P<name>[a-zA-Z0-9-_.]+)"
    r"(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9-_]+))?"
)


class FunctionName(NamedTuple):
    """The parts of a name that a caller gave; None for the ones left out."""

    name: str
    qualifier: str | None
    region: str | None = None
    account: str | None = None


def parse_function_name(text: str, qualifier: str | None = None) -> FunctionName:
    """Parse a name; `qualifier` is the one given beside it. InvalidParameterValueException when it is malformed."""
    found = _NAME.fullmatch(text)
    if found is None:
        raise InvalidParameterValueException(f"{text!r} is not a function name, a partial ARN or a full ARN")
    inside = found["qualifier"]
    if inside and qualifier and inside != qualifier:
        raise InvalidParameterValueException(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    return FunctionName(found["name"], inside or qualifier, found["region"], found["account"])


def function_arn(region: str, account: str, name: str, qualifier: str | None = None) -> str:
    """Return the ARN of a function as it is invoked: with the qualifier, if one is given."""
    ending = f":{qualifier}" if qualifier else ""
    return f"arn:aws:lambda:{region}:{account}:function:{name}{ending}"


_LAYER = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):layer:)?"
    r"(?P<name>[a-zA-Z0-9-_]+)(?::(?P<number>[0-9]+))?"
)


class LayerName(NamedTuple):
    """The parts of a layer's name or ARN that a caller gave; None for the ones left out."""

    name: str
    number: int | None = None
    region: str | None = None
    account: str | None = None


def parse_layer_name(text: str) -> LayerName:
    """Parse a layer's name, its ARN or that of a version. InvalidParameterValueException when it is malformed."""
    found = _LAYER.fullmatch(text)
    if found is None:
        raise InvalidParameterValueException(f"Invalid Layer name: {text}")
    number = found["number"]
    return LayerName(found["name"], None if number is None else int(number), found["region"], found["account"])


def layer_arn(region: str, account: str, name: str, number: int | None = None) -> str:
    """Return the ARN of a layer, or of one of its versions."""
    ending = "" if number is None else f":{number}"
    return f"arn:aws:lambda:{region}:{account}:layer:{name}{ending}"
