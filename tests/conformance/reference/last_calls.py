"""A correct bootstrap that reports to the Runtime API on its way out, and ends with a code of its own."""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from reference import Bootstrap

CODE = 252


class LastCalls(Bootstrap):
    def main(self):
        signal.signal(signal.SIGTERM, self.leave)
        super().main()

    def invoke(self, event):
        if b'"exit"' in event.body:
            self.leave()
        super().invoke(event)

    def leave(self, *_args):
        error = SystemExit("the process ends")
        self.new_wire().call("POST", self.init_error_path(), (), self.error_body(error, "Runtime.Exit"))
        os._exit(CODE)


if __name__ == "__main__":
    LastCalls().main()
