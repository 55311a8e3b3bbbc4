"""The extract of botocore's model, and what it finds for a request."""

from __future__ import annotations

import re

import pytest
from botocore.session import Session

from runtime_api.service.operations import find, methods_at, model
from runtime_api.service.validation import _compiled
from tests.service import derive_operations

MODEL = Session().get_service_model("lambda")


def test_the_extract_is_what_botocore_says_now() -> None:
    assert derive_operations.TARGET.read_bytes() == derive_operations.derive(), (
        "botocore's model has changed: run python -m tests.service.derive_operations, and look at what it brings"
    )


@pytest.mark.parametrize("name", MODEL.operation_names)
def test_every_operation_is_found_at_its_own_address(name: str) -> None:
    http = MODEL.operation_model(name).http
    path, _, query = http["requestUri"].partition("?")
    labels = re.findall(r"{(\w+)}", path)
    values = {label: f"a%3A{number}" for number, label in enumerate(labels)}
    given = {key: [value] for key, _, value in (query.partition("="),) if key}
    for ending in ("", "/"):
        found = find(http["method"], path.format(**values) + ending, given)
        assert found is not None
        assert found.operation.name == name
        assert found.labels == {label: f"a:{number}" for number, label in enumerate(labels)}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("PATCH", "/2015-03-31/functions"),
        ("GET", "/2015-03-31/functions/f/unknown"),
        ("GET", "/2015-03-31/functions//configuration"),
        ("GET", "/2015-03-31/functions/f/g/configuration"),
        ("GET", "/functions"),
        ("GET", ""),
    ],
)
def test_what_is_no_operation_is_not_found(method: str, path: str) -> None:
    assert find(method, path, {}) is None


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/2015-03-31/functions", ["GET", "POST"]),
        ("/2015-03-31/functions/f", ["DELETE", "GET"]),
        ("/2015-03-31/functions/f/code", ["PUT"]),
        ("/2015-03-31/functions/f/nothing", []),
    ],
)
def test_a_path_tells_its_methods(path: str, methods: list[str]) -> None:
    assert methods_at(path) == methods


def test_a_slash_in_a_name_does_not_make_another_path() -> None:
    found = find("GET", "/2015-03-31/functions/a%2Fpolicy", {})
    assert found is not None
    assert found == (model().operations["GetFunction"], {"FunctionName": "a/policy"})


def test_every_pattern_can_be_used() -> None:
    for shape in model().shapes.values():
        if shape.pattern is not None:
            _compiled(shape.pattern)


@pytest.mark.parametrize(
    ("text", "fits"), [("Größe 5", True), ("a\u2003b", True), ("tab\there", False), ("a<b", False), ("", True)]
)
def test_unicode_classes_are_understood(text: str, fits: bool) -> None:
    pattern = model().shapes["TagValue"].pattern
    assert pattern is not None
    assert (_compiled(pattern).fullmatch(text) is not None) is fits
