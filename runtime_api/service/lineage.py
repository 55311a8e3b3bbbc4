"""Loops of invocations: how often a chain of requests has come to the same function, in the trace header.

Theory. The header's Lineage is `REQUESTS:HASH:LOOPS`: how many functions the chain has passed, the function that it
is watched for, and how often it has come there. SDKs inside of functions send the header on, also through queues and
topics, so the count survives every detour. AWS does not document the fields; OpenTelemetry's propagator names them
so. A chain's first invocation has no Lineage here, because it would cost every invocation something: the second one
begins it with a count of 2.
"""

from __future__ import annotations

import re
from zlib import crc32

__all__ = ["MOST_LOOPS", "is_loop", "with_lineage"]

MOST_LOOPS = 16  # invocations of one function in one chain (AWS, "Use Lambda recursive loop detection")
MOST_REQUESTS = 255
_LINEAGE = re.compile(r";?Lineage=(?P<requests>\d{1,3}):(?P<hash>[0-9a-fA-F]{8}):(?P<loops>\d{1,5})(?=;|$)", re.ASCII)
_MARK = "Lineage="


def with_lineage(trace: str, function_arn: str) -> str:
    """Return the header that a chain of requests brings, with this invocation of a function counted."""
    function = f"{crc32(function_arn.encode()):08x}"
    found = _LINEAGE.search(trace)
    rest = _LINEAGE.sub("", trace)
    requests, watched, loops = 1, function, 1
    if found is None:
        if not rest.startswith("Root="):  # nothing that a function of ours was given
            return trace
    else:
        requests, watched, loops = int(found["requests"]) + 1, found["hash"].lower(), int(found["loops"])
    if requests > MOST_REQUESTS:  # the loop does not lead through the function that the chain is watched for
        requests, watched, loops = 1, function, 0
    if watched == function:
        loops += 1
    return f"{rest};{_MARK}{requests}:{watched}:{loops}"


def is_loop(trace: str) -> bool:
    """Whether a header says that its chain has come to one function too often."""
    if _MARK not in trace:
        return False
    found = _LINEAGE.search(trace)
    return found is not None and int(found["loops"]) > MOST_LOOPS
