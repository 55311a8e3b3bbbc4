"""The options that say what functions run in."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runtime_api.protocol.limits import CURRENT

from .option_groups import option_group, options_under
from .options import EPHEMERAL, fail

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SandboxOptions", "sandbox_options"]


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """What the command line says of the sandbox of each function."""

    kind: str
    network: str
    ephemeral_mb: int
    mounts: tuple[Path, ...]
    cpu_share: bool
    no_freeze: bool
    no_seccomp: bool

    @property
    def own_network(self) -> bool:
        """Whether functions get a network of their own, in which there is nothing but the Runtime API."""
        return self.network == "none"

    @property
    def wanted(self) -> str:
        """The kind of sandbox to ask for. Without bubblewrap, --network none fails instead of having no effect."""
        if not self.own_network:
            return self.kind
        if self.kind == "process":
            fail("--network none needs bubblewrap; leave out --sandbox process, or --network none")
        return "bubblewrap"

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn the absence of the sandbox into a usage error."""
        from runtime_api.sandbox.choice import SandboxUnavailableError

        try:
            yield
        except SandboxUnavailableError as error:
            if self.kind == "bubblewrap":
                fail(f"--sandbox bubblewrap: {error}; --sandbox process works without it")
            fail(f"--network none needs bubblewrap: {error}")


option = options_under("Sandbox options")

sandbox_options = option_group(
    SandboxOptions,
    "sandbox",
    option(
        "--sandbox",
        "kind",
        type=click.Choice(["auto", "bubblewrap", "process"]),
        metavar="KIND",
        default="auto",
        show_default=True,
        envvar="BOOTJACK_SANDBOX",
        show_envvar=True,
        help="bubblewrap has Lambda's paths and limits; process isolates nothing; auto is bubblewrap where that "
        "works, else process.",
    ),
    option(
        "--network",
        type=click.Choice(["host", "none"]),
        metavar="host|none",
        default="host",
        show_default=True,
        help="What functions can reach: your network, or nothing but the Runtime API. Needs bubblewrap.",
    ),
    option(
        "--ephemeral-storage",
        "ephemeral_mb",
        type=EPHEMERAL,
        default=CURRENT.tmp_mb,
        show_default=True,
        help=f"Size of /tmp, up to {CURRENT.tmp_max_mb}. Bubblewrap only.",
    ),
    option(
        "--mount",
        "mounts",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="PATH",
        help="Show a file or directory of this machine to functions, read-only at the same path. Repeatable. "
        "Bubblewrap only.",
    ),
    option(
        "--cpu-share",
        is_flag=True,
        help=f"Limit CPU time in proportion to memory, one CPU for {CURRENT.memory_mb_per_cpu} MB, as Lambda does. "
        "Bubblewrap only.",
    ),
    option(
        "--no-freeze",
        is_flag=True,
        help="Keep functions running between invocations; Lambda, and bubblewrap by default, freezes them.",
    ),
    option(
        "--no-seccomp",
        is_flag=True,
        help="Let functions make every system call, which debuggers and profilers (gdb, strace, perf) need. "
        "Bubblewrap refuses some by default.",
    ),
)
