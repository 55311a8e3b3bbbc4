"""`bootjack completion`: makes a shell complete bootjack's command lines."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import get_completion_class

from .options import fail, give_up
from .verb import Verb

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["command"]

SHELLS = ("bash", "fish", "zsh")
PROGRAM = "bootjack"
VARIABLE = "_BOOTJACK_COMPLETE"  # by which the script asks for completions


@click.command(
    cls=Verb,
    usage="[bash|fish|zsh]",
    arguments=(("[bash|fish|zsh]", "The shell.  [default: that of $SHELL]"),),
    examples=("bootjack completion", "bootjack completion bash --print >> ~/.bashrc"),
)
@click.argument("shell", required=False, type=click.Choice(SHELLS))
@click.option("--print", "printed", is_flag=True, help="Print the script to stdout, and install nothing.")
def command(shell: str | None, printed: bool) -> None:
    """Install completion of verbs, options and files for your shell."""
    name = shell or Path(os.environ.get("SHELL", "")).name
    made = get_completion_class(name) if name in SHELLS else None
    if made is None:
        fail(f"$SHELL names {name or 'nothing'}: give {', '.join(SHELLS[:-1])} or {SHELLS[-1]}")
    script = made(click.Command(PROGRAM), {}, PROGRAM, VARIABLE).source()
    if printed:
        click.echo(script)
        return
    file = place_of(name, os.environ)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(script, encoding="utf-8")
    except OSError as error:
        give_up(f"{error.filename}: {(error.strerror or str(error)).lower()}")
    click.echo(f"bootjack: wrote {file}; {ACTIVE[name]}", err=True)


ACTIVE = {
    "bash": "new shells complete bootjack if they load bash-completion",
    "fish": "new shells complete bootjack",
    "zsh": "new shells complete bootjack if ~/.zshrc has: fpath+=(~/.zfunc); autoload -Uz compinit; compinit",
}


def place_of(shell: str, variables: Mapping[str, str]) -> Path:
    """Where this shell looks for completions of its user's own."""
    home = Path(variables.get("HOME") or Path.home())
    if shell == "bash":
        data = Path(variables.get("XDG_DATA_HOME") or home / ".local" / "share")
        return data / "bash-completion" / "completions" / PROGRAM
    if shell == "fish":
        return Path(variables.get("XDG_CONFIG_HOME") or home / ".config") / "fish" / "completions" / f"{PROGRAM}.fish"
    return home / ".zfunc" / f"_{PROGRAM}"
