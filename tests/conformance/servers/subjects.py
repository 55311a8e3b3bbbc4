"""The servers under test, as templates of the kit."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

from tests import peers

README = Path(__file__).parents[3] / "README.md"

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
    """`bootjack serve` as README judges it; its execution environments choose their own Runtime API addresses."""
    shown = re.search(
        r"^\$ bootjack conform --server '(bootjack serve [^']+)'$", README.read_text("utf-8"), re.MULTILINE
    )
    assert shown is not None
    return shown[1].replace("bootjack", _bootjack(), 1)


def rie() -> str:
    """AWS's emulator, which reads extensions only from /opt."""
    user = "" if os.geteuid() == 0 else "--map-root-user "
    return f"unshare {user}{WITH_OPT} {shlex.quote(str(peers.rie()))} {ADDRESSES}"


def cargo_lambda() -> list[str]:
    """`cargo lambda watch` without a runtime; append --invoke-port PORT."""
    return [str(peers.cargo_lambda()), "lambda", "watch", "--only-lambda-apis", "--ignore-changes"]


def _bootjack() -> str:
    return shlex.quote(str(Path(sys.executable).with_name("bootjack")))
