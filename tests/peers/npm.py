"""Peers from npm: AWS's Node.js runtime, whose C++ client is compiled during the install, and @vercel/fun.

In folders of their own: an older version of that runtime, which gets the client of the newer one (they have the same
source, and to compile it again takes a quarter of an hour), two adapters that run Node.js web applications behind a
function URL, the SDK's client, and an extension.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from tests.peers import PeerError

BUILT = "aws-lambda-ric"
OLDER = "npm-older"
CLIENT = "rapid-client.node"
PACKAGES = {  # by folder
    "npm": {BUILT: "4.0.2", "@vercel/fun": "1.3.6"},
    OLDER: {BUILT: "3.3.0"},
    "npm-http": {"serverless-http": "4.0.0", "@vendia/serverless-express": "4.12.6"},
    "npm-extensions": {"@serverless/aws-lambda-otel-extension-dist": "0.1.11"},
    "npm-sdk": {"@aws-sdk/client-lambda": "3.1164.0"},
}
INSTALL_LIMIT_SECONDS = 900
OPTIONS = ("--no-audit", "--no-fund", "--no-package-lock", "--foreground-scripts", "--loglevel=error")


def fetch_all(directory: Path) -> None:
    """Install the packages into their folders below `directory`."""
    for folder, packages in PACKAGES.items():
        _fetch(directory / folder, packages)
    built, older = (directory / folder / "node_modules" / BUILT for folder in ("npm", OLDER))
    shutil.copy(built / CLIENT, older / "dist")


def _fetch(home: Path, packages: dict[str, str]) -> None:
    pin, manifest = home / "pin", _manifest(packages)
    if pin.is_file() and pin.read_text() == manifest:
        return
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / "package.json").write_text(manifest)
    _install(home)
    pin.write_text(manifest)


def _manifest(packages: dict[str, str]) -> str:
    scripts = {name: True for name in packages if name == BUILT}
    return json.dumps({"private": True, "dependencies": packages, "allowScripts": scripts}, indent=1)


def _install(home: Path) -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise PeerError("node or npm is missing: run make tools")
    environment = dict(os.environ)
    prefix = Path(node).resolve().parents[1]
    if (prefix / "include" / "node" / "node.h").is_file():
        environment["npm_config_nodedir"] = str(prefix)  # otherwise node-gyp downloads the headers
    try:
        done = subprocess.run(
            [npm, "install", *OPTIONS, *(("--ignore-scripts",) if home.name == OLDER else ())],
            cwd=home,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PeerError(f"npm install did not finish within {INSTALL_LIMIT_SECONDS} s") from error
    if done.returncode:
        raise PeerError("npm install failed:\n" + "\n".join(done.stdout.splitlines()[-30:]))
