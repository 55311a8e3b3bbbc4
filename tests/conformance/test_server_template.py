"""What a server is told by its command line, and which cases can be judged with it."""

from __future__ import annotations

import asyncio
import re
import sys
from random import Random

import pytest

from runtime_api.conformance.cases import Case, case_of, load_cases
from runtime_api.conformance.server.remote import why_not
from runtime_api.conformance.server.side import ServerSide
from runtime_api.conformance.server.template import MEANINGS, read_template
from runtime_api.conformance.verdicts import Judgement, Verdict
from tests.conformance.servers.subjects import ADDRESSES

CASES = {case.id: case for case in load_cases("server", "extensions")}
EMULATOR = f"env --opt {{opt}} {ADDRESSES}"
SERVICE = "env --port {invoke_port} function={task}"
TRIES_FOR_EVER = """
import socket, subprocess, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    caller, _ = listener.accept()
    if caller.recv(1, socket.MSG_PEEK):  # else the kit has only looked whether somebody listens
        break
while True:
    subprocess.run([sys.argv[2] + "/bootstrap"], env={"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"})
"""


def reason(case: str, template: str) -> str | None:
    return read_template(template).why_not(CASES[case])


def test_an_emulator_with_every_placeholder_of_its_kind_is_judged_by_every_case() -> None:
    template = read_template(EMULATOR)
    assert [case.id for case in CASES.values() if template.why_not(case)] == []


@pytest.mark.parametrize(
    ("case", "placeholder"),
    [
        ("server/lifecycle/init-timeout", "timeout"),
        ("server/environment/environment-handler", "handler"),
        ("server/environment/environment-log-names", "name"),
        ("server/environment/environment-configured", "bootstrap"),
        ("server/log/log-warm-invocation", "memory"),
        ("server/invoke/second-invoke-waits", "api_port"),
        ("extensions/external/two", "opt"),
    ],
)
def test_a_case_whose_placeholder_is_missing_is_skipped_with_that_reason(case: str, placeholder: str) -> None:
    needed = f"needs {{{placeholder}}} in the template: {MEANINGS[placeholder]}"
    assert reason(case, SERVICE) == needed
    assert reason(case, f"{SERVICE} {{{placeholder}}}") is None


def test_a_service_is_told_nothing_by_variables() -> None:
    """Name and memory size are in variables, too, but only a server that runs a command is known to read them."""
    assert reason("server/environment/environment-variables", f"{SERVICE} {{name}}") == (
        "needs {memory} in the template: the function's memory size in MB"
    )


def test_a_running_server_cannot_be_told_anything() -> None:
    assert why_not(CASES["server/invoke/invoke-by-its-name"]) == "needs a server that the kit starts: use --server"
    assert why_not(CASES["server/invoke/second-invoke-waits"]) is None


def test_values_in_steps_are_told_to_the_server() -> None:
    for case in CASES.values():
        used = set(re.findall(r"\{(name|memory|handler)\}", repr(case.steps)))
        assert used <= set(case.needs), case.id


def judge_alone(case: Case, template: str) -> Judgement:
    async def run() -> Judgement:
        async with ServerSide(read_template(template), 10) as side:
            return await side.run(case, Random(0))

    return asyncio.run(run())


def test_a_server_that_never_gives_up_an_init_fails() -> None:
    case = case_of(
        {
            "id": "server/lifecycle/tries-for-ever",
            "requirement": "A failed init is tried again once.",
            "cite": ["Lambda developer guide, Execution environment lifecycle"],
            "given": {"fresh": True},
            "steps": [
                {"do": "invoke"},
                {"do": "each_init", "steps": [{"do": "tell", "order": "exit", "code": 1}]},
                {"do": "answer"},
            ],
        }
    )
    judgement = judge_alone(case, f"{sys.executable} -c '{TRIES_FOR_EVER}' {{invoke_port}} {{task}}")
    assert (judgement.verdict, judgement.happened) == (Verdict.FAILED, "another process was started")
