"""Faults in the init phase and the restore."""

import os
import sys
import time

from making import breaks, hang, on_init_error
from reference import API, Bootstrap


@breaks("init/handler-missing")
class SilentInit(Bootstrap):
    """Exits without an init error when the handler cannot be found."""

    def init_failed(self, error):
        if isinstance(error, ImportError):
            os._exit(1)
        super().init_failed(error)


@breaks("init/ends")
class HangsAfterInit(Bootstrap):
    """Hangs after the init error for a missing module."""

    def init_failed(self, error):
        self.post_init_error(error)
        if isinstance(error, ImportError):
            self.wire.close()
            hang()
        os._exit(1)


@breaks("init/fails")
class InitExits0(Bootstrap):
    """Exits with 0 after an init error."""

    def init_exit_code(self):
        return 0


on_init_error("init/message", "InitNoMessage", "Omits errorMessage in init errors.", lambda d: d.pop("errorMessage"))
on_init_error("init/type", "InitNoType", "Omits errorType in init errors.", lambda d: d.pop("errorType"))
on_init_error("init/stack-trace", "InitNoTrace", "Omits stackTrace in init errors.", lambda d: d.pop("stackTrace"))


@breaks("init/type-header")
class InitNoHeader(Bootstrap):
    """Sends init errors without an error type header."""

    def post_init_error(self, error):
        body = self.error_body(error, self.init_error_type(error))
        self.wire.call("POST", self.init_error_path(), (("Content-Type", "application/json"),), body)


@breaks("init/type-category")
class InitNoCategory(Bootstrap):
    """Sends an error type without a category."""

    def init_error_type(self, error):
        return "broken"


@breaks("init/function-missing")
class FindsLate(Bootstrap):
    """Looks up the function only when it is called."""

    def load(self):
        try:
            return super().load()
        except AttributeError as error:
            late = error

            def function(_event, _context):
                raise late

            return function


@breaks("init/refused")
class InitRefusedHangs(Bootstrap):
    """Hangs when its init error is refused."""

    def init_failed(self, error):
        kind = self.init_error_type(error)
        body = self.error_body(error, kind)
        answer = self.wire.call("POST", self.init_error_path(), self.error_headers(kind), body)
        if answer.status == 403:
            hang()
        os._exit(1)


@breaks("init/refused-500")
class InitRetries(Bootstrap):
    """Posts an init error again as long as the answer is 500."""

    def init_failed(self, error):
        kind = self.init_error_type(error)
        body = self.error_body(error, kind)
        while self.wire.call("POST", self.init_error_path(), self.error_headers(kind), body).status == 500:
            time.sleep(0.05)
        os._exit(1)


@breaks("init/handler-malformed")
class DefaultHandler(Bootstrap):
    """Uses a handler that returns its event when the handler's name is malformed."""

    def load(self):
        if "." not in self.env["_HANDLER"]:
            return lambda event, _context: event
        return super().load()


@breaks("init/raises")
class InitHidesMessage(Bootstrap):
    """Hides the message of an exception during init."""

    def init_failed(self, error):
        super().init_failed(RuntimeError("initialisation failed") if isinstance(error, RuntimeError) else error)


@breaks("init/exit-code")
class InitExitIsOne(Bootstrap):
    """Exits with 1 whatever the exit code during init is."""

    def load(self):
        true_exit = os._exit
        os._exit = lambda _code: true_exit(1)
        try:
            return super().load()
        finally:
            os._exit = true_exit


@breaks("init/output")
class MuteInit(Bootstrap):
    """Discards the output during init."""

    def load(self):
        sys.stdout = open(os.devnull, "w")
        try:
            return super().load()
        finally:
            sys.stdout = sys.__stdout__


@breaks("restore/asks")
class NoRestore(Bootstrap):
    """Asks for an event instead of calling /restore/next."""

    def restore(self):
        self.env = {**self.env, "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}


@breaks("restore/then-next")
class EndsAtRestore(Bootstrap):
    """Hangs at the first event after the restore."""

    def restore(self):
        super().restore()
        self.invoke = hang


@breaks("restore/waits")
class DoesNotWaitForRestore(Bootstrap):
    """Polls before /restore/next is answered."""

    def restore(self):
        wire = self.new_wire()
        wire.connect()
        wire.write(wire.head("GET", f"{API}/restore/next", (), None), None)
        time.sleep(0.1)
        self.kept = wire


@breaks("restore/not-otherwise")
class RestoresUnlessOnDemand(Bootstrap):
    """Treats provisioned concurrency as SnapStart."""

    def main(self):
        if self.env["AWS_LAMBDA_INITIALIZATION_TYPE"] == "provisioned-concurrency":
            self.env = {**self.env, "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
        super().main()


@breaks("restore/refused")
class IgnoresRestoreStatus(Bootstrap):
    """Continues when the restore is refused."""

    def restore(self):
        self.wire.call("GET", f"{API}/restore/next")


@breaks("restore/init-first")
class RestoresFirst(Bootstrap):
    """Calls /restore/next before it loads the handler."""

    def load(self):
        if self.env["AWS_LAMBDA_INITIALIZATION_TYPE"] == "snap-start":
            try:
                return super().load()
            except RuntimeError:
                self.restore()
                raise
        return super().load()
