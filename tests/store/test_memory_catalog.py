"""A catalog resolves names to snapshots, and refuses a write on an old revision."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import pytest

from runtime_api.service.errors import InvalidParameterValueException, ResourceNotFoundException
from runtime_api.service.seams.catalog import FunctionRecord, Stale
from runtime_api.store.memory_catalog import MemoryCatalog
from tests.service.versions import a_record

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from runtime_api.service.seams.catalog import Catalog

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
Value = TypeVar("Value")


def wait(work: Coroutine[None, None, Value]) -> Value:
    return asyncio.run(work)


def put(catalog: Catalog, record: FunctionRecord, expected: int | None = None) -> FunctionRecord:
    """Write a record; the write must not be stale."""
    written = wait(catalog.put(record, expected))
    assert isinstance(written, FunctionRecord)
    return written


@pytest.fixture
def catalog() -> Catalog:
    return MemoryCatalog()


def test_names_and_arns_resolve_to_the_version(catalog: Catalog) -> None:
    written = put(catalog, a_record(code="one", concurrency=3, max_queued=2))
    for name, qualifier, invoked in (
        ("f", None, ARN),
        ("function:f", None, ARN),
        (ARN, None, ARN),
        ("f", "$LATEST", f"{ARN}:$LATEST"),
        (f"{ARN}:$LATEST", None, f"{ARN}:$LATEST"),
    ):
        version = catalog.resolve(name, qualifier)
        assert (version.arn, version.invoked_arn) == (f"{ARN}:$LATEST", invoked)
        latest = written.latest
        assert (version.code, version.settings, version.spec) == (latest.code, latest.settings, latest.spec)
        assert (version.concurrency, version.max_queued, version.revision) == (3, 2, written.revision)


def test_a_function_answers_to_its_other_names(catalog: Catalog) -> None:
    put(catalog, a_record(other_names=frozenset({"alias"})))
    assert catalog.names() == ["alias", "f"]
    assert catalog.resolve("alias").invoked_arn == ARN
    assert catalog.get("f") is not None
    assert catalog.get("alias") is None


def test_an_unknown_function_is_refused_with_a_list_of_the_known_ones(catalog: Catalog) -> None:
    put(catalog, a_record("g"))
    with pytest.raises(ResourceNotFoundException, match=f"Function not found: {ARN}:7$") as refusal:
        catalog.resolve("f", "7")
    assert refusal.value.known == ["g"]
    for name, qualifier in (("g", "7"), ("g:PROD", None)):
        with pytest.raises(ResourceNotFoundException, match=r"Function not found: .*:g:(7|PROD)$"):
            catalog.resolve(name, qualifier)
    with pytest.raises(InvalidParameterValueException):
        catalog.resolve("no name")


def test_a_write_needs_the_current_revision(catalog: Catalog) -> None:
    one = put(catalog, a_record(code="one"))
    assert wait(catalog.put(a_record(code="two"), None)) == Stale(one.revision)
    two = put(catalog, a_record(code="two"), one.revision)
    assert two.revision > one.revision
    assert wait(catalog.put(a_record(code="three"), one.revision)) == Stale(two.revision)
    assert catalog.resolve("f").code == two.latest.code
    assert wait(catalog.remove("f", one.revision)) == Stale(two.revision)
    assert wait(catalog.remove("f", two.revision)) == two
    assert wait(catalog.remove("f", two.revision)) == Stale(None)
    assert catalog.names() == []


def test_a_revision_is_not_used_again_after_a_removal(catalog: Catalog) -> None:
    one = put(catalog, a_record())
    wait(catalog.remove("f", one.revision))
    assert put(catalog, a_record()).revision > one.revision


def test_a_new_record_replaces_all_names_of_the_old_one(catalog: Catalog) -> None:
    one = put(catalog, a_record(other_names=frozenset({"old"})))
    put(catalog, a_record(other_names=frozenset({"new"})), one.revision)
    assert catalog.names() == ["f", "new"]


def test_a_snapshot_does_not_change_with_the_record(catalog: Catalog) -> None:
    one = put(catalog, a_record(code="one"))
    version = catalog.resolve("f")
    put(catalog, a_record(code="two"), one.revision)
    assert version.code == one.latest.code
