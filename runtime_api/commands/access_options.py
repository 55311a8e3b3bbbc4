"""The options that let more than this machine's own names and pages reach the ports."""

from __future__ import annotations

from .option_groups import OPTIONS, options_under
from .options import ORIGIN

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
)
