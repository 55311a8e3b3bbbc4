"""Filter patterns: what is read, and what is refused with which reason."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

import pytest

from runtime_api.service.filter_conditions import (
    AnythingBut,
    Cidr,
    Condition,
    Equals,
    EqualsInAnyCase,
    Exists,
    Numeric,
    Prefix,
    Suffix,
    Wildcard,
)
from runtime_api.service.filters import Field, Pattern, PatternError, parse_pattern


def conditions(*values: Any) -> tuple[Condition, ...]:
    (field,) = parse_pattern(json.dumps({"a": values})).fields
    return field.conditions


def reason(pattern: Any) -> str:
    with pytest.raises(PatternError) as refusal:
        parse_pattern(pattern if isinstance(pattern, str) else json.dumps(pattern))
    return str(refusal.value)


def test_fields_are_named_by_their_paths_however_they_are_nested() -> None:
    one = Field("a.b.c", (Equals(1),))
    for pattern in ({"a": {"b": {"c": [1]}}}, {"a.b": {"c": [1]}}, {"a.b.c": [1]}):
        assert parse_pattern(json.dumps(pattern)) == Pattern((one,))
    both = parse_pattern('{"a": {"b": ["x", null]}, "c": [true, 300.5]}')
    assert both.fields == (Field("a.b", (Equals("x"), Equals(None))), Field("c", (Equals(True), Equals(300.5))))


def test_alternatives_are_patterns_of_the_place_where_they_stand() -> None:
    read = parse_pattern('{"a": {"$or": [{"b": [1]}, {"c": [2], "d": [3]}], "e": [4]}}')
    one = Pattern((Field("a.b", (Equals(1),)),))
    other = Pattern((Field("a.c", (Equals(2),)), Field("a.d", (Equals(3),))))
    assert read == Pattern((Field("a.e", (Equals(4),)),), ((one, other),))


@pytest.mark.parametrize("values", [["x"], [{"prefix": "x"}, {"prefix": "y"}], [1, {"exists": True}]])
def test_an_or_that_lists_no_patterns_is_a_field_of_that_name(values: list[Any]) -> None:
    (field,) = parse_pattern(json.dumps({"$or": values})).fields
    assert field.path == "$or"
    assert len(field.conditions) == len(values)


def test_a_single_pattern_is_no_alternative() -> None:
    assert reason({"$or": [{"a": [1]}]}) == "Unrecognized match type a"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"exists": False}, Exists(False)),
        ({"prefix": ""}, Prefix("")),
        ({"prefix": {"equals-ignore-case": "Ab"}}, Prefix("Ab", any_case=True)),
        ({"suffix": ".png"}, Suffix(".png")),
        ({"suffix": {"equals-ignore-case": ".PNG"}}, Suffix(".PNG", any_case=True)),
        ({"equals-ignore-case": "x"}, EqualsInAnyCase("x")),
        ({"wildcard": ""}, Wildcard(("",))),
        ({"wildcard": "*/dir/*"}, Wildcard(("", "/dir/", ""))),
        ({"wildcard": r"a\*b\\*"}, Wildcard(("a*b\\", ""))),
        ({"wildcard": "/a/*/b/b/b/b/b/b"}, Wildcard(("/a/", "/b/b/b/b/b/b"))),
        ({"numeric": ["=", 5]}, Numeric((("=", 5),))),
        ({"numeric": [">=", -1, "<", 2.5]}, Numeric(((">=", -1), ("<", 2.5)))),
        ({"cidr": "10.0.0.7/24"}, Cidr(ipaddress.ip_network("10.0.0.0/24"))),
        ({"cidr": "2001:db8::/64"}, Cidr(ipaddress.ip_network("2001:db8::/64"))),
        ({"anything-but": "x"}, AnythingBut((Equals("x"),))),
        ({"anything-but": [1, 2.5]}, AnythingBut((Equals(1), Equals(2.5)))),
        ({"anything-but": {"prefix": ["a", "b"]}}, AnythingBut((Prefix("a"), Prefix("b")))),
        ({"anything-but": {"suffix": "a"}}, AnythingBut((Suffix("a"),))),
        ({"anything-but": {"equals-ignore-case": ["A"]}}, AnythingBut((EqualsInAnyCase("A"),))),
        ({"anything-but": {"wildcard": "a*"}}, AnythingBut((Wildcard(("a", "")),))),
    ],
)
def test_operators_are_read(value: Any, expected: Condition) -> None:
    assert conditions(value) == (expected,)


# AWS's own reasons, as its TestEventPattern gives them.


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"NUMERIC": ["=", 5]}, "Unrecognized match type NUMERIC"),
        ({"numeric": [">", 0, "<"]}, "Value of < must be numeric"),
        ({}, "Match expression name not found"),
        ({"numeric": ["=", "5"]}, "Value of equals must be numeric"),
        ({"numeric": []}, "Invalid member in numeric match: ]"),
        ({"numeric": [5]}, "Invalid member in numeric match: 5"),
        ({"numeric": ["<", 5, ">", 1]}, "Too many elements in numeric expression"),
        ({"numeric": [">", 5, 6]}, "Bad value in numeric range: 6"),
        ({"numeric": [">", 5, ">", 6]}, "Bad numeric range operator: >"),
        ({"numeric": [">", 1, "<", 5, "<", 6]}, "Too many terms in numeric range expression"),
        ({"numeric": [">", 5, "<", 5]}, "Bottom must be less than top"),
        ({"prefix": ["a"]}, "prefix match pattern must be a string"),
        ({"suffix": [".a"]}, "suffix match pattern must be a string"),
        ({"equals-ignore-case": ["a"]}, "equals-ignore-case match pattern must be a string"),
        ({"equals-ignore-case": {"prefix": "a"}}, "equals-ignore-case match pattern must be a string"),
        ({"wildcard": 1}, "wildcard match pattern must be a string"),
        ({"cidr": "x/64x"}, "Malformed CIDR, mask bits must be an integer"),
        ({"cidr": "xxxx:1::/64"}, "Nonstandard IP address: xxxx:1::"),
        ({"anything-but": None}, "Value of anything-but must be an array or single string/number value."),
        (
            {"anything-but": {"suffix": {"equals-ignore-case": "a"}}},
            "Value of anything-but must be an array or single string/number value.",
        ),
        ({"anything-but": ["a", None]}, "Inside anything but list, start|null|boolean is not supported."),
        ({"anything-but": {"prefix": ""}}, "Null prefix/suffix not allowed"),
        ({"anything-but": {"suffix": [1, "a"]}}, "prefix/suffix match pattern must be a string"),
        ({"anything-but": {"wildcard": [1]}}, "wildcard match pattern must be a string"),
        (
            {"anything-but": {"equals-ignore-case": 1}},
            "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
        ),
    ],
)
def test_wrong_operands_are_refused_with_their_reason(value: Any, expected: str) -> None:
    assert reason({"a": {"b": [value]}}) == expected


@pytest.mark.parametrize("value", [42, "text", True, None])
def test_a_value_outside_of_an_array_is_refused(value: Any) -> None:
    assert reason({"a": {"field": value}}) == '"field" must be an object or an array'


@pytest.mark.parametrize(
    "value",
    [
        [1],
        {},
        {"prefix": "a", "suffix": "b"},
        {"exists": "true"},
        {"numeric": 5},
        {"numeric": []},
        {"numeric": ["=", True]},
        {"numeric": ["=", "5"]},
        {"numeric": ["==", 5]},
        {"numeric": [[], 5]},
        {"numeric": ["=", 5, "=", 6]},
        {"numeric": ["<", 5, ">", 1]},
        {"numeric": [">", 5, "<", 5]},
        {"numeric": [">", 1, "<", 5, "<", 6]},
        {"numeric": [">", 5e9 + 1]},
        {"cidr": "10.0.0.1"},
        {"cidr": "10.0.0.1/33"},
        {"cidr": "10.0.0.1/²"},
        {"cidr": "/8"},
        {"cidr": 10},
        {"wildcard": "a**"},
        {"wildcard": "**"},
        {"wildcard": "a\\"},
        {"wildcard": r"\a"},
        {"wildcard": "*a*a*a*a*a*a"},
        {"anything-but": []},
        {"anything-but": True},
        {"anything-but": ["a", 1]},
        {"anything-but": [["a"]]},
        {"anything-but": {}},
        {"anything-but": {"prefix": "a", "suffix": "b"}},
        {"anything-but": {"numeric": ["=", 1]}},
        {"anything-but": {"prefix": []}},
        {"anything-but": {"prefix": None}},
    ],
)
def test_other_operands_are_refused(value: Any) -> None:
    assert reason({"a": [value]})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text",
        '"text"',
        "null",
        "[]",
        "1",
        "{}",
        '{"a": {}}',
        '{"a": []}',
        '{"a": [1]',
        '{"a": ["b"=1]}',
        "\ud800",
    ],
)
def test_what_is_no_pattern_is_refused(text: str) -> None:
    assert reason(text)


def test_a_pattern_of_any_depth_is_read_or_refused() -> None:
    for levels in (100, 101, 500):
        text = '{"a":' * levels + "[1]" + "}" * levels
        if levels == 100:
            assert parse_pattern(text).fields[0].path.count("a") == levels
        else:
            assert "nested" in reason(text)
