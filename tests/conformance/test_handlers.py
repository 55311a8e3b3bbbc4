"""The reference handlers that users copy are listed, and free of syntax errors where their language is installed."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.conformance.matrix import HANDLERS

CHECKS = {
    "bash": ("bash", "-n", "handler.sh"),
    "node": ("node", "--check", "handler.js"),
    "perl": ("perl", "-c", "handler.pl"),
    "php": ("php", "-l", "handler.php"),
    "r": ("Rscript", "-e", "invisible(parse('runtime.R'))"),
    "ruby": ("ruby", "-c", "handler.rb"),
    "zig": ("zig", "ast-check", "main.zig"),
}


def test_the_readme_lists_every_handler() -> None:
    listed = re.findall(r"^\| [^|]+ \| `([\w./]+)` \|", (HANDLERS / "README.md").read_text(), re.MULTILINE)
    files = [f"{path.parent.name}/{path.name}" for path in HANDLERS.glob("*/*") if path.is_file()]
    assert sorted(listed) == sorted(files)


@pytest.mark.parametrize("language", CHECKS)
def test_a_handler_can_be_parsed(language: str) -> None:
    program, *arguments = CHECKS[language]
    if shutil.which(program) is None:
        pytest.skip(f"needs {program}")
    command = [program, *arguments]
    done = subprocess.run(command, cwd=HANDLERS / language, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr


# Calls the handler with each line of its input, and writes a line with what it returns.
PERL = r"""
package Context;
our $AUTOLOAD;
sub can { 0 }
sub AUTOLOAD { my $name = $AUTOLOAD; $name =~ s/.*:://; return $name eq 'memory_limit_in_mb' ? '128' : $name }
package main;
use JSON::PP;
$| = 1;
require './handler.pl';
my $json = JSON::PP->new->utf8->allow_nonref->canonical;
while (my $line = <STDIN>) {
    my $text = eval { $json->encode(handle($json->decode($line), bless {}, 'Context')) };
    print defined $text ? "$text\n" : "raised $@";
}
"""


@pytest.mark.skipif(shutil.which("perl") is None, reason="needs perl")
def test_the_handler_in_perl_obeys_its_commands() -> None:
    orders = '{"do":"echo","value":[1,null]}\n{"do":"raise","message":"it broke"}\n{"do":"state","key":"a"}\n'
    orders += '{"do":"state","key":"a"}\n{"do":"stream"}\n{"do":"context"}\n[{"do":1}]\n{"do":"exit","code":7}\n'
    command = ["perl", "-e", PERL]
    done = subprocess.run(command, cwd=HANDLERS / "perl", input=orders, capture_output=True, text=True, timeout=50)
    lines = done.stdout.splitlines()
    assert lines[:5] == ["[1,null]", "raised it broke", '{"count":1}', '{"count":2}', '{"unsupported":"stream"}']
    assert '"memory_mb":128' in lines[5]
    assert '"request_id":"aws_request_id"' in lines[5]
    assert (lines[6:], done.returncode) == (['[{"do":1}]'], 7)


def test_the_handler_in_bash_raises_its_message_on_stderr() -> None:
    command = [
        "bash",
        "-c",
        'source ./handler.sh; handler "$0"',
        r'{"do":"raise","message":"a \"b\" \\c\n\u00e9 100%"}',
    ]
    done = subprocess.run(command, cwd=HANDLERS / "bash", capture_output=True, timeout=50, env={"LC_ALL": "C.UTF-8"})
    assert (done.returncode, done.stdout, done.stderr.decode()) == (1, b"", 'a "b" \\c\né 100%\n')
