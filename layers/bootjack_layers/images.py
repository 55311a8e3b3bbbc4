"""What the images of Lambda's runtimes give a layer: their C library, and where they look in /opt.

C libraries: Amazon Linux 2 has glibc 2.26, Amazon Linux 2023 has 2.34 (their release notes). The places are those of
the developer guide (guide 2778-2836, 4439-4440), in today's spelling ("Packaging your layer content").
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

# glibc's own, and what PEP 513 and PEP 600 let every wheel rely on besides.
SYSTEM_LIBRARIES: Final = frozenset(
    [
        *("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1", "libresolv.so.2"),
        *("libnsl.so.1", "libcrypt.so.1", "libanl.so.1", "libthread_db.so.1", "libmvec.so.1"),
        *("ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "libgcc_s.so.1", "libstdc++.so.6"),
    ]
)
# Wheels may rely on these, too. Images of languages have them; what the provided ones have is nowhere written.
LIKELY_LIBRARIES: Final = frozenset(["libz.so.1", "libexpat.so.1"])


@dataclass(frozen=True)
class Image:
    """One runtime's image; `places` are the folders of /opt in which it looks of its own accord."""

    runtime: str
    glibc: tuple[int, int]
    places: tuple[str, ...]
    language: str = ""
    version: str = ""

    @property
    def provided(self) -> bool:
        """Whether it starts a bootstrap of ours."""
        return self.runtime.startswith("provided")


_ALWAYS = ("bin", "lib", "extensions")


def _python(version: str, glibc: tuple[int, int]) -> Image:
    places = ("python", f"python/lib/python{version}/site-packages", *_ALWAYS)
    return Image(f"python{version}", glibc, places, "python", version)


def _node(version: str, glibc: tuple[int, int]) -> Image:
    places = ("nodejs/node_modules", f"nodejs/node{version}/node_modules", *_ALWAYS)
    return Image(f"nodejs{version}.x", glibc, places, "nodejs", version)


def _java(name: str, glibc: tuple[int, int]) -> Image:
    return Image(f"java{name}", glibc, ("java/lib", *_ALWAYS), "java", name)


def _ruby(version: str, glibc: tuple[int, int]) -> Image:
    places = (f"ruby/gems/{version}.0", "ruby/lib", *_ALWAYS)
    return Image(f"ruby{version}", glibc, places, "ruby", version)


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
    """The image of a runtime by its name in Lambda's API."""
    if runtime not in IMAGES:
        raise LayerError(f"runtime {runtime!r} is not known: one of {', '.join(IMAGES)}")
    return IMAGES[runtime]


def machine_of(name: str) -> str:
    """Lambda's word for a machine as the system names it; the name itself for one that Lambda has not."""
    return _MACHINES.get(name.lower(), name)


def loader_of(arch: str) -> str:
    """Where programs for an architecture look for the dynamic loader."""
    return _LOADERS[arch]
