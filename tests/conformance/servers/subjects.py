"""The servers that are judged, as templates of the kit."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from tests import peers

__all__ = ["ADDRESSES", "cargo_lambda", "ours", "rie", "service"]

ADDRESSES = (
    "--runtime-interface-emulator-address 127.0.0.1:{invoke_port} --runtime-api-address 127.0.0.1:{api_port} "
    "{bootstrap} {handler}"
)
# A mount of its own, so that /opt is the case's and nobody else sees it.
WITH_OPT = "--mount sh -c 'mount --bind {opt} /opt && exec \"$@\"' sh"


def ours() -> str:
    """`bootjack rie`."""
    return f"{_bootjack()} rie --opt-dir {{opt}} {ADDRESSES}"


def service() -> str:
    """`bootjack serve`, whose environments choose their own addresses."""
    flags = "--sandbox process --port {invoke_port} --timeout {timeout} --memory 3008"
    return f"{_bootjack()} serve {flags} function={{task}}"


def rie() -> str:
    """AWS's emulator; it takes extensions from /opt only."""
    user = "" if os.geteuid() == 0 else "--map-root-user "
    return f"unshare {user}{WITH_OPT} {shlex.quote(str(peers.rie()))} {ADDRESSES}"


def cargo_lambda() -> list[str]:
    """`cargo lambda watch`, which is started without a runtime; behind it comes --invoke-port PORT."""
    return [str(peers.cargo_lambda()), "lambda", "watch", "--only-lambda-apis", "--ignore-changes"]


def _bootjack() -> str:
    return shlex.quote(str(Path(sys.executable).with_name("bootjack")))
