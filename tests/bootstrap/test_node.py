"""The bootstrap for Node.js, where the conformance kit does not look: its log, its end, and streamed responses."""

from __future__ import annotations

import json
import os
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.bootstrap.scripted import REQUEST_ID, answer, event
from tests.bootstrap.starting import PACKAGE, Ran, write
from tests.bootstrap.starting import run as run_bootstrap

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None and not os.environ.get("CI"), reason="there is no node here"
)
BOOTSTRAP = PACKAGE / "node" / "bootstrap.cjs"
SECOND = "00000000-0000-4000-8000-000000000002"


def run(folder: Path, source: str, nexts: list[Any], posts: tuple[Any, ...] = (), **options: Any) -> Ran:
    """Run a handler in app.js."""
    write(folder, source, "app.js")
    command = (shutil.which("node") or "node", str(BOOTSTRAP))
    return run_bootstrap(folder, "", nexts, posts, command=command, **options)


LOGGING = r"""
    console.log('while starting');
    exports.handler = async () => {
      console.info('two\nlines', { a: 1 });
      console.warn('%s is %d', 'one', 1);
      console.error(new RangeError('broken'));
      console.debug('d');
      console.trace('t');
    };
"""


def test_lines_of_the_log_are_lambdas(tmp_path: Path) -> None:
    ran = run(tmp_path, LOGGING, [event()])
    lines = [line.split("\t", 3) for line in ran.out.split("\n")[:-1]]
    assert [line[1:3] for line in lines] == [
        ["undefined", "INFO"],
        [REQUEST_ID, "INFO"],
        [REQUEST_ID, "WARN"],
        [REQUEST_ID, "ERROR"],
        [REQUEST_ID, "DEBUG"],
        [REQUEST_ID, "TRACE"],
    ]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line[0]) for line in lines)
    texts = [line[3] for line in lines]
    assert texts[:3] == ["while starting", "two\rlines { a: 1 }", "one is 1"]
    assert texts[3].startswith("RangeError: broken\r    at ")
    assert texts[5].startswith("Trace: t\r    at ")


def test_a_log_in_json(tmp_path: Path) -> None:
    ran = run(tmp_path, LOGGING, [event()], AWS_LAMBDA_LOG_FORMAT="JSON", AWS_LAMBDA_LOG_LEVEL="info")
    records = [json.loads(line) for line in ran.out.splitlines()]
    assert [(one["level"], one.get("requestId")) for one in records] == [
        ("INFO", None),
        ("INFO", REQUEST_ID),
        ("WARN", REQUEST_ID),
        ("ERROR", REQUEST_ID),
    ]
    assert records[1]["message"] == "two\nlines { a: 1 }"
    assert (records[3]["errorType"], records[3]["errorMessage"]) == ("RangeError", "broken")
    assert isinstance(records[3]["stackTrace"], list)


def test_an_error_that_nothing_catches_ends_the_process_but_no_answer(tmp_path: Path) -> None:
    source = """
        exports.handler = async (event) => {
          if (event === 1) return event;
          setImmediate(() => { throw new Error('late'); });
          await new Promise((done) => setTimeout(done, 200000));
        };
    """
    ran = run(tmp_path, source, [event(b"1"), event(b"2", SECOND), event(b"1")], ends=True)
    assert ran.code == 1
    assert ran.calls == ["next", "response", "next", "error"]
    assert ran.documents[0] == 1
    assert ran.documents[1]["errorMessage"] == "late"
    assert "ERROR\tUncaught Exception \t" in ran.out


def test_work_that_is_left_goes_on_with_the_next_event(tmp_path: Path) -> None:
    source = """
        let left = 'nothing';
        exports.handler = (event, context, callback) => {
          context.callbackWaitsForEmptyEventLoop = false;
          if (event === 1) setTimeout(() => { left = 'done'; }, 20);
          else return new Promise((resolve) => setTimeout(() => resolve(left), 100));
          callback(null, left);
        };
    """
    assert run(tmp_path, source, [event(b"1"), event(b"2", SECOND)]).documents == ["nothing", "done"]


def test_the_first_outcome_counts(tmp_path: Path) -> None:
    source = """
        exports.handler = (event, context, callback) => {
          callback(null, 'first');
          callback(new Error('second'));
          context.fail('third');
        };
    """
    assert run(tmp_path, source, [event()]).posts[0].call.endswith("/error")  # context.fail does not wait
    assert run(tmp_path, source.replace("context.fail", "void "), [event()]).documents == ["first"]


def test_a_promise_that_nothing_will_keep_is_null(tmp_path: Path) -> None:
    assert run(tmp_path, "exports.handler = () => new Promise(() => {});", [event()]).documents == [None]


@pytest.mark.parametrize(
    ("header", "value"),
    [("Lambda_Runtime_Client_Context", "{"), ("Lambda_Runtime_Cognito_Identity", "nonsense")],
)
def test_a_context_that_is_no_json_fails_its_event_only(tmp_path: Path, header: str, value: str) -> None:
    broken = event(b"1", **{header: value})
    ran = run(tmp_path, "exports.handler = async (event) => event;", [broken, event(b"2", SECOND)])
    assert ran.calls == ["next", "error", "next", "response", "next"]
    assert ran.documents[0]["errorType"] == "Runtime.LambdaContextUnmarshalError"


def test_an_identity_is_given(tmp_path: Path) -> None:
    identity = '{"cognitoIdentityId":"one","cognitoIdentityPoolId":"two"}'
    source = "exports.handler = async (event, context) => context.identity;"
    ran = run(tmp_path, source, [event(Lambda_Runtime_Cognito_Identity=identity)])
    assert ran.documents == [json.loads(identity)]


STREAM = """
    exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {
      if (event === 'prelude') {
        stream = awslambda.HttpResponseStream.from(stream, { statusCode: 418, headers: { a: 'b' } });
      }
      if (event === 'type') stream.setContentType('text/plain');
      if (event === 'nothing') throw new TypeError('before the first byte');
      stream.write('begin ');
      if (event === 'break') throw new TypeError('after it');
      if (event !== 'open') stream.end('end');
    });
"""


def test_a_stream_is_sent_in_chunks(tmp_path: Path) -> None:
    request = run(tmp_path, STREAM, [event(b'"type"')]).posts[0]
    assert request.body == b"begin end"
    assert request.headers["content-type"] == "text/plain"
    assert request.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert "content-length" not in request.headers


def test_a_stream_that_its_handler_leaves_open_ends_with_it(tmp_path: Path) -> None:
    assert run(tmp_path, STREAM, [event(b'"open"')]).posts[0].body == b"begin "


def test_the_prelude_of_an_http_response_comes_first(tmp_path: Path) -> None:
    request = run(tmp_path, STREAM, [event(b'"prelude"')]).posts[0]
    assert request.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
    prelude, _, body = request.body.partition(bytes(8))
    assert json.loads(prelude) == {"statusCode": 418, "headers": {"a": "b"}}
    assert body == b"begin end"


def test_an_error_before_a_stream_is_an_error(tmp_path: Path) -> None:
    ran = run(tmp_path, STREAM, [event(b'"nothing"')])
    assert ran.calls == ["next", "error", "next"]
    assert ran.documents[0]["errorType"] == "TypeError"


def test_an_error_in_a_stream_is_told_behind_it(tmp_path: Path) -> None:
    request = run(tmp_path, STREAM, [event(b'"break"')]).posts[0]
    assert request.body == b"begin "
    assert request.trailers["lambda-runtime-function-error-type"] == "Function.TypeError"


def test_an_answer_that_is_refused_is_logged(tmp_path: Path) -> None:
    refusal = answer(413, b'{"errorMessage":"too large"}')
    ran = run(tmp_path, "exports.handler = async () => 'x';", [event(), event(request_id=SECOND)], (refusal,))
    assert ran.calls == ["next", "response", "next", "response", "next"]
    assert 'the response was refused with 413: {"errorMessage":"too large"}' in ran.out


def test_without_a_runtime_api_it_says_what_it_is(tmp_path: Path) -> None:
    ran = run(tmp_path, "", [], ends=True, AWS_LAMBDA_RUNTIME_API="")
    assert ran.code == 1
    assert "AWS_LAMBDA_RUNTIME_API is not set" in ran.err
