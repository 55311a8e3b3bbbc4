"""How the entries of a function's journal are written, by its LoggingConfig."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from runtime_api.protocol.json_log import JsonLog

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime_api.protocol.journal import Entry
    from runtime_api.service.records import Logging

__all__ = ["log_text"]


def log_text(logging: Logging) -> Callable[[Entry], bytes] | None:
    """Return the writer of a log in this format; None for plain text, which an entry writes itself."""
    if not logging.is_json:
        return None
    json_log = JsonLog(logging.application_level, logging.system_level)

    def text(entry: Entry) -> bytes:
        age_ms = time.monotonic() * 1000 - entry.at  # entries have times of the monotonic clock
        return json_log.text(entry.records, time.time() * 1000 - age_ms)

    return text
