"""The linter: for each rule a layer that breaks it and one that does not."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import jsonschema
import pytest

from bootjack_layers import limits
from bootjack_layers.check import check, lines, report, schema
from bootjack_layers.checks import Target
from bootjack_layers.images import find_image
from bootjack_layers.rules import RULES, Finding
from bootjack_layers.source import open_layer
from runtime_api.protocol.limits import CURRENT
from tests.layers.bad_layers import CASES, MORE, PROVIDED, write
from tests.layers.corpus import HOSTILE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

RUNNING = f"python{sys.version_info.major}.{sys.version_info.minor}"
REPORTS = jsonschema.Draft202012Validator(schema())


def found(layers: Sequence[Path], scratch: Path, runtime: str = PROVIDED, arch: str = "x86_64") -> list[Finding]:
    """The findings; asserts that their report matches the schema."""
    scratch.mkdir()
    opened = [open_layer(layer, scratch) for layer in layers]
    target = Target(find_image(runtime), arch)
    findings = check(opened, target)
    REPORTS.validate(json.loads(json.dumps(report(opened, target, findings))))
    return findings


def test_every_rule_has_a_case() -> None:
    assert set(CASES) == set(RULES)


@pytest.mark.parametrize("rule", CASES)
def test_violation_is_reported(tmp_path: Path, rule: str) -> None:
    case = CASES[rule]
    findings = found(write(case.bad, tmp_path), tmp_path / "scratch", case.runtime)
    broken = [finding for finding in findings if finding.rule == rule]
    assert broken
    assert broken[0].path == case.path
    assert case.words in broken[0].message
    assert [finding.rule for finding in findings if finding.severity == "error"] in ([], [rule], [rule] * len(broken))


@pytest.mark.parametrize("rule", CASES)
def test_layer_that_keeps_the_rule_is_not_reported(tmp_path: Path, rule: str) -> None:
    case = CASES[rule]
    findings = found(write(case.good, tmp_path), tmp_path / "scratch", case.runtime)
    assert [finding for finding in findings if finding.rule == rule or finding.severity == "error"] == []


@pytest.mark.parametrize("what", MORE)
def test_other_violations_are_reported(tmp_path: Path, what: str) -> None:
    case = MORE[what]
    messages = [finding.message for finding in found(write(case.bad, tmp_path), tmp_path / "bad")]
    assert any(case.words in message for message in messages)
    assert found(write(case.good, tmp_path), tmp_path / "good") == []


@pytest.mark.parametrize("rule", HOSTILE)
def test_hostile_archives_are_reported_as_errors(tmp_path: Path, rule: str) -> None:
    (tmp_path / "a.zip").write_bytes(HOSTILE[rule][0])
    findings = found([tmp_path / "a.zip"], tmp_path / "scratch")
    if rule != "over the size declared":  # the linter has a higher limit, to report the size
        assert "L1" in {finding.rule[:2] for finding in findings if finding.severity == "error"}


def test_directory_is_checked_like_an_archive(tmp_path: Path) -> None:
    layer = tmp_path / "layer"
    (layer / "bin").mkdir(parents=True)
    (layer / "bin" / "tool").write_text("#!/bin/sh\n")
    (layer / "bin" / "tool").chmod(0o600)
    (layer / "bootstrap").write_text("#!/bin/sh\n")
    (layer / "bootstrap").chmod(0o755)
    assert [finding.rule for finding in found([layer], tmp_path / "scratch")] == ["L401"]


def test_stale_bytecode_in_a_directory_is_reported(tmp_path: Path) -> None:
    layer = tmp_path / "layer"
    (layer / "python").mkdir(parents=True)
    source = layer / "python" / "a.py"
    source.write_text("a = 1\n")
    __import__("py_compile").compile(str(source))
    assert found([layer], tmp_path / "fresh", RUNNING) == []
    os.utime(source, (1, 1))
    assert [finding.rule for finding in found([layer], tmp_path / "stale", RUNNING)] == ["L601"]


def test_repeated_findings_are_counted() -> None:
    many = [Finding("L401", "x.zip", f"{number}", "is bad") for number in range(25)]
    shown = list(lines(many))
    assert len(shown) == 21
    assert shown[0] == "error L401  x.zip: 0 is bad"
    assert shown[-1] == "error L401  ... and 5 more like these"


def test_limits_equal_those_of_runtime_api() -> None:
    assert CURRENT.layers == limits.LAYERS
    assert CURRENT.zipped_bytes == limits.ZIPPED_BYTES
    assert CURRENT.unzipped_bytes == limits.UNZIPPED_BYTES
