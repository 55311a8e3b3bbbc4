"""The options that say what functions run in."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runtime_api.protocol.limits import CURRENT
from runtime_api.sandbox.network import Network, port_refusal

from .option_groups import option_group, options_under
from .options import EPHEMERAL, Whole, fail, give_up, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SandboxOptions", "sandbox_options"]


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """What the command line says of the sandbox of each function."""

    kind: str
    network: Network | None
    loopback_ports: tuple[int, ...]
    ephemeral_mb: int
    mounts: tuple[Path, ...]
    cpu_share: bool
    no_freeze: bool
    no_seccomp: bool

    @property
    def isolates_network(self) -> bool:
        """Whether the user asks for a network other than the host's."""
        return self.network not in (None, Network.HOST)

    @property
    def wanted(self) -> str:
        """The kind of sandbox to ask for. Without bubblewrap, asking for a network fails, and is not ignored."""
        if not self.isolates_network:
            return self.kind
        if self.kind == "process":
            fail(
                f"--network {self.network} needs bubblewrap; leave out --sandbox process, or --network {self.network}"
            )
        return "bubblewrap"

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn the absence of the sandbox into a usage error."""
        from runtime_api.sandbox.choice import SandboxUnavailableError

        try:
            yield
        except SandboxUnavailableError as error:
            if self.kind == "bubblewrap":
                give_up(f"--sandbox bubblewrap: {error}; --sandbox process works without it")
            give_up(f"--network {self.network} needs bubblewrap: {error}")


class NetworkName(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """The name of a network."""

    name = "network"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Network:
        try:
            return Network(value)
        except ValueError:
            names = ", ".join(f"'{each}'" for each in Network)
            self.fail(f"{shortened(value)!r} is not one of {names}", param, ctx)


class LoopbackPort(Whole):
    """A port that can be forwarded."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        port: int = super().convert(value, param, ctx)
        refusal = port_refusal(port)
        if refusal:
            self.fail(refusal, param, ctx)
        return port


LOOPBACK_PORT = LoopbackPort("port", 1, 65535)
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
        type=NetworkName(),
        metavar="own|host|none",
        default=None,
        help="What functions reach: the outside, but neither this machine's loopback nor other functions (own); all "
        "that this machine reaches (host); nothing but the Runtime API (none). Plain processes share the host's.  "
        "[default: own in bubblewrap]",
    ),
    option(
        "--allow-loopback",
        "loopback_ports",
        multiple=True,
        type=LOOPBACK_PORT,
        metavar="PORT",
        help="Let functions reach this port of this machine at the same 127.0.0.1:PORT. Repeatable. Ports in "
        "AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_* are allowed anyway, except with --network none.",
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
