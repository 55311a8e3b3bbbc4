"""For programs: the whole run as JSON, in the form of `report-schema.json`."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

import orjson

from runtime_api.conformance.verdicts import Verdict

if TYPE_CHECKING:
    from runtime_api.conformance.exchange import Message
    from runtime_api.conformance.verdicts import Findings, Judgement

__all__ = ["document", "render"]

FORM = 1  # raised when the meaning of a key changes


def render(findings: Findings) -> str:
    """The document as text."""
    text = orjson.dumps(document(findings), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    # This report is indented by one space, and orjson indents by two. JSON strings contain no line breaks, so spaces
    # at the start of a line are always indentation.
    return re.sub(rb"(?m)^ +", lambda spaces: spaces[0][::2], text).decode()


def document(findings: Findings) -> dict[str, Any]:
    """The run as JSON values."""
    return {
        "form": FORM,
        "subject": findings.subject,
        "side": findings.side,
        "level": findings.level,
        "strict": findings.strict,
        "seed": findings.seed,
        "seconds": round(findings.seconds, 3),
        "exit_code": findings.exit_code,
        "counts": {str(verdict): findings.count(verdict) for verdict in Verdict},
        "baseline": {"news": list(findings.news), "stale": list(findings.stale)} if findings.baseline else None,
        "judgements": [_judgement(judgement) for judgement in findings.judgements],
    }


def _judgement(judgement: Judgement) -> dict[str, Any]:
    case = judgement.case
    return {
        "id": case.id,
        "verdict": str(judgement.verdict),
        "requirement": case.requirement,
        "cite": list(case.cite),
        "level": case.level,
        "strict": case.strict,
        "feature": case.feature,
        "expected": judgement.expected or None,
        "happened": judgement.happened or None,
        "reason": judgement.reason or None,
        "seconds": round(judgement.seconds, 3),
        "exchange": [_message(message) for message in judgement.exchange],
    }


def _message(message: Message) -> dict[str, Any]:
    """A message; its body is text if it is UTF-8, else base64, and `size` is that of the whole body."""
    try:
        body = {"text": message.body.decode()}
    except UnicodeDecodeError:
        body = {"base64": base64.b64encode(message.body).decode()}
    return {
        "at": round(message.at, 4),
        "from": message.sender,
        "to": message.receiver,
        "text": message.text,
        "head": message.head.splitlines(),
        "body": body if message.size else None,
        "size": message.size,
    }
