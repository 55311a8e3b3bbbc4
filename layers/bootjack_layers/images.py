"""The images of Lambda's runtimes: their glibc, and the directories of /opt that they search.

Amazon Linux 2 has glibc 2.26, Amazon Linux 2023 has 2.34 (their release notes). The directories are those of the
developer guide (guide 2778-2836, 4439-4440), as its current edition spells them ("Packaging your layer content").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .errors import LayerError

__all__ = [
    "ARCHITECTURES",
    "IMAGES",
    "LIKELY_LIBRARIES",
    "SYSTEM_LIBRARIES",
    "Image",
    "find_image",
    "loader_of",
    "machine_of",
]

AL2, AL2023 = (2, 26), (2, 34)
ARCHITECTURES: Final = ("x86_64", "arm64")
_LOADERS = {"x86_64": "/lib64/ld-linux-x86-64.so.2", "arm64": "/lib/ld-linux-aarch64.so.1"}
_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}

# glibc's own libraries, and the others that PEP 513 and PEP 600 let every wheel rely on.
SYSTEM_LIBRARIES: Final = frozenset(
    [
        *("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1", "libresolv.so.2"),
        *("libnsl.so.1", "libcrypt.so.1", "libanl.so.1", "libthread_db.so.1", "libmvec.so.1"),
        *("ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "libgcc_s.so.1", "libstdc++.so.6"),
    ]
)
# Wheels may rely on these as well. The images of language runtimes have them; for provided ones AWS doesn't say.
LIKELY_LIBRARIES: Final = frozenset(["libz.so.1", "libexpat.so.1"])


@dataclass(frozen=True)
class Image:
    """The image of one runtime; `search_paths` are the directories of /opt that it searches by default."""

    runtime: str
    glibc: tuple[int, int]
    search_paths: tuple[str, ...]
    language: str = ""
    version: str = ""

    @property
    def provided(self) -> bool:
        """Whether the runtime is a bootstrap that the user provides."""
        return self.runtime.startswith("provided")


_ALWAYS = ("bin", "lib", "extensions")


def _python(version: str, glibc: tuple[int, int]) -> Image:
    paths = ("python", f"python/lib/python{version}/site-packages", *_ALWAYS)
    return Image(f"python{version}", glibc, paths, "python", version)


def _node(version: str, glibc: tuple[int, int]) -> Image:
    paths = ("nodejs/node_modules", f"nodejs/node{version}/node_modules", *_ALWAYS)
    return Image(f"nodejs{version}.x", glibc, paths, "nodejs", version)


def _java(name: str, glibc: tuple[int, int]) -> Image:
    return Image(f"java{name}", glibc, ("java/lib", *_ALWAYS), "java", name)


def _ruby(version: str, glibc: tuple[int, int]) -> Image:
    paths = (f"ruby/gems/{version}.0", "ruby/lib", *_ALWAYS)
    return Image(f"ruby{version}", glibc, paths, "ruby", version)


_ALL = (
    Image("provided.al2023", AL2023, ("bootstrap", *_ALWAYS)),
    Image("provided.al2", AL2, ("bootstrap", *_ALWAYS)),
    *(_python(version, AL2) for version in ("3.8", "3.9", "3.10", "3.11")),
    *(_python(version, AL2023) for version in ("3.12", "3.13", "3.14")),
    *(_node(version, AL2) for version in ("16", "18")),
    *(_node(version, AL2023) for version in ("20", "22", "24")),
    *(_java(name, AL2) for name in ("8.al2", "11", "17")),
    *(_java(name, AL2023) for name in ("21", "25")),
    _ruby("3.2", AL2),
    *(_ruby(version, AL2023) for version in ("3.3", "3.4")),
    Image("dotnet6", AL2, _ALWAYS, "dotnet", "6"),
    Image("dotnet8", AL2023, _ALWAYS, "dotnet", "8"),
)
IMAGES: Final = {image.runtime: image for image in _ALL}


def find_image(runtime: str) -> Image:
    """The image of a runtime, by its identifier in Lambda's API."""
    if runtime not in IMAGES:
        raise LayerError(f"unknown runtime {runtime!r}: choose one of {', '.join(IMAGES)}")
    return IMAGES[runtime]


def machine_of(name: str) -> str:
    """Lambda's name for a machine that the system names; an architecture that Lambda lacks keeps its name."""
    return _MACHINES.get(name.lower(), name)


def loader_of(arch: str) -> str:
    """The path of glibc's dynamic loader for an architecture."""
    return _LOADERS[arch]
