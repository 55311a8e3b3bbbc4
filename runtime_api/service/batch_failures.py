"""Which items of a batch have failed, by a function's answer to a mapping with ReportBatchItemFailures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["REPORTS_FAILURES", "failed_items"]

REPORTS_FAILURES = "ReportBatchItemFailures"  # a function response type


def failed_items(answer: bytes, sent: Collection[str]) -> frozenset[str]:
    """Return the identifiers of the items that an answer says have failed; `sent` are those of the whole batch.

    An answer that names none is a success; one that names an item that was not sent, or names items in another way
    than Lambda reads them, fails every item (recorded).
    """
    try:
        document = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return frozenset(sent)
    reported = document.get("batchItemFailures") if isinstance(document, dict) else None
    if not reported:
        return frozenset()
    failed = [_identifier(each) for each in reported] if isinstance(reported, list) else [None]
    known = frozenset(sent)
    named = frozenset(each for each in failed if each in known)
    return known if len(named) < len(set(failed)) else named


def _identifier(item: Any) -> Any:
    identifier = item.get("itemIdentifier") if isinstance(item, dict) else None
    return identifier if isinstance(identifier, str) else None
