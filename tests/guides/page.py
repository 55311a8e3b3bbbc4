"""A guide as its reader follows it: the files it shows, the commands it gives, and what it says they print.

- A block behind a line that ends with a file's name (`` `src/main.rs`: ``) is that file.
- A `console` block has commands behind `$ `; the lines below a command are among what it prints, in their order, and
  `...` stands for any text. Blocks of other languages, `shell` among them, are for reading.
- `bootjack serve` and `bootjack rie` keep running while the reader goes on in another terminal.
- A comment `# exit code N` behind a command says how it ends; otherwise it succeeds.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Command", "File", "Step", "missing", "script", "steps"]

BLOCK = re.compile(r"(?:`([^`\n]+)`:\n\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SERVER = re.compile(r"^bootjack (serve|rie) ")
EXIT_CODE = re.compile(r"# exit code (\d+)$", re.MULTILINE)


class File(NamedTuple):
    """A file that the reader writes."""

    name: str
    text: str


class Command(NamedTuple):
    """A command that the reader types, and the lines that the page shows below it."""

    line: str
    printed: tuple[str, ...]

    @property
    def serves(self) -> bool:
        """Whether it runs until it is stopped."""
        return SERVER.match(self.line) is not None

    @property
    def code(self) -> int:
        """The exit code that the page tells of."""
        found = EXIT_CODE.search(self.line)
        return int(found[1]) if found else 0


Step = File | Command


def steps(text: str) -> list[Step]:
    """Read a page."""
    return [step for block in BLOCK.finditer(text) for step in _steps(*block.groups())]


def _steps(name: str | None, language: str, body: str) -> Iterator[Step]:
    if name is not None:
        yield File(name, body)
    elif language == "console":
        for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
            line, *rest = re.split(r"(?<!\\)\n", part.rstrip("\n"), maxsplit=1)
            yield Command(line, tuple("".join(rest).splitlines()))


def script(steps: Sequence[Step]) -> str:
    """Return a bash script that does the steps in one shell, and leaves N.out and N.code of each command in $RESULTS.

    It ends at a command that ends otherwise than the page says.
    """
    return "\n".join(_lines(number, step) for number, step in enumerate(steps))


def _lines(number: int, step: Step) -> str:
    if isinstance(step, File):
        name = shlex.quote(step.name)
        return f"mkdir -p \"$(dirname {name})\"\ncat > {name} <<'END OF THE FILE'\n{step.text}END OF THE FILE"
    output = f'"$RESULTS/{number}.out"'
    if step.serves:
        # The file is there before `tail` looks for it.
        started = f": > {output}\n{{ {step.line}\n}} >> {output} 2>&1 &"
        return f"{started}\ngrep -qm 1 'http://' <(tail -n +1 -f --pid=$! {output}) || exit 1"
    done = f"{{ {step.line}\n}} > {output} 2>&1"
    return f'{done}\ncode=$?; echo $code > "$RESULTS/{number}.code"; [ $code = {step.code} ] || exit 1'


def missing(printed: Sequence[str], output: str) -> str | None:
    """Return the first line of a page that the output does not have behind the others."""
    place = 0
    for line in printed:
        pattern = ".*".join(map(re.escape, line.rstrip().split("...")))
        found = re.compile(pattern).search(output, place)
        if found is None:
            return line
        place = found.end()
    return None
