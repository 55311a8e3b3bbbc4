"""Makes functions in directories and archives."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

from tests.e2e.running import RUNTIMES

__all__ = ["ask", "source", "write_bootstrap", "zipped"]

# Not that of a virtual environment, which may lead to folders that no sandbox shows; the log would name them.
PYTHON = Path(getattr(sys, "_base_executable", sys.executable)).resolve()


def source() -> str:
    """The source of a bootstrap that echoes its event, or does what the event asks for."""
    return f"#!{PYTHON} -IS\n{(RUNTIMES / 'raw.py').read_text()}"


def write_bootstrap(directory: Path, text: str | None = None, mode: int = 0o755) -> Path:
    """Write a bootstrap into a directory, which is created if necessary, and return the directory."""
    directory.mkdir(parents=True, exist_ok=True)
    bootstrap = directory / "bootstrap"
    bootstrap.write_text(source() if text is None else text)
    bootstrap.chmod(mode)
    return directory


def zipped(archive: Path, mode: int = 0o755, name: str = "bootstrap", text: str | None = None) -> Path:
    """Write an archive that holds only a bootstrap, and return its path."""
    with zipfile.ZipFile(archive, "w") as bundle:
        entry = zipfile.ZipInfo(name)
        entry.create_system = 3  # Unix: external_attr holds a mode
        entry.external_attr = (0o100000 | mode) << 16
        bundle.writestr(entry, source() if text is None else text)
    return archive


def ask(do: str, **how: Any) -> str:
    """An event that tells the bootstrap of `source` what to do."""
    return json.dumps({"do": do, **how})
