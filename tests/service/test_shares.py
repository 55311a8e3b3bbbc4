"""Who has how much of an account's concurrency."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runtime_api.service.function_record import Alias, Function, Provisioned
from runtime_api.service.shares import (
    capacity_of,
    claimed,
    on_demand_share,
    provisioned_by,
    provisioned_of,
    provisioned_versions,
)
from tests.service.versions import a_function


def a_provisioned_function(reserved: int | None = None, **requested: int) -> Function:
    aliases = {
        "one": Alias("one", "1", "", "r"),
        "canary": Alias("canary", "2", "", "r", {"3": 0.25}),
    }
    wanted = {name.removeprefix("v"): Provisioned(count, "") for name, count in requested.items()}
    return a_function(aliases=aliases, provisioned=wanted, reserved_concurrency=reserved)


def test_what_is_provisioned_for_an_alias_belongs_to_its_version() -> None:
    assert provisioned_versions(a_provisioned_function(one=5, v4=2)) == {"1": 5, "4": 2}


def test_an_alias_with_weights_divides_what_it_has() -> None:
    function = a_provisioned_function(canary=10)
    assert provisioned_by(function, "canary") == {"2": 8, "3": 2}
    assert provisioned_of(function) == 10


@given(requested=st.integers(1, 900), weight=st.floats(0, 1))
def test_no_environment_is_lost_between_two_versions(requested: int, weight: float) -> None:
    aliases = {"a": Alias("a", "1", "", "r", {"2": weight})}
    function = a_function(aliases=aliases, provisioned={"a": Provisioned(requested, "")})
    shares = provisioned_by(function, "a")
    assert sum(shares.values()) == requested
    assert min(shares.values()) >= 0


def test_a_reserved_function_claims_its_reservation_and_any_other_what_it_has_provisioned() -> None:
    assert claimed(None) == 0
    assert claimed(a_provisioned_function()) == 0
    assert claimed(a_provisioned_function(v1=3, one=4)) == 7
    assert claimed(a_provisioned_function(50, v1=3)) == 50


def test_what_is_provisioned_comes_off_the_reservation() -> None:
    assert on_demand_share(None) is None
    assert on_demand_share(a_provisioned_function(v1=3)) is None
    assert on_demand_share(a_provisioned_function(50, v1=3)) == 47
    assert on_demand_share(a_provisioned_function(0)) == 0


def test_a_version_may_have_what_is_provisioned_for_it_beside_its_share() -> None:
    assert capacity_of(a_provisioned_function(), "1", 10) == 10
    assert capacity_of(a_provisioned_function(one=5, v4=2), "1", 10) == 15
    assert capacity_of(a_provisioned_function(one=5, v4=2), "$LATEST", 10) == 10
    assert capacity_of(a_provisioned_function(50, one=5, v4=2), "1", 10) == 48
    assert capacity_of(a_provisioned_function(5, one=5), "$LATEST", 10) == 0
