"""Each owner has functions of its own; those of the command line answer everybody."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from runtime_api.service.errors import ResourceNotFoundException
from runtime_api.service.owners import DEFAULT_OWNER, Owner
from runtime_api.store.memory_catalog import MemoryCatalog
from tests.service.versions import a_record

PARIS = Owner(DEFAULT_OWNER.account, "eu-west-3")
OTHER = Owner("111122223333", "us-east-1")


def add(catalog: MemoryCatalog, owner: Owner, name: str = "f", *, everybodys: bool = False) -> None:
    record = a_record(name, code=f"of {owner.region} {owner.account}", everybodys=everybodys)
    function = replace(record.function, account=owner.account, region=owner.region)
    catalog.set(replace(record, function=function))


def found(catalog: MemoryCatalog, name: str, caller: Owner | None) -> str:
    return catalog.resolve(name, None, caller).arn.removesuffix(":$LATEST")


def arn(owner: Owner, name: str = "f") -> str:
    return f"arn:aws:lambda:{owner.region}:{owner.account}:function:{name}"


def test_a_name_means_the_callers_own_function() -> None:
    catalog = MemoryCatalog()
    for owner in (DEFAULT_OWNER, PARIS, OTHER):
        add(catalog, owner)
    for owner in (DEFAULT_OWNER, PARIS, OTHER):
        assert found(catalog, "f", owner) == arn(owner)
        assert found(catalog, "function:f", owner) == arn(owner)
    assert found(catalog, "f", None) == arn(DEFAULT_OWNER)
    catalog.drop("f", PARIS)
    with pytest.raises(ResourceNotFoundException, match=f"Function not found: {arn(PARIS)}"):
        found(catalog, "f", PARIS)
    assert found(catalog, "f", OTHER) == arn(OTHER)


def test_an_arn_leads_to_another_account_but_not_to_another_region() -> None:
    catalog = MemoryCatalog()
    add(catalog, PARIS)
    add(catalog, OTHER)
    assert found(catalog, arn(OTHER), DEFAULT_OWNER) == arn(OTHER)
    with pytest.raises(ResourceNotFoundException) as refusal:
        found(catalog, arn(PARIS), DEFAULT_OWNER)
    assert refusal.value.message == "Functions from 'eu-west-3' are not reachable in this region ('us-east-1')"


def test_a_caller_who_does_not_sign_reaches_every_region_by_arn_and_is_told_it() -> None:
    catalog = MemoryCatalog()
    add(catalog, PARIS)
    assert found(catalog, arn(PARIS), None) == arn(PARIS)
    with pytest.raises(ResourceNotFoundException) as refusal:
        found(catalog, "f", None)
    assert refusal.value.known == [arn(PARIS)]


def test_everybodys_function_answers_every_owner_that_has_none_of_its_name() -> None:
    catalog = MemoryCatalog()
    add(catalog, DEFAULT_OWNER, everybodys=True)
    add(catalog, OTHER)
    for caller in (None, DEFAULT_OWNER, PARIS):
        for name in ("f", arn(DEFAULT_OWNER), arn(PARIS), "f:$LATEST"):
            assert found(catalog, name, caller) == arn(DEFAULT_OWNER)
    assert found(catalog, "f", OTHER) == arn(OTHER)
    assert catalog.functions(PARIS).keys() == {"f"}
    assert catalog.functions(OTHER)["f"].owner == OTHER
    catalog.drop("f")
    assert catalog.functions(PARIS) == {}
    with pytest.raises(ResourceNotFoundException):
        found(catalog, "f", PARIS)


def test_names_of_all_owners() -> None:
    catalog = MemoryCatalog()
    add(catalog, PARIS, "g")
    add(catalog, OTHER, "f")
    add(catalog, PARIS, "f")
    assert catalog.names() == ["f", "g"]
    assert catalog.functions().keys() == set()
