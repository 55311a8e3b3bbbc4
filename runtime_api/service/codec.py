"""Reads the parameters of an operation out of an HTTP request, and writes its answer (AWS's protocol rest-json)."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from .errors import InvalidRequestContentException, SerializationException
from .operations import model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .operations import Member, Operation, Shape

__all__ = ["Answer", "Request", "decode", "encode"]

JSON_NAMES = {str: "STRING_VALUE", int: "NUMBER_VALUE", float: "NUMBER_VALUE", bool: "BOOLEAN_VALUE"}
EXPECTED = {"string": "a String", "integer": "an Integer", "long": "a Long", "double": "a Double"}
EXPECTED |= {"boolean": "a Boolean", "blob": "a ByteBuffer", "timestamp": "a Timestamp"}
TYPES: dict[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "long": (int,), "double": (int, float)}
TYPES |= {"boolean": (bool,), "timestamp": (int, float)}
PLAIN = frozenset({str, int, float, bool})  # JSON as they are
BOOLEANS = {"true": True, "false": False}


class Request(NamedTuple):
    """An HTTP request to an operation."""

    labels: Mapping[str, str]  # the parameters in its path, decoded
    query: Mapping[str, list[str]]
    headers: Mapping[bytes, bytes]  # by their names in lower case
    body: bytes


class Answer(NamedTuple):
    """An HTTP answer of an operation."""

    status: int
    headers: dict[str, str]
    body: bytes


def decode(operation: Operation, request: Request) -> dict[str, Any]:
    """Return the parameters that a request gives, by the names of the model; null and unknown ones are left out.

    Raises SerializationException for a value of a wrong type, InvalidRequestContentException for a body that is no
    JSON object.
    """
    if operation.input is None:
        return {}
    shape = model().shapes[operation.input]
    document = _document(shape, request.body)
    found: dict[str, Any] = {}
    for name, member in shape.members.items():
        value: Any
        if name == shape.payload:
            whole = model().shapes[member.shape]
            value = request.body if whole.type == "blob" else _from_json(whole, document or None)
        elif member.location == "body":
            value = _from_json(model().shapes[member.shape], document.get(member.locationName or name))
        else:
            value = _from_head(member, name, request)
        if value is not None:
            found[name] = value
    return found


def encode(operation: Operation, result: Mapping[str, Any]) -> Answer:
    """Return the answer that carries a result; members that are None are left out, as Lambda does."""
    if operation.output is None or operation.status == 204:
        return Answer(operation.status, {}, b"")
    shape = model().shapes[operation.output]
    status, headers, document = operation.status, {}, {}
    for name, member in shape.members.items():
        value = result.get(name)
        if value is None:
            continue
        if member.location == "statusCode":
            status = value
        elif member.location == "header":
            headers[member.locationName or name] = str(value)
        else:
            document[member.locationName or name] = _to_json(model().shapes[member.shape], value)
    return Answer(status, headers, b"" if status == 204 else orjson.dumps(document))


def _document(shape: Shape, body: bytes) -> dict[str, Any]:
    """The JSON object in a body; clients send none where no parameter belongs there."""
    payload = shape.members[shape.payload] if shape.payload else None
    is_bytes = payload is not None and model().shapes[payload.shape].type == "blob"
    if not body or is_bytes or all(member.location != "body" for member in shape.members.values()):
        return {}
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequestContentException(f"Could not parse request body into json: {error}") from None
    if not isinstance(document, dict):
        raise SerializationException("The request body is no JSON object")
    return document


def _from_head(member: Member, name: str, request: Request) -> Any:
    """A parameter from the path, the query or the headers; None when it is not there."""
    shape, where = model().shapes[member.shape], member.locationName or name
    if member.location == "uri":
        return _from_text(shape, request.labels[where])
    if member.location == "querystring":
        values = request.query.get(where)
        if values is None or shape.type == "list":
            return values
        return _from_text(shape, values[-1])
    value = request.headers.get(where.lower().encode())
    return None if value is None else _from_text(shape, value.decode("utf-8", "replace"))


def _from_text(shape: Shape, text: str) -> Any:
    if shape.type in ("integer", "long"):
        try:
            return int(text)
        except ValueError:
            raise _mistyped(shape, text) from None
    if shape.type == "boolean":
        if text.lower() not in BOOLEANS:
            raise _mistyped(shape, text)
        return BOOLEANS[text.lower()]
    return _seconds(shape, text) if shape.type == "timestamp" else text


def _from_json(shape: Shape, value: Any) -> Any:
    """A value of a JSON document as the model has it; null members are as good as absent."""
    if value is None:
        return None
    if shape.type == "structure":
        _expect(dict, value, "structure or map")
        given = {name: value.get(member.locationName or name) for name, member in shape.members.items()}
        members = {name: _from_json(model().shapes[shape.members[name].shape], each) for name, each in given.items()}
        return {name: each for name, each in members.items() if each is not None}
    if shape.member is not None:
        _expect(list, value, "list")
        return [_from_json(model().shapes[shape.member], each) for each in value]
    if shape.value is not None:
        _expect(dict, value, "structure or map")
        return {key: _from_json(model().shapes[shape.value], each) for key, each in value.items()}
    return _scalar(shape, value)


def _scalar(shape: Shape, value: Any) -> Any:
    if shape.type == "blob" and isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except ValueError:  # binascii.Error, or a character beyond ASCII
            raise SerializationException("Invalid base64 in a member that holds bytes") from None
    if shape.type == "timestamp" and isinstance(value, str):
        return _seconds(shape, value)
    types = TYPES.get(shape.type, ())
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise _mistyped(shape, value)
    return value


def _seconds(shape: Shape, text: str) -> float:
    """A time as Unix seconds, from these or from ISO 8601."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise _mistyped(shape, text) from None


def _expect(kind: type, value: Any, called: str) -> None:
    if not isinstance(value, kind):
        raise SerializationException(f"Expected a {called}, found {_named(value)}")


def _mistyped(shape: Shape, value: Any) -> SerializationException:
    return SerializationException(f"{_named(value)} can not be converted to {EXPECTED.get(shape.type, shape.type)}")


def _named(value: Any) -> str:
    """What a JSON value is, in the words of Lambda's parser."""
    if isinstance(value, dict):
        return "START_OBJECT"
    if isinstance(value, list):
        return "START_ARRAY"
    return JSON_NAMES[type(value)]


def _to_json(shape: Shape, value: Any) -> Any:
    if shape.type == "structure":
        members, shapes = shape.members, model().shapes
        return {
            members[name].locationName or name: each
            if type(each) in PLAIN
            else _to_json(shapes[members[name].shape], each)
            for name, each in value.items()
            if each is not None and name in members
        }
    if shape.member is not None:
        return [_to_json(model().shapes[shape.member], each) for each in value]
    if shape.value is not None:
        return {key: _to_json(model().shapes[shape.value], each) for key, each in value.items()}
    return base64.b64encode(value).decode() if shape.type == "blob" else value
