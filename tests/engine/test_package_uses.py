"""A package goes with the last function or layer that is made of it, whosever they are."""

from __future__ import annotations

from msgspec import structs

from runtime_api.engine.package_uses import PackageUses
from runtime_api.service.function_record import Code, Function, LayerUse
from runtime_api.service.layer_record import Layer, LayerVersion
from tests.service.versions import a_function


def function(name: str, *packages: str, layer: str = "") -> Function:
    """A function whose versions are made of these packages."""
    latest, *published = [
        structs.replace(a_function().latest, number=str(number), code=Code(package, 1))
        for number, package in enumerate(packages)
    ]
    if layer:
        uses = (LayerUse("arn", Code(layer, 1)),)
        latest = structs.replace(latest, configuration=structs.replace(latest.configuration, layers=uses))
    found = structs.replace(a_function(name), latest=latest)
    return structs.replace(found, published={each.number: each for each in published})


def a_layer(*packages: str) -> Layer:
    versions = {str(number): LayerVersion(number, Code(each, 1), "then") for number, each in enumerate(packages)}
    return Layer("l", "123456789012", "us-east-1", versions=versions)


def test_a_package_is_used_until_its_last_version_is_gone() -> None:
    uses = PackageUses()
    assert uses.replace(None, function("f", "a")) == set()
    assert uses.replace(function("f", "a"), function("f", "b", "a")) == set()
    assert uses.replace(None, function("g", "b", layer="c")) == set()
    assert uses.all() == {"a", "b", "c"}
    assert uses.replace(function("f", "b", "a"), None) == {"a"}
    assert uses.replace(function("g", "b", layer="c"), function("g", "b")) == {"c"}
    assert uses.replace(function("g", "b"), None) == {"b"}
    assert uses.all() == set()


def test_a_layer_that_is_deleted_lives_on_in_functions() -> None:
    uses = PackageUses()
    uses.replace(None, a_layer("a", "b"))
    uses.replace(None, function("f", "code", layer="a"))
    assert uses.replace(a_layer("a", "b"), a_layer()) == {"b"}
    assert uses.replace(function("f", "code", layer="a"), None) == {"code", "a"}


def test_an_upload_that_nothing_came_of_is_unused() -> None:
    uses = PackageUses()
    uses.replace(None, function("f", "a"))
    assert (uses.unused("a"), uses.unused("b")) == (set(), {"b"})


def test_directories_are_no_packages() -> None:
    uses = PackageUses()
    directory = structs.replace(a_function(), latest=structs.replace(a_function().latest, code=Code("", 0, "/code")))
    assert uses.replace(None, directory) == uses.replace(directory, None) == set()
    assert uses.unused("") == set()
