"""Records of functions, as a catalog keeps them."""

from __future__ import annotations

from msgspec import structs

from runtime_api.service.function_record import Alias, Provisioned
from tests.service.versions import a_record


def test_new_code_keeps_what_callers_have_configured_and_published() -> None:
    before = a_record(code="old", revision=7)
    configured = structs.replace(
        before.function,
        published={"1": before.function.latest},
        next_number=2,
        aliases={"live": Alias("live", "1", "", "r")},
        reserved_concurrency=5,
        provisioned={"live": Provisioned(2, "")},
    )
    before = structs.replace(before, function=configured, versions={**before.versions, "1": before.latest})
    fresh = a_record(code="new", other_names=frozenset({"function"}))
    after = fresh.in_place_of(before)
    assert after.function == structs.replace(configured, latest=fresh.function.latest)
    assert {number: version.code.id for number, version in after.versions.items()} == {"$LATEST": "new", "1": "old"}
    assert after.other_names == {"function"}
