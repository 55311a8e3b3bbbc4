"""Gives each case a /tmp of its own, with bubblewrap: runtimes may write fixed names there, as on Lambda."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from runtime_api.sandbox.bubblewrap.bwrap import find_bwrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime_api.sandbox import Launch

__all__ = ["has_private_tmp", "with_private_tmp"]

TMP = Path("/tmp")
BELOW = re.compile(r"/tmp/([^/\s:;,='\"]+)")
TRY_S = 10.0


def has_private_tmp(launch: Launch) -> bool:
    """Whether bubblewrap can give this bootstrap a /tmp of its own: not when its code is /tmp itself."""
    bwrap = find_bwrap()
    if bwrap is None or TMP in (launch.directory, launch.directory.resolve()):
        return False
    nothing = subprocess.DEVNULL
    command = (*_mounts(bwrap, launch), "true")
    try:
        tried = subprocess.run(command, stdin=nothing, stdout=nothing, stderr=nothing, timeout=TRY_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0


def with_private_tmp(launch: Launch) -> Launch:
    """The same launch with an empty /tmp, but for what the command line and the variables name there."""
    bwrap = find_bwrap()
    assert bwrap is not None, "has_private_tmp has found it"
    return launch._replace(argv=(*_mounts(bwrap, launch), *launch.argv))


def _mounts(bwrap: str, launch: Launch) -> tuple[str, ...]:
    shown = [part for path in sorted(set(_named(launch))) for part in ("--bind", path, path)]
    root = ("--dev-bind", "/", "/", "--tmpfs", str(TMP))
    return (bwrap, "--die-with-parent", *root, *shown, "--chdir", str(launch.directory), "--")


def _named(launch: Launch) -> Iterator[str]:
    """The entries of /tmp that belong to the bootstrap."""
    paths = [str(launch.directory), *launch.argv]
    texts = [*paths, *map(os.path.realpath, paths), *launch.looked_for, *launch.variables.values()]
    for text in texts:
        for name in BELOW.findall(text):
            if (TMP / name).exists():
                yield str(TMP / name)
