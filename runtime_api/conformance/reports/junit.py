"""For CI systems: JUnit XML. NON-STRICT passes unless the run is strict; UNIMPLEMENTED and SKIPPED are skipped."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from runtime_api.conformance.exchange import render as render_exchange
from runtime_api.conformance.verdicts import Verdict, failures

from .tables import facts

if TYPE_CHECKING:
    from runtime_api.conformance.verdicts import Findings, Judgement

__all__ = ["render"]

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(findings: Findings) -> str:
    """One suite, with a test case for each case."""
    failing = {judgement.case.id for judgement in failures(findings)}
    skipped = findings.count(Verdict.SKIPPED) + findings.count(Verdict.UNIMPLEMENTED)
    suite = ElementTree.Element(
        "testsuite",
        name=f"bootjack conform: {_clean(findings.subject)}",
        tests=str(len(findings.judgements)),
        failures=str(len(failing)),
        errors="0",
        skipped=str(skipped),
        time=f"{findings.seconds:.3f}",
    )
    for judgement in findings.judgements:
        suite.append(_test_case(judgement, judgement.case.id in failing))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _test_case(judgement: Judgement, failing: bool) -> ElementTree.Element:
    group, _, name = judgement.case.id.rpartition("/")
    element = ElementTree.Element(
        "testcase", classname=group.replace("/", "."), name=name, time=f"{judgement.seconds:.3f}"
    )
    text = "\n".join(f"{name}: {value}" for name, value in facts(judgement))
    if failing:
        failure = ElementTree.SubElement(
            element, "failure", message=_clean(judgement.happened), type=str(judgement.verdict)
        )
        failure.text = _clean(f"{text}\n\n{render_exchange(judgement.exchange)}\n")
    elif judgement.verdict in (Verdict.SKIPPED, Verdict.UNIMPLEMENTED):
        reason = judgement.reason or judgement.happened
        ElementTree.SubElement(element, "skipped", message=_clean(f"{judgement.verdict}: {reason}"))
    elif judgement.verdict is Verdict.NON_STRICT:
        ElementTree.SubElement(element, "system-out").text = _clean(text)
    return element


def _clean(text: str) -> str:
    """Text with every character that XML does not allow replaced."""
    return _NOT_XML.sub("\ufffd", text)
