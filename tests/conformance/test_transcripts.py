"""The recorded exchange of a case is what was on the wire, the ends of connections included."""

from __future__ import annotations

import asyncio

from runtime_api.conformance.cases import case_of
from runtime_api.conformance.exchange import Message, Recorder, render
from runtime_api.conformance.verdicts import Verdict
from tests.conformance.matrix import judge_bootstrap, reference


def exchange(*steps: dict[str, object], command: tuple[str, ...] | None = None) -> list[Message]:
    """What is recorded while a bootstrap, by default the correct one, takes these steps."""
    case = case_of({"id": "runtime/a/b", "requirement": "It works.", "cite": ["none"], "steps": list(steps)})
    (judgement,) = asyncio.run(judge_bootstrap(command or reference(), [case], timeout_s=20))
    assert judgement.verdict is Verdict.OK, judgement.happened
    return list(judgement.exchange)


def in_words(messages: list[Message]) -> list[str]:
    return [f"{message.sender}: {message.text}" for message in messages]


def test_a_cut_answer_shows_only_the_chunks_that_were_sent() -> None:
    cut = {"do": "event", "body": "1234567890", "framing": "chunked", "chunk": 5, "cut": 10, "then": "close"}
    messages = exchange(cut, {"do": "any", "of": [{"do": "next"}, {"do": "exit"}]})
    (answer,) = (message for message in messages if message.text.startswith("200 OK"))
    assert (answer.body, answer.size) == (b"5\r\n12345\r\n", 10)
    assert answer.text.endswith("bytes)")
    assert "only" in answer.text
    assert "api: closes the connection" in in_words(messages)


def test_an_answer_cut_within_its_head_shows_the_beginning_of_the_head() -> None:
    cut = {"do": "event", "framing": "none", "body": "", "cut": -30, "then": "close"}
    messages = exchange(cut, {"do": "any", "of": [{"do": "next"}, {"do": "exit"}]})
    (answer,) = (message for message in messages if message.text.startswith("200 OK"))
    assert answer.size == 0
    assert answer.head.startswith("Lambda-Runtime-Aws-Request-Id: ")
    assert "Content-Type: application/json" not in answer.head


def test_an_answer_sent_in_pieces_says_so() -> None:
    messages = exchange({"do": "invoke", "apart": True})
    assert "api: 200 OK (in 2 pieces)" in in_words(messages)


ASKS_TWICE = """
import os, socket
host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
calls = []
for _ in range(2):
    calls.append(socket.create_connection((host, int(port))))
    calls[-1].sendall(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
    calls[-1].shutdown(socket.SHUT_WR)
calls[0].recv(1 << 16)
"""


def test_a_connection_that_the_bootstrap_closes_while_it_waits_is_recorded_at_that_time() -> None:
    steps: tuple[dict[str, object], ...] = (
        {"do": "polls", "count": 2},
        {"do": "event", "then": "reset"},
        {"do": "exit"},
    )
    messages = exchange(*steps, command=(reference()[0], "-c", ASKS_TWICE))
    ends = [(m.sender, m.text, m.connection) for m in messages if m.text.split()[0] in ("closes", "resets")]
    assert ends[0] == ("runtime", "closes the connection", 1)
    assert ("api", "resets the connection", 1) in ends


def test_connections_have_numbers_when_there_are_several() -> None:
    recorder = Recorder()
    recorder.note("runtime", "api", "GET /", connection=1)
    assert "(connection" not in render(recorder.messages())
    recorder.note("runtime", "api", "GET /", connection=2)
    assert render(recorder.messages()).count("(connection") == 2


def test_what_the_kit_ends_after_a_case_is_not_part_of_its_exchange() -> None:
    recorder = Recorder()
    recorder.note("runtime", "api", "GET /")
    recorder.stop()
    recorder.note("runtime", "api", "closes the connection")
    assert in_words(list(recorder.messages())) == ["runtime: GET /"]


def test_of_a_process_that_writes_in_a_loop_only_the_beginning_and_the_end_are_kept() -> None:
    recorder = Recorder()
    for number in range(1000):
        recorder.output(b"%d" % number)
    recorder.note("runtime", "api", "GET /next")
    recorder.output(b"again")
    texts = [(message.text, message.body) for message in recorder.messages()]
    assert texts[:2] == [("writes", b"0"), ("writes", b"1")]
    assert texts[48:] == [
        ("writes", b"48"),
        ("writes (outputs left out before this one: 950)", b"999"),
        ("GET /next", b""),
        ("writes", b"again"),
    ]
