"""The options of the ports themselves: who may reach them, and how much of them one client may take."""

from __future__ import annotations

from .option_groups import OPTIONS, options_under
from .options import ORIGIN, Seconds, Whole

__all__ = ["access_options"]

option = options_under(OPTIONS)

access_options = (
    option(
        "--allow-host",
        "allowed_hosts",
        multiple=True,
        metavar="NAME",
        help="Accept requests whose Host header is NAME. Repeatable. Otherwise, only localhost and IP addresses are "
        "accepted; beyond loopback also this machine's name and names of private networks: lambda, "
        "host.docker.internal, box.local.",
    ),
    option(
        "--allow-origin",
        "allowed_origins",
        type=ORIGIN,
        multiple=True,
        help="Accept requests of web pages of this origin, such as https://app.example. Repeatable. Otherwise, only "
        "pages of localhost may invoke functions.",
    ),
    option(
        "--client-timeout",
        "client_timeout_s",
        type=Seconds(1e6, positive=True),
        metavar="SECONDS",
        default=60,
        show_default=True,
        help="Close a connection whose request's head takes longer, or whose body stops coming. Time that a function "
        "or its runtime takes does not count.",
    ),
    option(
        "--max-connections",
        type=Whole("N", 1, 1_000_000),
        default=None,
        help="Connections to each port at once; the oldest idle one is closed for one more.  [default: half of the "
        "open files allowed]",
    ),
)
