"""The forms that Lambda's API gives to names, as regular expressions for the whole text (botocore's model)."""

from __future__ import annotations

__all__ = ["FUNCTION_NAME", "HANDLER", "REGION", "VARIABLE_NAME"]

FUNCTION_NAME = r"[a-zA-Z0-9_-]{1,64}"
HANDLER = r"[^\s\0]{1,128}"
REGION = r"[a-z]{2}(-[a-z]+)+-\d"
VARIABLE_NAME = r"[a-zA-Z][a-zA-Z0-9_]*"
