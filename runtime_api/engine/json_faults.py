"""What Lambda says of a payload that is not UTF-8: the words of its parser, Jackson, and the place."""

from __future__ import annotations

__all__ = ["utf8_fault"]

VALUES = "expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
# What a value may stand behind; anywhere else the byte is in a string, a number or a word.
BEFORE_VALUES = b"[,:"
CONTINUATIONS = range(0x80, 0xC0)


def utf8_fault(payload: bytes, start: int, end: int) -> str:
    """Describe the bytes from `start` to `end`, which are no character in UTF-8."""
    before = payload[:start]
    line, column = before.count(b"\n") + 1, start - (before.rfind(b"\n") + 1) + 1
    standing_before = before.rstrip(b" \t\r\n")[-1:]
    byte = payload[start]
    if not standing_before or standing_before in BEFORE_VALUES:
        shown = f"(CTRL-CHAR, code {byte})" if byte in range(0x80, 0xA0) else f"'{chr(byte)}' (code {byte})"
        fault = f"Unexpected character ({shown}): {VALUES}"
    elif end < len(payload) and payload[end] not in CONTINUATIONS and byte in range(0xC2, 0xF5):
        fault, column = f"Invalid UTF-8 middle byte 0x{payload[end]:x}", column + end - start + 1
    else:
        fault, column = f"Invalid UTF-8 start byte 0x{byte:x}", column + 1
    source = "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"
    return f"Could not parse payload into json: {fault}\n at [Source: {source}; line: {line}, column: {column}]"
