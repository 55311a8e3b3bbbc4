"""Ids of function URLs. A URL without authentication is protected by nothing but its id, so nobody may guess it."""

from __future__ import annotations

import secrets
import string
import time
from typing import TYPE_CHECKING

from runtime_api.service.arns import LATEST
from runtime_api.service.function_url_record import FunctionUrl
from runtime_api.service.rules.function_urls import url_time

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["open_url", "url_ids"]

LENGTH = 32
ALPHABET = string.ascii_lowercase + string.digits


def url_ids() -> Iterator[str]:
    """Yield new ids: the first label of a host name, as long as Lambda's."""
    while True:
        yield "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def open_url(invoke_mode: str | None = None) -> dict[str, FunctionUrl]:
    """Return the URLs of a function whose one URL everybody may use."""
    now = url_time(time.time())
    return {LATEST: FunctionUrl(next(url_ids()), "NONE", now, now, invoke_mode=invoke_mode)}
