"""Derives `runtime_api/service/operations.json` from botocore's model of Lambda.

    python -m tests.service.derive_operations

What a server must know stays: where each operation is, what its parameters may be, and how answers are named.
Documentation, client-side rules and the shapes that nothing refers to go.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import botocore
import orjson

TARGET = Path(__file__).parents[2] / "runtime_api" / "service" / "operations.json"
SOURCE = Path(botocore.__file__).parent / "data" / "lambda" / "2015-03-31" / "service-2.json.gz"

KEPT = ("min", "max", "pattern", "sensitive")
MEMBER = ("shape", "location", "locationName")
# Lambda lists the values of an enumeration in the order of a hash set; where two values share a bucket the order is
# theirs. This is the one set whose values are known to stand in another order than botocore's (recorded answers).
DECLARED = {"EventSourcePosition": ["LATEST", "AT_TIMESTAMP", "TRIM_HORIZON"]}

# The one set that is printed in an order of its own [?].
PRINTED = {"Architecture": ["x86_64", "arm64"]}

# Likewise the patterns that Lambda prints in another form than botocore has them.
PATTERNS = {
    "LayerVersionArn": (
        r"(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:layer:"
        r"[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)"
    ),
    "TaggableResource": (
        r"arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:"
        r"(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|"
        r"code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-"
        r"[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|capacity-provider:[a-zA-Z0-9-_]+)"
    ),
}


def derive() -> bytes:
    """Return the extract as JSON, the same bytes for the same model."""
    model = orjson.loads(gzip.decompress(SOURCE.read_bytes()))
    operations = {name: _operation(operation) for name, operation in model["operations"].items()}
    roots = [shape for each in operations.values() for shape in (each.get("input"), each.get("output")) if shape]
    shapes = {name: _shape(name, model["shapes"][name]) for name in _reachable(roots, model["shapes"])}
    errors = {name: _error(shape) for name, shape in sorted(model["shapes"].items()) if shape.get("exception")}
    document = {"operations": operations, "errors": errors, "shapes": dict(sorted(shapes.items()))}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _operation(operation: dict[str, Any]) -> dict[str, Any]:
    http = operation["http"]
    path, _, query = http["requestUri"].partition("?")
    found = {"method": http["method"], "path": path, "query": query, "status": http["responseCode"]}
    found |= {key: operation[key]["shape"] for key in ("input", "output") if key in operation}
    return {key: value for key, value in found.items() if value != ""}


def _error(shape: dict[str, Any]) -> dict[str, Any]:
    """Its status, and how its members are spelled in the body: some have `Message`, most have `message`."""
    return {"status": shape["error"]["httpStatusCode"], "members": sorted(_in_body(shape["members"]))}


def _in_body(members: dict[str, Any]) -> list[str]:
    return [name for name, member in members.items() if "location" not in member]


def _shape(name: str, shape: dict[str, Any]) -> dict[str, Any]:
    found = {"type": shape["type"]}
    found |= {key: shape[key] for key in KEPT if key in shape}
    if name in PATTERNS:
        found["pattern"] = PATTERNS[name]
    if "enum" in shape:
        found["enum"] = PRINTED.get(name) or in_hash_order(DECLARED.get(name, shape["enum"]))
    if shape["type"] == "structure":
        found["members"] = {name: _member(member) for name, member in shape["members"].items()}
        found |= {key: shape[key] for key in ("required", "payload", "eventstream") if key in shape}
    elif shape["type"] == "list":
        found["member"] = shape["member"]["shape"]
    elif shape["type"] == "map":
        found |= {"key": shape["key"]["shape"], "value": shape["value"]["shape"]}
    return found


def in_hash_order(values: list[str]) -> list[str]:
    """The order in which a Java HashSet made for these values gives them out: by bucket."""
    buckets = 1
    while buckets < -(-len(values) * 4 // 3):  # the load factor is 3/4, and a table has a power of two of buckets
        buckets *= 2
    return sorted(values, key=lambda value: _spread_hash(value) & (buckets - 1))


def _spread_hash(value: str) -> int:
    """java.lang.String.hashCode with the upper bits folded in, as java.util.HashMap does."""
    code = 0
    for character in value:
        code = (31 * code + ord(character)) & 0xFFFFFFFF
    return code ^ (code >> 16)


def _member(member: dict[str, Any]) -> dict[str, Any]:
    return {key: member[key] for key in MEMBER if key in member}


def _reachable(roots: list[str], shapes: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(shapes[name])
    return found


def _references(shape: dict[str, Any]) -> list[str]:
    members = [*shape.get("members", {}).values()]
    members += [shape[key] for key in ("member", "key", "value") if key in shape]
    return [member["shape"] for member in members]


if __name__ == "__main__":
    TARGET.write_bytes(derive())
