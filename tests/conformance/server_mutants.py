"""Wrong servers: each is ours with one small patch of its source, and breaks one requirement.

A patch replaces a text that occurs once in its file; a test sees to that, so patches do not rot.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["MUTANTS", "Mutant"]


class Mutant(NamedTuple):
    """One wrong server, and the case that names the requirement it breaks."""

    name: str
    case: str
    module: str
    old: str
    new: str


API = "runtime_api.web.runtime"
REPLIES = "runtime_api.web.replies"
WIRE = "runtime_api.protocol.wire"
ERRORS = "runtime_api.protocol.errors"
FAULTS = "runtime_api.protocol.faults"
MACHINE = "runtime_api.protocol.lifecycle"
RECORDS = "runtime_api.protocol.platform_events"
ATTEMPTS = "runtime_api.protocol.attempts"
LIMITS = "runtime_api.protocol.limits"
HTTP = "runtime_api.web.http1"
READER = "runtime_api.web.reader"
FRONT = "runtime_api.web.front"
INVOKE = "runtime_api.web.invoke"
INVOKER = "runtime_api.engine.invoker"
ENVIRONMENT = "runtime_api.engine.environment"
PROCESS = "runtime_api.sandbox.process"
VARIABLES = "runtime_api.service.variables"
RIE = "runtime_api.commands.rie"

_TRY = "        after = self._moves[self.runtime].get(move)\n        if after is None:\n            self._effects.append(fx.Refuse("
_CLAIM = "        if attempt is None or attempt.invocation.request_id != request_id:\n"
_STATES = {
    "started": "STARTED",
    "init-error": "INIT_ERROR",
    "ready": "READY",
    "running": "RUNNING",
    "responding": "RESPONSE",
    "failing": "ERROR_RESPONSE",
    "responded": "RESPONSE_SENT",
}
_CALLS = {"next": "NEXT", "init-error": "INIT_ERROR", "response": "RESPONSE", "error": "ERROR"}


def _allowing(state: str, call: str) -> Mutant:
    """A call that the state forbids is answered as if it were allowed."""
    condition = f'(self.runtime.name, move.name) == ("{_STATES[state]}", "{_CALLS[call]}")'
    new = f"        if {condition}:\n            self._effects.append(fx.Accept(call))\n            return False\n{_TRY}"
    return Mutant(f"{call} is accepted when {state}", f"server/states/{state}-{call}", MACHINE, _TRY, new)


def _any_id(state: str, call: str) -> Mutant:
    """A wrong id is not noticed in one state."""
    condition = f'(self.runtime.name, move.name) == ("{_STATES[state]}", "{_CALLS[call]}")'
    wrong = "(attempt is None or attempt.invocation.request_id != request_id)"
    new = f"        if {condition} and {wrong}:\n            self._effects.append(fx.Accept(call))\n            return None\n{_CLAIM}"
    suffix = "" if state in ("started", "init-error", "ready") else "-of-another-id"
    return Mutant(f"{call} takes any id when {state}", f"server/states/{state}-{call}{suffix}", MACHINE, _CLAIM, new)


_CELLS = [
    *(_allowing(state, "next") for state in ("init-error", "responding", "failing")),
    *(_allowing(s, "init-error") for s in ("init-error", "ready", "running", "responding", "failing", "responded")),
    *(_allowing(s, call) for s in ("responding", "failing", "responded") for call in ("response", "error")),
    *(_any_id(state, call) for state in _STATES for call in ("response", "error")),
]

_HTTP = [
    Mutant("no ping", "server/transport/ping", API, '            wire.PING.encode(): (b"GET", self._ping),\n', ""),
    Mutant("404 in other words", "server/transport/unknown-path", REPLIES, 'b"404 page not found\\n"', 'b"nothing here\\n"'),
    Mutant("a trailing slash is the same path", "server/transport/trailing-slash", API, "        route = self._routes.get(exchange.path)\n", "        route = self._routes.get(exchange.path.rstrip(b'/'))\n"),
    Mutant("405 is 404", "server/transport/wrong-method", REPLIES, "    return PlainReply(405,", "    return PlainReply(404,"),
    Mutant("no Allow with 405", "server/transport/wrong-method", REPLIES, 'f"Allow: {allowed}\\r\\n"', '""'),
    Mutant("HEAD is GET", "server/transport/head-is-not-get", API, "        if route is not None and exchange.method == route[0]:", '        if route is not None and (exchange.method == route[0] or exchange.method == b"HEAD" and route[0] == b"GET"):'),
    Mutant("any method is the right one", "server/transport/wrong-method", API, "        if route is not None and exchange.method == route[0]:", "        if route is not None:"),
    Mutant("a query makes another path", "server/transport/query-ignored", READER, '        path, _, query = self._url.partition(b"?")', '        path, query = self._url, b""'),
    Mutant("every version is served", "server/transport/other-version-prefix", API, "        route = self._routes.get(exchange.path)\n", "        route = self._routes.get(b'/2018-06-01' + exchange.path[11:])\n"),
    Mutant("no 100 Continue", "server/transport/expect-continue", HTTP, "            transport.write(CONTINUE)", "            pass"),
    Mutant("every connection is closed after its answer", "server/transport/http-1-0-keep-alive", HTTP, "        if not exchange.complete and exchange.expects_continue and not exchange.continued:", "        exchange.close = exchange.close or exchange.old\n        if not exchange.complete and exchange.expects_continue and not exchange.continued:"),
    Mutant("Connection: close is ignored", "server/transport/connection-close", READER, "        close = not parser.should_keep_alive()", '        close = not parser.should_keep_alive() and parser.get_http_version() == "1.0"'),
    Mutant("HTTP/1.0 connections stay open", "server/transport/http-1-0-response", READER, "        close = not parser.should_keep_alive()", '        close = not parser.should_keep_alive() and parser.get_http_version() != "1.0"'),
    Mutant("garbage closes without 400", "server/transport/not-http", READER, "            except HttpParserError:\n                self._fail(BAD_REQUEST)", "            except HttpParserError:\n                self.end()"),
    Mutant("browsers are served when they send Origin", "server/transport/browser-origin", API, '        if b"origin" in headers or b"sec-fetch-site" in headers:', '        if b"sec-fetch-site" in headers:'),
    Mutant("browsers are served when they send Sec-Fetch-Site", "server/transport/browser-fetch", API, '        if b"origin" in headers or b"sec-fetch-site" in headers:', '        if b"origin" in headers:'),
    Mutant("Host is looked at", "server/transport/any-host", API, '        if b"origin" in headers or b"sec-fetch-site" in headers:', '        if b"origin" in headers or b"sec-fetch-site" in headers or not headers.get(b"host", b"a").startswith((b"127.", b"a")):'),
    Mutant("header names are case-sensitive", "server/transport/header-names-any-case", READER, "        self._headers.setdefault(name.lower(), value)", '        self._headers.setdefault(name.lower() if not name.isupper() or b"-" not in name else name, value)'),
    Mutant("an odd content type is refused", "server/transport/headers-never-refused", API, '        if b"origin" in headers or b"sec-fetch-site" in headers:', '        if b"origin" in headers or b"sec-fetch-site" in headers or headers.get(b"content-type") == b"not a type":'),
    Mutant("a body on next is the next request", "server/transport/body-on-next", API, "    def _next(self, exchange: Exchange) -> None:\n", "    def _next(self, exchange: Exchange) -> None:\n        if exchange.size:\n            return _refuse(exchange, FORBIDDEN_ORIGIN)\n"),
    Mutant("chunk extensions are not understood", "server/transport/chunk-extensions-and-trailers", API, "    trailers = exchange.trailers\n    if not trailers:", "    trailers = exchange.trailers\n    if trailers and not (trailers.keys() - {b'x-sum'}):\n        return ev.BodyFinished(exchange, b'', content_type)\n    if not trailers:"),
    Mutant("a chunked response arrives empty", "server/transport/chunked-response", API, "        return ev.BodyFinished(exchange, exchange.body, content_type)", '        late = exchange.headers.get(b"transfer-encoding") and exchange.size < 20 and exchange.path.endswith(b"response")\n        return ev.BodyFinished(exchange, b"" if late else exchange.body, content_type)'),
    Mutant("a chunked error arrives empty", "server/transport/chunked-error", API, "        return ev.BodyFinished(exchange, exchange.body, content_type)", '        late = exchange.headers.get(b"transfer-encoding") and exchange.path.endswith(b"error")\n        return ev.BodyFinished(exchange, b"" if late else exchange.body, content_type)'),
    Mutant("a POST without length is refused", "server/transport/post-without-length", API, "    def _head(self, exchange: Exchange) -> ev.ResponseStarted | ev.ErrorStarted | None:\n", "    def _head(self, exchange: Exchange) -> ev.ResponseStarted | ev.ErrorStarted | None:\n        if not {b'content-length', b'transfer-encoding'} & exchange.headers.keys():\n            return None\n"),
    Mutant("accepted before the body has come", "server/transport/accepted-after-whole-body", API, "            exchange.context = event\n            self._post(event)", "            exchange.context = event\n            self._post(event)\n            if exchange.headers.get(b'content-length') == b'4' and not exchange.answered:\n                exchange.reply(202, replies.JSON, wire.ACCEPTED)"),
    Mutant("a request with a pipelined one behind it is not answered", "server/transport/pipelined", HTTP, "        if exchange.answered and exchange.complete and not exchange.close:\n            self._current = None\n            return True", "        if exchange.answered and exchange.complete and not exchange.close:\n            self._current = None\n            self._arrived.clear()\n            return True"),
    Mutant("restore/next is there", "server/states/restore-next-is-absent", API, '            wire.PING.encode(): (b"GET", self._ping),\n', '            wire.PING.encode(): (b"GET", self._ping),\n            b"/2018-06-01/runtime/restore/next": (b"GET", self._ping),\n'),
    Mutant("restore/error is there", "server/states/restore-error-is-absent", API, '            wire.PING.encode(): (b"GET", self._ping),\n', '            wire.PING.encode(): (b"GET", self._ping),\n            b"/2018-06-01/runtime/restore/error": (b"POST", self._ping),\n'),
]

_NEXT = [
    *(
        Mutant(f"no {header}", f"server/next/{case}", WIRE, f'f"{header}: {{{value}}}\\r\\n"', '""')
        for header, value, case in (
            ("Lambda-Runtime-Deadline-Ms", "deadline_ms", "next-headers"),
            ("Lambda-Runtime-Trace-Id", "_one_line(invocation.trace)", "next-trace-root"),
            ("Lambda-Runtime-Invocation-Id", "invocation.invocation_id", "next-invocation-id"),
            ("Lambda-Runtime-Client-Context", "_one_line(invocation.client_context)", "next-client-context"),
            ("Lambda-Runtime-Aws-Tenant-Id", "_one_line(invocation.tenant_id)", "next-tenant"),
        )
    ),
    Mutant("no ARN", "server/next/next-headers", WIRE, 'f"Lambda-Runtime-Invoked-Function-Arn: {invocation.function_arn}\\r\\n"', '"Lambda-Runtime-Invoked-Function-Arn: function\\r\\n"'),
    Mutant("the deadline in seconds", "server/next/next-headers", WIRE, "Lambda-Runtime-Deadline-Ms: {deadline_ms}", "Lambda-Runtime-Deadline-Ms: {deadline_ms // 1000}"),
    Mutant("the deadline without the timeout", "server/next/next-headers", MACHINE, "int(epoch_ms + (now - accepted) + timeout)", "int(epoch_ms + (now - accepted))"),
    Mutant("the trace is not the caller's", "server/next/next-trace-passed", INVOKER, "trace_header(request.trace)", "trace_header(None)"),
    Mutant("the caller's content type", "server/next/next-content-type", INVOKER, '        payload = request.payload or b"{}"', '        payload = request.payload or b"{}"\n        if request.tenant_id:\n            raise self.too_large()'),
    Mutant("events have no content type", "server/next/next-headers", WIRE, '        "Content-Type: application/json\\r\\n"\n', '        "Content-Type: text/plain\\r\\n"\n'),
    Mutant("empty headers are sent", "server/next/next-without-optional-headers", WIRE, "    if invocation.client_context:\n", '    if not invocation.client_context:\n        lines += "Lambda-Runtime-Client-Context: {}\\r\\n"\n    if invocation.client_context:\n'),
    Mutant("the client context comes in base64", "server/next/next-client-context", INVOKER, "            )\n        return text\n" if False else "            ) from None\n        return text\n", "            ) from None\n        return given\n"),
    Mutant("the event is written anew", "server/next/event-verbatim", INVOKER, '        check_json(payload)\n        invocation', '        check_json(payload)\n        payload = payload.strip() if payload[:1] == b"{" else payload\n        invocation'),
    Mutant("an event has to be an object", "server/next/event-of-any-json-type", INVOKER, '        check_json(payload)\n        invocation', '        check_json(payload)\n        if payload == b"null":\n            raise _not_json("null")\n        invocation'),
    Mutant("an empty event stays empty", "server/next/event-empty", INVOKER, '        payload = request.payload or b"{}"\n        check_json(payload)', '        payload = request.payload\n        check_json(payload or b"{}")'),
    Mutant("an event is cut at 64 KB", "server/next/event-medium", INVOKER, '        check_json(payload)\n        invocation', '        check_json(payload)\n        payload = payload[:65536]\n        invocation'),
    Mutant("events over 4 MB are refused", "server/next/event-at-limit", INVOKER, "        if len(request.payload) > size:", "        if len(request.payload) > min(size, 1 << 22):"),
    Mutant("next again brings nothing", "server/states/running-next", MACHINE, "            self._hand_out(event.call, self._attempt)\n            return\n", "            self._parked.append(event.call)\n            return\n"),
    Mutant("two polls get the one event", "server/next/two-parallel-nexts", MACHINE, "            self._hand_out(self._parked.popleft(), self._attempt)", "            while self._parked:\n                self._hand_out(self._parked.popleft(), self._attempt)"),
    Mutant("the second poll is forgotten", "server/next/two-nexts-two-events", MACHINE, "            self._hand_out(self._parked.popleft(), self._attempt)", "            self._hand_out(self._parked.popleft(), self._attempt)\n            self._parked.clear()"),
    Mutant("a poll whose client has gone takes the event", "server/next/abandoned-poll", MACHINE, "            self._parked.remove(event.call)", "            pass"),
    Mutant("invocation ids are always the same", "server/next/next-invocation-id", INVOKER, "            invocation_id(),\n", '            "8476a536-e9f4-11e8-9739-2dfe598c3fce",\n'),
    Mutant("request ids are always the same", "server/log/log-request-ids", INVOKER, "            uuid4(),\n", '            "8476a536-e9f4-11e8-9739-2dfe598c3fce",\n'),
]

_WORDS = [
    Mutant("accepted without a newline", "server/basics/accepted-response", WIRE, """ACCEPTED = b'{"status":"OK"}\\n'""", """ACCEPTED = b'{"status":"OK"}'"""),
    Mutant("accepted as plain text", "server/basics/accepted-response", API, "call.reply(replies.ACCEPTED, replies.JSON, wire.ACCEPTED)", "call.reply(replies.ACCEPTED, replies.PLAIN, wire.ACCEPTED)"),
    Mutant("an init error is answered with other words", "server/basics/accepted-init-error", API, "call.reply(replies.ACCEPTED, replies.JSON, wire.ACCEPTED)", 'call.reply(replies.ACCEPTED, replies.JSON, b"{}" if b"init" in call.path else wire.ACCEPTED)'),
    Mutant("an error is answered with other words", "server/basics/accepted-error", API, "call.reply(replies.ACCEPTED, replies.JSON, wire.ACCEPTED)", 'call.reply(replies.ACCEPTED, replies.JSON, b"{}" if call.path.endswith(b"/error") else wire.ACCEPTED)'),
    Mutant("an invalid id in other words", "server/basics/words-of-an-invalid-id", ERRORS, '"Invalid request ID"', '"Bad request ID"'),
    Mutant("an invalid transition in other words", "server/basics/words-of-an-invalid-transition", WIRE, '    document = {"errorMessage": refusal.message, "errorType": refusal.error_type}', '    document = {"errorType": refusal.error_type, "errorMessage": refusal.message}\n    if refusal.error_type != "InvalidStateTransition":\n        document = {"errorMessage": refusal.message, "errorType": refusal.error_type}'),
    Mutant("an invalid mode in other words", "server/basics/words-of-an-invalid-mode", ERRORS, '"Invalid function response mode"', '"Invalid mode"'),
    Mutant("a truncated body in other words", "server/basics/words-of-a-truncated-body", ERRORS, '"HTTP request detected as truncated"', '"Truncated"'),
    Mutant("a large response in other words", "server/basics/words-of-a-large-response", ERRORS, "Exceeded maximum allowed payload size (", "Too large ("),
    Mutant("a wrong invocation id in other words", "server/basics/words-of-a-wrong-invocation-id", ERRORS, '"Invoke timeout"', '"Gone"'),
    Mutant("ids are compared by their beginning", "server/order/wrong-id-while-running", MACHINE, "attempt.invocation.request_id != request_id:\n", "not request_id.startswith(attempt.invocation.request_id):\n"),
    Mutant("an empty id is not found", "server/transport/empty-id", API, "        if word not in _ANSWERS or self._is_foreign(exchange):", "        if not request_id or word not in _ANSWERS or self._is_foreign(exchange):"),
    Mutant("the last invocation's id is taken, too", "server/order/id-of-the-invocation-before", MACHINE, _CLAIM, "        if attempt is not None and attempt.invocation.request_id != request_id and request_id == getattr(self, '_before', None):\n            self._effects.append(fx.Accept(call))\n            return None\n        if attempt is not None:\n            self._before = attempt.invocation.request_id\n" + _CLAIM),
    Mutant("the state is looked at before the id", "server/states/responded-response-of-another-id", MACHINE, _CLAIM, "        if attempt is not None and attempt.answered and self._moves[self.runtime].get(move) is None:\n            self._try_move(move, call)\n            return None\n" + _CLAIM),
    Mutant("the mode is looked at before the id", "server/order/id-before-header", MACHINE, "        attempt = self._claim(event.call, event.request_id, event.invocation_id, Move.RESPONSE)\n", "        if event.mode not in (None, STREAMING) and self._attempt and self._attempt.invocation.request_id != event.request_id:\n            self._effects.append(fx.Refuse(event.call, INVALID_RESPONSE_MODE))\n            return\n        attempt = self._claim(event.call, event.request_id, event.invocation_id, Move.RESPONSE)\n"),
    Mutant("the mode is looked at before the state", "server/order/state-before-header", MACHINE, "        attempt = self._claim(event.call, event.request_id, event.invocation_id, Move.RESPONSE)\n", "        if event.mode not in (None, STREAMING) and self.runtime is RuntimeState.RESPONSE_SENT:\n            self._effects.append(fx.Refuse(event.call, INVALID_RESPONSE_MODE))\n            return\n        attempt = self._claim(event.call, event.request_id, event.invocation_id, Move.RESPONSE)\n"),
    Mutant("a wrong invocation id is not noticed", "server/order/invocation-id-wrong", MACHINE, "        elif invocation_id is not None and invocation_id != attempt.invocation.invocation_id:", "        elif False:"),
    Mutant("the right invocation id is refused", "server/order/invocation-id-echoed", MACHINE, "        elif invocation_id is not None and invocation_id != attempt.invocation.invocation_id:", "        elif invocation_id is not None:"),
    Mutant("the invocation id is looked at after the state", "server/order/invocation-id-in-order", MACHINE, "        elif invocation_id is not None and invocation_id != attempt.invocation.invocation_id:", "        elif invocation_id is not None and invocation_id != attempt.invocation.invocation_id and not attempt.answered:"),
]

_BODIES = [
    Mutant("a response has to be JSON", "server/response/response-plain-text", API, "        return ev.BodyFinished(exchange, exchange.body, content_type)", '        plain = content_type == "text/plain" and exchange.size == 7\n        return ev.BodyFinished(exchange, b"null" if plain else exchange.body, content_type)'),
    Mutant("a response has to be UTF-8", "server/response/response-any-bytes", API, "        return ev.BodyFinished(exchange, exchange.body, content_type)", '        return ev.BodyFinished(exchange, exchange.body.decode("utf-8", "replace").encode(), content_type)'),
    Mutant("an empty response is null", "server/response/response-empty", API, "        return ev.BodyFinished(exchange, exchange.body, content_type)", '        empty = exchange.headers.get(b"content-length") == b"0" and exchange.path.endswith(b"response")\n        return ev.BodyFinished(exchange, b"null" if empty else exchange.body, content_type)'),
    Mutant("the limit is a byte lower", "server/response/response-at-limit", READER, "int(length) > self._body_bytes:", "int(length) >= self._body_bytes:"),
    Mutant("the limit is a byte higher", "server/response/response-over-limit", READER, "int(length) > self._body_bytes:", "int(length) > self._body_bytes + 1:"),
    Mutant("the limit of a chunked body is a byte lower", "server/response/response-at-limit-chunked", READER, "self._parsing.add(chunk, self._body_bytes)", "self._parsing.add(chunk, self._body_bytes - (b'transfer-encoding' in self._parsing.headers))"),
    Mutant("a chunked body has no limit", "server/response/response-over-limit-chunked", READER, "self._parsing.add(chunk, self._body_bytes)", "self._parsing.add(chunk, self._body_bytes + 9 * (b'transfer-encoding' in self._parsing.headers))"),
    Mutant("after a response that is too large next is refused", "server/response/response-over-limit", MACHINE, "            self._move(Move.TOO_LARGE)\n", ""),
    Mutant("too large in other words for the caller", "server/response/response-over-limit", FAULTS, '"Response payload size exceeded maximum', '"Response payload exceeded maximum'),
    Mutant("no streaming mode", "server/response/response-mode-streaming", MACHINE, "        if event.mode is None or event.mode == STREAMING:", "        if event.mode is None:"),
    Mutant("every mode is taken", "server/response/response-mode-unknown", MACHINE, "        if event.mode is None or event.mode == STREAMING:", "        if event.mode or event.mode is None:"),
    Mutant("the mode in any case", "server/response/response-mode-case", MACHINE, "        if event.mode is None or event.mode == STREAMING:", "        if event.mode is None or event.mode.lower() == STREAMING:"),
    Mutant("a wrong mode is forgiven", "server/response/response-mode-unknown", MACHINE, "        self._move(Move.BAD_MODE)\n", "        self.runtime = RuntimeState.RESPONSE_SENT\n"),
    Mutant("after a wrong mode the caller waits for the timeout", "server/response/response-mode-unknown-until-deadline", MACHINE, "        self._fail(Fault(ErrorType.INVALID_RESPONSE_MODE, message), fx.Status.ERROR, now)", "        del message"),
    Mutant("error trailers are dropped", "server/response/streaming-error-trailers", API, "    trailers = exchange.trailers\n", "    trailers = None\n"),
    Mutant("the trailers' error stays base64", "server/response/streaming-error-trailers", API, "        return base64.b64decode(value, validate=True)", "        return value"),
    Mutant("a body cut short is taken for whole", "server/response/response-cut-short", API, "        if exchange.context is not None:\n            self._post(ev.BodyTruncated(exchange))", "        if exchange.context is not None:\n            self._post(ev.BodyFinished(exchange, exchange.body, None))"),
    Mutant("a body cut short is not answered", "server/response/response-cut-short", MACHINE, "            self._effects.append(fx.Refuse(event.call, TRUNCATED_REQUEST))\n", ""),
    Mutant("of a body cut short the caller is not told", "server/response/response-cut-short-close", MACHINE, '            self._fail(fault, fx.Status.ERROR, now)\n\n    def _is_answering', "            del fault\n\n    def _is_answering"),
    Mutant("error bodies are written anew", "server/error/error-verbatim", ENVIRONMENT, "        payload = wire.error_body(outcome.body, outcome.content_type, outcome.error_type)", "        payload = wire.error_body(outcome.body.replace(b' ', b''), outcome.content_type, outcome.error_type)"),
    Mutant("error bodies have to be JSON", "server/error/error-malformed", WIRE, "    return body or default_error_document(error_type)", '    return default_error_document(error_type) if body.endswith(b"oops") or not body else body'),
    Mutant("an empty error stays empty", "server/error/error-empty", WIRE, "    return body or default_error_document(error_type)", "    return body"),
    Mutant("the default error has no type", "server/error/error-empty-with-type", WIRE, '        document["errorType"] = error_type\n', "        pass\n"),
    Mutant("an odd error type is refused", "server/error/error-type-any-string", MACHINE, "        attempt = self._claim(event.call, event.request_id, event.invocation_id, Move.ERROR)\n", "        if event.error_type and ',' in event.error_type:\n            self._effects.append(fx.Refuse(event.call, INVALID_REQUEST_ID))\n            return\n        attempt = self._claim(event.call, event.request_id, event.invocation_id, Move.ERROR)\n"),
    Mutant("an error ends the runtime", "server/error/error-keeps-the-runtime", MACHINE, "        self._move(Move.FINISHED)\n        self._effects.append(fx.Accept(event.call))\n        self._complete(outcome, now)", "        failed = self.runtime is RuntimeState.ERROR_RESPONSE\n        self._move(Move.FINISHED)\n        self._effects.append(fx.Accept(event.call))\n        self._complete(outcome, now)\n        if failed:\n            self._effects.append(fx.Stop(RUNTIME))"),
    Mutant("an error's mode is validated", "server/error/error-mode-not-validated", API, "        error_type = _text(get(wire.ERROR_TYPE_HEADER))\n        return ev.ErrorStarted", "        if get(wire.RESPONSE_MODE_HEADER):\n            return None\n        error_type = _text(get(wire.ERROR_TYPE_HEADER))\n        return ev.ErrorStarted"),
    Mutant("the cause reaches the caller", "server/error/error-cause-document", WIRE, '("errorMessage", "errorType", "stackTrace")', '("errorMessage", "errorType", "stackTrace", "errorCause")'),
    Mutant("the stack does not reach the caller", "server/error/error-cause-document", WIRE, '("errorMessage", "errorType", "stackTrace")', '("errorMessage", "errorType")'),
    Mutant("a malformed cause is passed on", "server/error/error-cause-malformed", WIRE, """        return b'"Invalid error body"'""", "        return body"),
    Mutant("heads are limited to 64 KB", "server/error/error-large-xray-cause", READER, "HEAD_BYTES = 1_052_672", "HEAD_BYTES = 65_536"),
    Mutant("an X-Ray cause has to be JSON", "server/error/error-xray-cause", API, "        error_type = _text(get(wire.ERROR_TYPE_HEADER))\n        return ev.ErrorStarted", "        if get(b'lambda-runtime-function-xray-error-cause') == b'not json':\n            return None\n        error_type = _text(get(wire.ERROR_TYPE_HEADER))\n        return ev.ErrorStarted"),
]

_CALLER = [
    Mutant("no executed version", "server/invoke/caller-headers", INVOKE, 'f"{replies.JSON}X-Amz-Executed-Version: {accepted.function.version}\\r\\n"', 'f"{replies.JSON}"'),
    Mutant("no request id for the caller", "server/invoke/caller-headers", INVOKE, 'f"x-amzn-RequestId: {result.request_id}\\r\\n"', '""'),
    Mutant("no function error", "server/error/error-verbatim", INVOKE, "    if result.function_error is not None:", "    if False:"),
    Mutant("function errors are Handled", "server/error/error-verbatim", INVOKE, "X-Amz-Function-Error: {result.function_error}", "X-Amz-Function-Error: Handled"),
    Mutant("a crash is a 502", "server/invoke/exit-code-in-invoke", INVOKE, "    return PlainReply(replies.OK, headers, result.payload)", '    crashed = b"Runtime.ExitError" in result.payload\n    return PlainReply(500 if crashed else replies.OK, headers, result.payload)'),
    Mutant("an exit with 0 has another text", "server/invoke/exit-zero-in-invoke", FAULTS, "    if status.code == 0:", "    if status.code == 0 and False:"),
    Mutant("an exit's code is not told", "server/invoke/exit-code-in-invoke", FAULTS, "Runtime exited with error: exit status {status.code}", "Runtime exited with error"),
    *(
        Mutant(f"{name} has another name", f"server/invoke/{case}", FAULTS, f'    {number}: "{name}",\n', f'    {number}: "SIG",\n')
        for number, name, case in (
            (6, "aborted", "aborted-in-invoke"),
            (9, "killed", "killed-in-invoke"),
            (11, "segmentation fault", "segmentation-fault-in-invoke"),
            (15, "terminated", "terminated-in-invoke"),
        )
    ),
    Mutant("the timeout's seconds have no decimals", "server/invoke/timeout-in-invoke", FAULTS, "{timeout_ms / 1000:.2f}", "{timeout_ms / 1000:.0f}"),
    Mutant("a timeout has another type", "server/invoke/timeout-in-invoke", ERRORS, 'TIMED_OUT = "Sandbox.Timedout"', 'TIMED_OUT = "Sandbox.Timeout"'),
    Mutant("the timeout is half as long", "server/invoke/timeout-in-invoke", MACHINE, "        self._effects.append(fx.SetTimer(fx.Timer.DEADLINE, now + timeout))", "        self._effects.append(fx.SetTimer(fx.Timer.DEADLINE, now + timeout / 2))"),
    Mutant("no timeout while a response is on its way", "server/invoke/timeout-with-half-a-response", MACHINE, "        elif event.timer is fx.Timer.DEADLINE and self.phase is Phase.INVOKE:", "        elif event.timer is fx.Timer.DEADLINE and self.phase is Phase.INVOKE and self._answering is None:"),
    Mutant("a crash after the response undoes it", "server/invoke/exit-after-response", ENVIRONMENT, "            job.future.set_result(_result(effect.outcome, tail))", "            self._loop.call_later(0.3, lambda: job.future.done() or job.future.set_result(_result(effect.outcome, tail)))\n            if effect.outcome.status is not fx.Status.ERROR and effect.outcome.body == b'\"stands\"':\n                job.future.set_result(_result(effect.outcome._replace(body=b'gone'), tail))"),
    Mutant("callers are answered when next comes", "server/invoke/caller-answered-before-next", ENVIRONMENT, "            job.future.set_result(_result(effect.outcome, tail))", "            held = effect.outcome.body in (b'\"early\"', b'\"stands\"')\n            self._loop.call_later(30 if held else 0, lambda: job.future.done() or job.future.set_result(_result(effect.outcome, tail)))"),
    Mutant("an entrypoint that is not there has another type", "server/invoke/no-such-command", PROCESS, 'return ErrorType.INVALID_ENTRYPOINT, f"fork/exec {launch.argv[0]}: {reason}"', 'return ErrorType.EXIT_ERROR, f"fork/exec {launch.argv[0]}: {reason}"'),
    Mutant("why a command does not start is not told", "server/invoke/command-not-executable", PROCESS, 'return ErrorType.INVALID_ENTRYPOINT, f"fork/exec {launch.argv[0]}: {reason}"', 'return ErrorType.INVALID_ENTRYPOINT, "it does not start"'),
    Mutant("no bootstrap in other words", "server/invoke/no-bootstrap", PROCESS, "Couldn't find valid bootstrap(s)", "No bootstrap"),
    Mutant("a payload need not be JSON", "server/invoke/invoke-not-json", INVOKER, '        check_json(payload)\n        invocation', "        invocation"),
    Mutant("NaN is JSON", "server/invoke/invoke-almost-json", INVOKER, "    raise ValueError(f\"{name} is not JSON\")", "    return name"),
    Mutant("a client context is not checked", "server/invoke/invoke-bad-client-context", INVOKER, "            text = base64.b64decode(given, validate=True).decode()\n            check_json(text.encode())", "            text = base64.b64decode(given + '==').decode('utf-8', 'replace')\n            return text"),
    Mutant("every function is known", "server/invoke/invoke-unknown-function", INVOKER, "        served = self._served.get(request.function)\n", '        served = self._served.get(request.function) or self._served["function"]\n'),
    Mutant("a dry run runs", "server/invoke/invoke-dry-run", FRONT, "        if request.type == DRY_RUN:", "        if request.type == DRY_RUN and False:"),
    Mutant("an event is answered when it is done", "server/invoke/invoke-event", FRONT, "        if request.type == EVENT:", "        if request.type == EVENT and False:"),
    Mutant("only one name", "server/invoke/invoke-by-its-name", RIE, "        also_known_as=frozenset({\"function\"}),", "        also_known_as=frozenset({\"function\"}),", ),
    Mutant("a second caller is throttled", "server/invoke/second-invoke-waits", RIE, "        patience=CURRENT.waiting_invocations,", "        patience=0,"),
    Mutant("no log tail", "server/invoke/log-tail", INVOKE, "    if result.log_tail:", "    if False:"),
    Mutant("the log tail unasked", "server/invoke/caller-headers", INVOKER, "        return pool.submit(invocation, request.log_type == TAIL, patience)", "        return pool.submit(invocation, True, patience)"),
    Mutant("the log tail has no limit", "server/invoke/log-tail-is-short", ENVIRONMENT, "            del self._tail[: -self._plan.limits.log_tail_bytes]", "            del self._tail[:-100000]"),
]

_LIFE = [
    Mutant("the runtime starts unasked", "server/transport/runtime-starts-with-first-invocation", RIE, "        init_ms=None,", "        init_ms=10_000,"),
    Mutant("an init error ends the init", "server/states/started-init-error", MACHINE, "            self._init.error = event\n            self._effects.append(fx.Accept(event.call))", "            self._init.error = event\n            self._effects.append(fx.Accept(event.call))\n            self._effects.append(fx.Stop(RUNTIME))"),
    Mutant("the exit tells more than the init error", "server/lifecycle/init-error-then-exit", MACHINE, "        if init is not None and init.error is not None:", "        if False:"),
    Mutant("children live on after an exit", "server/invoke/exit-with-child-in-invoke", PROCESS, "        self.signal(signal.SIGKILL)\n        for pipe in self._pipes:\n            pipe.read_available()\n        self._timer", "        for pipe in self._pipes:\n            pipe.read_available()\n        self._timer"),
    Mutant("a reset sends SIGTERM", "server/lifecycle/reset-without-sigterm", ENVIRONMENT, "        self._sandbox.signal(effect.name, signal.SIGKILL)", "        self._sandbox.signal(effect.name, signal.SIGTERM)\n        self._loop.call_later(0.2, self._sandbox.signal, effect.name, signal.SIGKILL)"),
    Mutant("a reset kills nobody", "server/invoke/timeout-in-invoke", ENVIRONMENT, "        self._sandbox.signal(effect.name, signal.SIGKILL)", "        pass"),
    Mutant("an exit while idle fails the next", "server/invoke/exit-while-idle", MACHINE, "        if self._waiting is not None:\n            self._begin_invoke(now)\n\n    def _timer", "        self._idle_exit = fault\n        if self._waiting is not None:\n            self._begin_invoke(now)\n\n    def _timer"),
    Mutant("init does not count against the timeout", "server/lifecycle/init-timeout", MACHINE, "        elif event.timer is fx.Timer.DEADLINE and self.phase is Phase.INVOKE:", "        elif event.timer is fx.Timer.DEADLINE and self.phase is Phase.INVOKE and self._init is None:"),
]

_PLACE = [
    *(
        Mutant(f"no {name}", f"server/environment/{case}", VARIABLES, f'        "{name}": ', f'        "X_{name}": ')
        for name, case in (
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "environment-variables"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "environment-log-names"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "environment-execution"),
            ("AWS_XRAY_CONTEXT_MISSING", "environment-xray"),
            ("LANG", "environment-defaults"),
            ("_HANDLER", "environment-handler"),
        )
    ),
    Mutant("no credentials", "server/environment/environment-credentials", VARIABLES, "{} if FALSE_CREDENTIALS.keys() & function.variables.keys() else FALSE_CREDENTIALS", "{}"),
    Mutant("the caller's variables win", "server/environment/environment-of-the-caller", VARIABLES, "        **function.variables,\n        **_reserved(function, places),", "        **_reserved(function, places),\n        **function.variables,\n        'AWS_LAMBDA_RUNTIME_API': places.runtime_api,"),
    Mutant("the region is fixed", "server/environment/environment-configured", RIE, '        region=_given(region_name, REGION) or "us-east-1",', '        region="us-east-1",'),
    Mutant("the handler's variable is not looked at", "server/environment/environment-handler-variable", RIE, 'handler or own.get("AWS_LAMBDA_FUNCTION_HANDLER") or own.get("_HANDLER") or "function.handler"', 'handler and ("" if own.get("AWS_LAMBDA_FUNCTION_HANDLER") else handler) or "function.handler"'),
    Mutant("the runtime is in the server's session", "server/environment/process-place", PROCESS, "                start_new_session=True,", "                process_group=0,"),
    Mutant("stdin is inherited", "server/environment/process-descriptors", PROCESS, "                stdin=subprocess.DEVNULL,", "                stdin=subprocess.PIPE,"),
    Mutant("no limit of descriptors", "server/environment/process-limits", LIMITS, "open_files: int = 1024", "open_files: int = 1000"),
]

_LOG = [
    Mutant("no START", "server/log/log-of-the-function", RECORDS, 'f"START RequestId:', 'f"BEGIN RequestId:'),
    Mutant("no END", "server/log/log-of-the-function", RECORDS, 'f"END RequestId:', 'f"STOP RequestId:'),
    Mutant("no REPORT", "server/log/log-warm-invocation", RECORDS, 'f"REPORT RequestId:', 'f"REPORT Id:'),
    Mutant("no Init Duration", "server/log/log-first-invocation", RECORDS, "    if report.init_ms is not None:", "    if False:"),
    Mutant("Init Duration every time", "server/log/log-warm-invocation", RECORDS, "    if report.init_ms is not None:", "    report = report._replace(init_ms=report.init_ms or 0.0)\n    if report.init_ms is not None:"),
    Mutant("the memory is invented", "server/log/log-memory-is-measured", RECORDS, "{report.peak_memory_mb} MB", "{report.memory_mb} MB"),
    Mutant("no status in REPORT", "server/log/log-of-a-function-error", RECORDS, '    if report.status != "success":', "    if False:"),
    Mutant("no error type in REPORT", "server/log/log-of-a-function-error", RECORDS, '    if status == "timeout" or not error_type:', "    if error_type or not error_type:"),
    Mutant("a timeout is an error in REPORT", "server/log/log-of-a-timeout", RECORDS, '    if status == "timeout" or not error_type:', "    if not error_type:"),
    Mutant("no fault line", "server/log/log-of-a-crash", RECORDS, '    return f"{record.message}\\n{record.error_type}\\n"', '    return ""'),
    Mutant("no INIT_REPORT", "server/log/log-of-an-init-error", RECORDS, '    if record.status == "success":', "    if record:"),
    Mutant("any string is an error type", "server/log/log-error-type-sanitised", ATTEMPTS, "error_category(outcome.error_type)", "outcome.error_type"),
    Mutant("an unfinished line is lost", "server/log/log-of-an-unfinished-line", PROCESS, "            if pipe.unfinished:\n                pipe.tell_rest()", "            pass"),
    Mutant("what init prints is lost", "server/log/log-of-init", ENVIRONMENT, "                self._write(event.lines)", "                self._write(event.lines.replace(b'loading', b''))"),
]

MUTANTS = [mutant for mutant in [*_CELLS, *_HTTP, *_NEXT, *_WORDS, *_BODIES, *_CALLER, *_LIFE, *_PLACE, *_LOG] if mutant.old != mutant.new]
