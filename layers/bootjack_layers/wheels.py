"""Install libraries for another machine than this one: pip resolves and installs wheels for the target's platform."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from .errors import LayerError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["install", "platforms"]

_LIMIT_S = 900
_LEGACY = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}  # PEP 600
_MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}


def platforms(arch: str, glibc: tuple[int, int]) -> list[str]:
    """The platform tags that a machine supports, newest first: pip does not add older ones to --platform."""
    machine = _MACHINES[arch]
    tags = []
    for minor in range(glibc[1], 4, -1):
        tags.append(f"manylinux_2_{minor}_{machine}")
        if (2, minor) in _LEGACY:
            tags.append(f"{_LEGACY[2, minor]}_{machine}")
    return [*tags, f"linux_{machine}"]


def install(
    target: Path,
    requirements: Sequence[Path],
    packages: Sequence[str],
    version: str,
    tags: Sequence[str],
) -> None:
    """Install libraries for a Python version and platforms into target, and remove what refers to this machine."""
    command = [sys.executable, "-m", "pip", "install", "--target", str(target), "--only-binary=:all:", "--no-compile"]
    command += ["--no-input", "--disable-pip-version-check", "--quiet", "--implementation", "cp"]
    command += ["--python-version", version, "--no-warn-script-location", "--upgrade"]
    for tag in tags:
        command += ["--platform", tag]
    for file in requirements:
        command += ["--requirement", str(file)]
    command += ["--", *packages]
    try:
        subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=True)
    except subprocess.TimeoutExpired:
        raise LayerError(
            f"pip did not finish within {_LIMIT_S} s: check that it can reach the package index"
        ) from None
    except subprocess.CalledProcessError as error:
        raise LayerError(_reason(error.stderr, version, tags[0])) from error
    _drop_local_files(target)


def _reason(stderr: str, version: str, tag: str) -> str:
    """pip's own reason, and what may help."""
    lines = [line for line in stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
    if any("No module named pip" in line for line in lines):
        return f"{sys.executable} has no pip, which resolves requirements: run python -m ensurepip, or install pip"
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")] or lines[-1:]
    reason = f"pip: {' '.join(dict.fromkeys(errors)) or 'failed without a message'}"
    if any("No matching distribution" in line or "satisfies the requirement" in line for line in errors):
        reason += f" (only wheels for Python {version} on {tag} and older were tried; sdists are not built)"
    return reason


def _drop_local_files(target: Path) -> None:
    """Remove scripts, which name this machine's interpreter, and their lines in the lists of installed files."""
    shutil.rmtree(target / "bin", ignore_errors=True)
    for record in target.glob("*.dist-info/RECORD"):
        rows = list(csv.reader(io.StringIO(record.read_text(encoding="utf-8"))))
        kept = [row for row in rows if row and (target / row[0]).exists() and not row[0].startswith("../")]
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(sorted(kept))
        record.write_text(text.getvalue(), encoding="utf-8")
    for name in ("direct_url.json", "REQUESTED"):  # they differ with how a library was named, so builds would differ
        for file in target.glob(f"*.dist-info/{name}"):
            file.unlink()
