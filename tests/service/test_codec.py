"""What botocore writes is read, and what is written botocore reads: for every operation of the model."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from botocore.awsrequest import prepare_request_dict
from botocore.parsers import RestJSONParser
from botocore.serialize import create_serializer
from botocore.session import Session
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime_api.service.codec import Request, decode, encode
from runtime_api.service.errors import InvalidRequestContentException, SerializationException, ServiceError
from runtime_api.service.operations import find, model
from tests.service.shapes import values

if TYPE_CHECKING:
    from botocore.model import StructureShape

MODEL = Session().get_service_model("lambda")
STREAMED = {"InvokeWithResponseStream"}
EMPTY = Request({}, {}, {}, b"")


def as_request(
    name: str, parameters: dict[str, Any]
) -> tuple[str, str, dict[str, list[str]], dict[bytes, bytes], bytes]:
    """The request that botocore makes of these parameters."""
    written = create_serializer("rest-json", include_validation=False).serialize_to_request(
        parameters, MODEL.operation_model(name)
    )
    prepare_request_dict(written, "http://127.0.0.1")
    parts = urlsplit(written["url"])
    body = written["body"]
    headers = {key.lower().encode(): str(value).encode() for key, value in written["headers"].items()}
    content = body if isinstance(body, bytes) else bytes(body) if isinstance(body, bytearray) else body.encode()
    return written["method"], parts.path, parse_qs(parts.query, keep_blank_values=True), headers, content


@cache
def values_of(name: str, way: str) -> st.SearchStrategy[dict[str, Any]]:
    """Parameters or results of an operation. Hypothesis prepares a strategy when it is first drawn from."""
    return values(getattr(MODEL.operation_model(name), f"{way}_shape"))


def normal(value: Any) -> Any:
    """Times as numbers."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, dict):
        return {key: normal(each) for key, each in value.items()}
    return [normal(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", [name for name in MODEL.operation_names if MODEL.operation_model(name).input_shape])
@settings(max_examples=20)
@given(data=st.data())
def test_parameters_arrive_as_they_were_given(name: str, data: st.DataObject) -> None:
    shape = MODEL.operation_model(name).input_shape
    assert shape is not None
    given_parameters = data.draw(values_of(name, "input"))
    method, path, query, headers, body = as_request(name, given_parameters)
    found = find(method, path, query)
    assert found is not None
    assert found.operation.name == name
    read = decode(found.operation, Request(found.labels, query, headers, body))
    assert read == sent(given_parameters, shape)


def sent(parameters: dict[str, Any], shape: StructureShape) -> dict[str, Any]:
    """What a request carries of the parameters: no empty list in the query, and bytes as the body if only b""."""
    places = {name: member.serialization.get("location") for name, member in shape.members.items()}
    found = {name: value for name, value in parameters.items() if value != [] or places[name] != "querystring"}
    payload = shape.serialization.get("payload")
    if payload:
        if shape.members[payload].type_name == "blob":
            found.setdefault(payload, b"")
        elif found.get(payload) == {}:
            del found[payload]
    carried: dict[str, Any] = normal(found)
    return carried


@pytest.mark.parametrize(
    "name",
    [name for name in MODEL.operation_names if MODEL.operation_model(name).output_shape and name not in STREAMED],
)
@settings(max_examples=20)
@given(data=st.data())
def test_results_arrive_as_they_were_written(name: str, data: st.DataObject) -> None:
    operation, shape = model().operations[name], MODEL.operation_model(name).output_shape
    assert shape is not None
    if shape.serialization.get("payload"):
        return  # Invoke writes its answer itself
    codes = [each for each, member in shape.members.items() if member.serialization.get("location") == "statusCode"]
    result = normal(data.draw(values_of(name, "output"))) | dict.fromkeys(codes, 202)
    answer = encode(operation, result)
    read = RestJSONParser().parse(
        {"status_code": answer.status, "headers": answer.headers, "body": answer.body}, shape
    )
    read.pop("ResponseMetadata")
    assert {key: value for key, value in normal(read).items() if key not in codes} == {
        key: value for key, value in result.items() if key not in codes
    }


def test_null_and_unknown_members_are_as_good_as_absent() -> None:
    body = b'{"FunctionName": "f", "Role": null, "Newer": {"a": 1}, "VpcConfig": {"SubnetIds": null, "Newer": 1}}'
    read = decode(model().operations["CreateFunction"], EMPTY._replace(body=body))
    assert read == {"FunctionName": "f", "VpcConfig": {}}


@pytest.mark.parametrize(
    ("body", "error", "text"),
    [
        (b"{", InvalidRequestContentException, "Could not parse request body into json"),
        (b"\xff", InvalidRequestContentException, "Could not parse request body into json"),
        (b"[]", SerializationException, "no JSON object"),
        (b'{"MemorySize": "128"}', SerializationException, "STRING_VALUE can not be converted to an Integer"),
        (b'{"MemorySize": 1.5}', SerializationException, "NUMBER_VALUE can not be converted to an Integer"),
        (b'{"MemorySize": true}', SerializationException, "BOOLEAN_VALUE can not be converted to an Integer"),
        (b'{"FunctionName": 5}', SerializationException, "NUMBER_VALUE can not be converted to a String"),
        (b'{"FunctionName": {}}', SerializationException, "START_OBJECT can not be converted to a String"),
        (b'{"Publish": 1}', SerializationException, "NUMBER_VALUE can not be converted to a Boolean"),
        (b'{"Layers": "l"}', SerializationException, "Expected a list, found STRING_VALUE"),
        (b'{"Tags": []}', SerializationException, "Expected a structure or map, found START_ARRAY"),
        (b'{"VpcConfig": 1}', SerializationException, "Expected a structure or map, found NUMBER_VALUE"),
        (b'{"Code": {"ZipFile": "%%%"}}', SerializationException, "base64"),
        (b'{"Code": {"ZipFile": 1}}', SerializationException, "NUMBER_VALUE can not be converted to a ByteBuffer"),
    ],
)
def test_a_body_of_wrong_types_is_refused(body: bytes, error: type[ServiceError], text: str) -> None:
    with pytest.raises(error, match=text):
        decode(model().operations["CreateFunction"], EMPTY._replace(body=body))


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["Code", "Tags", "Layers", "ZipFile", "Environment", "Variables"]), inner
            )
        ),
    )
)
def test_any_json_is_read_or_refused(document: Any) -> None:
    with suppress(ServiceError):
        decode(model().operations["CreateFunction"], EMPTY._replace(body=orjson.dumps(document)))


@pytest.mark.parametrize(("query", "text"), [({"MaxItems": ["x"]}, "Integer"), ({"MaxItems": ["1.5"]}, "Integer")])
def test_a_query_of_wrong_types_is_refused(query: dict[str, list[str]], text: str) -> None:
    with pytest.raises(SerializationException, match=text):
        decode(model().operations["ListFunctions"], EMPTY._replace(query=query))
