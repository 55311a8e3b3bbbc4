"""The servers under test, as templates of the kit."""

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
# A mount namespace, so that the case has an /opt that no other process sees.
WITH_OPT = "--mount sh -c 'mount --bind {opt} /opt && exec \"$@\"' sh"


def ours() -> str:
    """`bootjack rie`."""
    return f"{_bootjack()} rie --opt-dir {{opt}} {ADDRESSES}"


def service() -> str:
    """`bootjack serve`, whose execution environments choose their own Runtime API addresses."""
    flags = "--sandbox process --port {invoke_port} --timeout {timeout} --memory 3008"
    return f"{_bootjack()} serve {flags} function={{task}}"


def rie() -> str:
    """AWS's emulator, which reads extensions only from /opt."""
    user = "" if os.geteuid() == 0 else "--map-root-user "
    return f"unshare {user}{WITH_OPT} {shlex.quote(str(peers.rie()))} {ADDRESSES}"


def cargo_lambda() -> list[str]:
    """`cargo lambda watch` without a runtime; append --invoke-port PORT."""
    return [str(peers.cargo_lambda()), "lambda", "watch", "--only-lambda-apis", "--ignore-changes"]


def _bootjack() -> str:
    return shlex.quote(str(Path(sys.executable).with_name("bootjack")))
