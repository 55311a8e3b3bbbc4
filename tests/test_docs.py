"""The documentation matches the code: generated parts, links, commands, options, targets of make."""

from __future__ import annotations

import re
import runpy
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from runtime_api import __version__
from runtime_api.commands.root import bootjack

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


def test_the_state_diagram_shows_the_machine_s_tables() -> None:
    drawn = runpy.run_path(str(ROOT / "docs" / "draw.py"))["page"]()
    assert (ROOT / "docs" / "states.md").read_text() == drawn, "run `make docs`"


def test_the_table_of_rules_is_complete() -> None:
    written = runpy.run_path(str(ROOT / "docs" / "rules.py"))["page"]()
    assert (ROOT / "docs" / "layers.md").read_text() == written, "run `make docs`"


def test_the_table_of_operations_is_complete() -> None:
    written = runpy.run_path(str(ROOT / "docs" / "draw_service.py"))["page"]()
    assert (ROOT / "docs" / "service.md").read_text() == written, "run `make docs`"


def test_the_reference_of_the_command_line_is_complete() -> None:
    written = runpy.run_path(str(ROOT / "docs" / "draw_cli.py"))["page"]()
    assert (ROOT / "docs" / "cli.md").read_text() == written, "run `make docs`"


def test_the_threat_model_names_tests_that_there_are() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs" / "security.md").read_text())
    assert len(named) > 40
    missing = [f"{file}::{test}" for file, test in named if f"def {test}(" not in (ROOT / file).read_text()]
    assert not missing


def test_every_linked_file_exists() -> None:
    links = [(page, link) for page in PAGES for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text())]
    missing = [f"{page.name}: {link}" for page, link in links if not (page.parent / link).exists()]
    assert not missing


def test_the_changelog_has_this_version() -> None:
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_of_bootjack_exists_with_its_options(page: Path) -> None:
    found = [(" ".join(words), refusal(words)) for words in commands(page.read_text())]
    assert [(line, wrong) for line, wrong in found if wrong] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_option_named_alone_exists(page: Path) -> None:
    known = {option for command in all_commands(bootjack) for option in options(command)}
    spans = [span for span in SPAN.findall(FENCED.sub("", page.read_text())) if re.match("--[a-z]", span)]
    assert [span for span in spans if re.split(r"[ =\[]", span)[0] not in known] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_target_of_make_exists(page: Path) -> None:
    targets = set(re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = page.read_text()
    named = re.findall(r"`make ([\w./-]+)`", text) + re.findall(r"^\$ make (\S+)", text, re.MULTILINE)
    assert set(named) <= targets


def commands(text: str) -> Iterator[list[str]]:
    """Return the command lines of bootjack in a page as words: those of its console blocks and code spans."""
    for language, block in FENCED.findall(text):
        if language == "console":
            for command in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                words = shlex.split(command.replace("\\\n", " "), comments=True)
                if "bootjack" in words:
                    yield words[words.index("bootjack") :]
    for span in SPAN.findall(FENCED.sub("", text)):
        if re.match(r"bootjack [a-z-]", span):
            yield shlex.split(span)


def refusal(words: list[str], command: click.Command = bootjack) -> str | None:
    """Return what click says against the options of a command line, or the verb that does not exist."""
    context = click.Context(command, **command.context_settings)
    try:
        _, rest, _ = command.make_parser(context).parse_args(words[1:])
    except click.UsageError as error:
        return error.message
    if isinstance(command, click.Group) and rest:
        found = command.get_command(context, rest[0])
        return refusal(rest, found) if found else f"no verb {rest[0]}"
    templates = [shlex.split(word) for word in words if word.startswith("bootjack ")]  # as of conform --server
    return next((wrong for template in templates if (wrong := refusal(template))), None)


def options(command: click.Command) -> set[str]:
    """Return the names of a command's options, `--help` included."""
    parameters = command.get_params(click.Context(command, help_option_names=["-h", "--help"]))
    return {name for parameter in parameters for name in (*parameter.opts, *parameter.secondary_opts)}


def all_commands(command: click.Command) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            found = command.get_command(click.Context(command), name)
            assert found is not None
            yield from all_commands(found)
