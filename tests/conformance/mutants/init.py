"""Initialisation and restore."""

import os
import sys
import time

from making import breaks, hang, on_init_error
from reference import API, Bootstrap


@breaks("init/handler-missing")
class SilentInit(Bootstrap):
    """Ends without a word when the handler cannot be found."""

    def init_failed(self, error):
        if isinstance(error, ImportError):
            os._exit(1)
        super().init_failed(error)


@breaks("init/ends")
class HangsAfterInit(Bootstrap):
    """Hangs after an init error of a module."""

    def init_failed(self, error):
        self.post_init_error(error)
        if isinstance(error, ImportError):
            self.wire.close()
            hang()
        os._exit(1)


@breaks("init/fails")
class InitExits0(Bootstrap):
    """Ends with 0 after an init error."""

    def init_exit_code(self):
        return 0


on_init_error("init/message", "InitNoMessage", "No errorMessage in init errors.", lambda d: d.pop("errorMessage"))
on_init_error("init/type", "InitNoType", "No errorType in init errors.", lambda d: d.pop("errorType"))
on_init_error("init/stack-trace", "InitNoTrace", "No stackTrace in init errors.", lambda d: d.pop("stackTrace"))


@breaks("init/type-header")
class InitNoHeader(Bootstrap):
    """No error type header with init errors."""

    def post_init_error(self, error):
        body = self.error_body(error, self.init_error_type(error))
        self.wire.call("POST", self.init_error_path(), (("Content-Type", "application/json"),), body)


@breaks("init/type-category")
class InitNoCategory(Bootstrap):
    """An error type without a category."""

    def init_error_type(self, error):
        return "broken"


@breaks("init/function-missing")
class FindsLate(Bootstrap):
    """Looks for the function when it is called."""

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
    """Posts an init error again and again while it is answered with 500."""

    def init_failed(self, error):
        kind = self.init_error_type(error)
        body = self.error_body(error, kind)
        while self.wire.call("POST", self.init_error_path(), self.error_headers(kind), body).status == 500:
            time.sleep(0.05)
        os._exit(1)


@breaks("init/handler-malformed")
class DefaultHandler(Bootstrap):
    """Takes a function that does nothing when the handler is malformed."""

    def load(self):
        if "." not in self.env["_HANDLER"]:
            return lambda event, _context: event
        return super().load()


@breaks("init/raises")
class InitHidesMessage(Bootstrap):
    """Hides what was raised."""

    def init_failed(self, error):
        super().init_failed(RuntimeError("initialisation failed") if isinstance(error, RuntimeError) else error)


@breaks("init/exit-code")
class InitExitIsOne(Bootstrap):
    """Makes every exit while it loads an exit code 1."""

    def load(self):
        true_exit = os._exit
        os._exit = lambda _code: true_exit(1)
        try:
            return super().load()
        finally:
            os._exit = true_exit


@breaks("init/output")
class MuteInit(Bootstrap):
    """Throws away what is printed while it loads."""

    def load(self):
        sys.stdout = open(os.devnull, "w")
        try:
            return super().load()
        finally:
            sys.stdout = sys.__stdout__


@breaks("restore/asks")
class NoRestore(Bootstrap):
    """Asks for an event when it should ask for its restore."""

    def restore(self):
        self.env = {**self.env, "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}


@breaks("restore/then-next")
class EndsAtRestore(Bootstrap):
    """Serves nothing after a restore."""

    def restore(self):
        super().restore()
        self.invoke = hang


@breaks("restore/waits")
class DoesNotWaitForRestore(Bootstrap):
    """Polls while its restore is awaited."""

    def restore(self):
        wire = self.new_wire()
        wire.connect()
        wire.write(wire.head("GET", f"{API}/restore/next", (), None), None)
        time.sleep(0.1)
        self.kept = wire


@breaks("restore/not-otherwise")
class RestoresUnlessOnDemand(Bootstrap):
    """Takes provisioned concurrency for SnapStart."""

    def main(self):
        if self.env["AWS_LAMBDA_INITIALIZATION_TYPE"] == "provisioned-concurrency":
            self.env = {**self.env, "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
        super().main()


@breaks("restore/refused")
class IgnoresRestoreStatus(Bootstrap):
    """Goes on when its restore is refused."""

    def restore(self):
        self.wire.call("GET", f"{API}/restore/next")


@breaks("restore/init-first")
class RestoresFirst(Bootstrap):
    """Asks for its restore before it has loaded the handler."""

    def load(self):
        if self.env["AWS_LAMBDA_INITIALIZATION_TYPE"] == "snap-start":
            try:
                return super().load()
            except RuntimeError:
                self.restore()
                raise
        return super().load()
