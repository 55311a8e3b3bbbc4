"""The bootstrap: init, the loop, and one invocation, in steps so small that a mutant can break any one of them."""

import base64
import importlib
import json
import os
import sys
import threading
import time
import types

from reference.wire import Lost, Wire

API = "/2018-06-01/runtime"
STREAMING = (
    ("Lambda-Runtime-Function-Response-Mode", "streaming"),
    ("Transfer-Encoding", "chunked"),
    ("Content-Type", "application/octet-stream"),
    ("Trailer", "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body"),
)


class Event:
    """An invocation as received."""

    def __init__(self, answer):
        self.headers = answer.headers
        self.body = answer.body

    def get(self, name):
        return self.headers.get(name.lower())


class Bootstrap:
    """Loads the handler, then serves events for ever."""

    wire_class = Wire

    def __init__(self, env=os.environ):
        self.env = env
        self.wire = self.new_wire()
        self.function = None

    def new_wire(self):
        return self.wire_class(self.env["AWS_LAMBDA_RUNTIME_API"])

    def main(self):
        try:
            self.function = self.load()
        except BaseException as error:
            self.init_failed(error)
        if self.env.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
            self.restore()
        count = int(self.env.get("AWS_LAMBDA_MAX_CONCURRENCY") or 1)
        if count > 1:
            self.many(count)
        else:
            self.loop()

    def load(self):
        sys.path.insert(0, self.env["LAMBDA_TASK_ROOT"])
        module, dot, name = self.env["_HANDLER"].rpartition(".")
        if not dot:
            raise ValueError(f"malformed handler {name}")
        return getattr(importlib.import_module(module), name)

    def init_failed(self, error):
        self.post_init_error(error)
        os._exit(self.init_exit_code())

    def init_exit_code(self):
        return 1

    def post_init_error(self, error):
        kind = self.init_error_type(error)
        self.wire.call("POST", self.init_error_path(), self.error_headers(kind), self.error_body(error, kind))

    def init_error_path(self):
        return f"{API}/init/error"

    def init_error_type(self, error):
        return f"Runtime.{type(error).__name__}"

    def restore(self):
        answer = self.wire.call("GET", f"{API}/restore/next")
        if answer.status != 200:
            self.give_up(f"restore/next: {answer.status}")

    def many(self, count):
        threads = [threading.Thread(target=self.worker) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def worker(self):
        other = type(self)(self.env)
        other.function = self.function
        other.loop()

    def loop(self):
        while True:
            event = self.next_event()
            self.invoke(event)

    def next_event(self):
        try:
            answer = self.poll()
        except (Lost, OSError, ValueError) as error:
            return self.poll_failed(error)
        if answer.status != 200:
            return self.refused(answer)
        event = Event(answer)
        if not event.get("Lambda-Runtime-Aws-Request-Id"):
            self.give_up("an event without an id")
        return event

    def poll(self):
        return self.wire.call("GET", f"{API}/invocation/next", self.poll_headers())

    def poll_headers(self):
        return ()

    def poll_failed(self, error):
        self.give_up(error)

    def refused(self, answer):
        self.give_up(f"next: {answer.status}")

    def give_up(self, reason):
        print(f"bootstrap: {reason}", file=sys.stderr, flush=True)
        os._exit(self.give_up_code())

    def give_up_code(self):
        return 1

    def invoke(self, event):
        self.set_trace(event)
        try:
            result = self.function(self.decode(event), self.context(event))
            if isinstance(result, types.GeneratorType):
                return self.post_stream(event, result)
            body, content_type = self.encode(result)
        except Exception as error:
            self.fail(event, error)
        else:
            self.respond(event, body, content_type)

    def set_trace(self, event):
        trace = event.get("Lambda-Runtime-Trace-Id")
        if int(self.env.get("AWS_LAMBDA_MAX_CONCURRENCY") or 1) > 1:
            return
        if trace:
            os.environ["_X_AMZN_TRACE_ID"] = trace
        else:
            os.environ.pop("_X_AMZN_TRACE_ID", None)

    def decode(self, event):
        if self.is_json(event):
            return json.loads(event.body)
        return event.body

    def is_json(self, event):
        return (event.get("Content-Type") or "application/json").startswith("application/json")

    def encode(self, result):
        if isinstance(result, bytes):
            return result, "application/octet-stream"
        return json.dumps(result, separators=(",", ":"), ensure_ascii=False).encode(
            "utf-8", "surrogatepass"
        ), "application/json"

    def context(self, event):
        return Context(self, event)

    def remaining_ms(self, event):
        deadline = event.get("Lambda-Runtime-Deadline-Ms")
        return max(0, int(deadline) - int(time.time() * 1000)) if deadline else 0

    def request_id(self, event):
        return event.get("Lambda-Runtime-Aws-Request-Id")

    def path(self, event, what):
        return f"{API}/invocation/{self.request_id(event)}/{what}"

    def delivery(self, event):
        given = event.get("Lambda-Runtime-Invocation-Id")
        return (("Lambda-Runtime-Invocation-Id", given),) if given else ()

    def respond(self, event, body, content_type):
        headers = (("Content-Type", content_type), *self.delivery(event))
        self.posted(self.wire.call("POST", self.path(event, "response"), headers, body))

    def fail(self, event, error):
        kind = self.error_type(error)
        headers = (*self.error_headers(kind), *self.delivery(event))
        self.posted(self.wire.call("POST", self.path(event, "error"), headers, self.error_body(error, kind)))

    def posted(self, answer):
        if answer.status >= 500:
            self.give_up(f"the Runtime API answered {answer.status}")

    def error_type(self, error):
        return f"Function.{type(error).__name__}"

    def error_headers(self, kind):
        return (("Content-Type", "application/json"), ("Lambda-Runtime-Function-Error-Type", kind))

    def error_document(self, error, kind):
        trace, at = [], error.__traceback__
        while at is not None:
            trace.append(f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}")
            at = at.tb_next
        return {"errorMessage": str(error), "errorType": kind, "stackTrace": trace}

    def error_body(self, error, kind):
        return json.dumps(self.error_document(error, kind)).encode()

    def post_stream(self, event, chunks):
        wire = self.wire
        if wire.socket is None:
            wire.connect()
        wire.received = 0
        wire.write(
            wire.head("POST", self.path(event, "response"), (*self.stream_headers(), *self.delivery(event)), None),
            None,
        )
        trailers = ""
        try:
            for chunk in chunks:
                self.write_chunk(chunk)
        except Exception as error:
            trailers = self.error_trailers(error)
        self.end_stream(trailers)
        self.posted(wire.read_answer())

    def stream_headers(self):
        return STREAMING

    def write_chunk(self, chunk):
        if chunk:
            self.wire.socket.sendall(b"%x\r\n%s\r\n" % (len(chunk), chunk))

    def error_trailers(self, error):
        kind = self.error_type(error)
        body = base64.b64encode(self.error_body(error, kind)).decode()
        return f"Lambda-Runtime-Function-Error-Type: {kind}\r\nLambda-Runtime-Function-Error-Body: {body}\r\n"

    def end_stream(self, trailers):
        self.wire.socket.sendall(b"0\r\n" + trailers.encode() + b"\r\n")


class Context:
    """The context of an invocation, for its handler."""

    def __init__(self, bootstrap, event):
        env = bootstrap.env
        self.aws_request_id = bootstrap.request_id(event)
        self.invoked_function_arn = event.get("Lambda-Runtime-Invoked-Function-Arn")
        self.function_name = env["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = env["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = env["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = env["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.tenant_id = event.get("Lambda-Runtime-Aws-Tenant-Id")
        client = json.loads(event.get("Lambda-Runtime-Client-Context") or "null")
        identity = json.loads(event.get("Lambda-Runtime-Cognito-Identity") or "{}")
        if client:
            self.client_context = types.SimpleNamespace(client=types.SimpleNamespace(**client.get("client", {})))
        else:
            self.client_context = None
        self.identity = types.SimpleNamespace(cognito_identity_id=identity.get("cognitoIdentityId"))
        self.get_remaining_time_in_millis = lambda: bootstrap.remaining_ms(event)
