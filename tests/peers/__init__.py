"""Other implementations that tests and benchmarks compare with; `python -m tests.peers DIR` installs them into DIR.

`DIR/aws-lambda-rie` is AWS's Runtime Interface Emulator, `DIR/cargo-lambda` another server; `DIR/npm` has AWS's
Node.js runtime and @vercel/fun, `DIR/npm-older` an older version of the former, `DIR/npm-http` adapters for web
applications, `DIR/npm-sdk` the client for Lambda of AWS's SDK for JavaScript, `DIR/npm-extensions` an extension. A
peer that is installed in the pinned version already is left alone.
"""

from pathlib import Path

__all__ = [
    "HOME",
    "PeerError",
    "cargo_lambda",
    "fun",
    "http_adapters",
    "javascript_sdk",
    "lambda_ric",
    "older_lambda_ric",
    "otel_extension",
    "rie",
]

HOME = Path(__file__).resolve().parents[2] / ".venv" / "peers"
MODULES = Path("npm", "node_modules")


class PeerError(RuntimeError):
    """A peer is missing or cannot be installed; the message says what to do."""


def rie() -> Path:
    """Return the path of the RIE binary."""
    return _installed("aws-lambda-rie")


def cargo_lambda() -> Path:
    """Return the path of the cargo-lambda binary."""
    return _installed("cargo-lambda")


def lambda_ric() -> Path:
    """Return the path of AWS's Node.js runtime, a module that node runs."""
    return _installed(MODULES / "aws-lambda-ric" / "index.mjs")


def older_lambda_ric() -> Path:
    """Return the path of an older version of AWS's Node.js runtime, a module that node runs."""
    return _installed(Path("npm-older", "node_modules", "aws-lambda-ric", "bin", "index.mjs"))


def fun() -> Path:
    """Return the folder of @vercel/fun's modules; its bootstraps are `runtimes/NAME/bootstrap`."""
    return _installed(MODULES / "@vercel" / "fun" / "dist" / "src" / "index.js").parent


def http_adapters() -> Path:
    """Return the folder of the modules that run a Node.js web application behind a function URL."""
    folder = Path("npm-http", "node_modules")
    return _installed(folder / "serverless-http" / "package.json").parents[1]


def javascript_sdk() -> Path:
    """Return the folder of the modules of AWS's SDK for JavaScript."""
    folder = Path("npm-sdk", "node_modules")
    return _installed(folder / "@aws-sdk" / "client-lambda" / "package.json").parents[2]


def otel_extension() -> Path:
    """Return the layer of an extension that takes the Logs API's records to OpenTelemetry, an archive."""
    package = Path("npm-extensions", "node_modules", "@serverless", "aws-lambda-otel-extension-dist")
    return _installed(package / "extension.zip")


def _installed(name: str | Path) -> Path:
    path = HOME / name
    if not path.is_file():
        raise PeerError(f"{name} is not in {HOME}: run make .venv/peers/ready")
    return path
