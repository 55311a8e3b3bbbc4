"""Bytes that are no UTF-8 are described as Lambda's parser does."""

from __future__ import annotations

import pytest

from runtime_api.engine.payloads import check_json
from runtime_api.service.errors import InvalidRequestContentException

PLACE = " at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: {}, column: {}]"


@pytest.mark.parametrize(
    ("payload", "fault", "line", "column"),
    [
        (b"\x85{}", "Unexpected character ((CTRL-CHAR, code 133)): expected a valid value", 1, 1),
        (b'{"a":\n \xff}', "Unexpected character ('\xff' (code 255)): expected a valid value", 2, 2),
        (b"t\x80ue", "Invalid UTF-8 start byte 0x80", 1, 3),
        (b'{"a": "b\xffc"}', "Invalid UTF-8 start byte 0xff", 1, 10),
        (b'["\xc3("]', "Invalid UTF-8 middle byte 0x28", 1, 5),
        (b'[1,\n2,\n"\xe2\x82("]', "Invalid UTF-8 middle byte 0x28", 3, 5),
    ],
)
def test_a_fault_is_named_with_its_place(payload: bytes, fault: str, line: int, column: int) -> None:
    with pytest.raises(InvalidRequestContentException) as refusal:
        check_json(payload)
    message = refusal.value.message
    assert message.startswith(f"Could not parse request body into json: Could not parse payload into json: {fault}")
    assert message.endswith("\n" + PLACE.format(line, column))
    assert refusal.value.known[0].startswith("The payload is not UTF-8 at byte ")
