"""A correct bootstrap that keeps each event in /tmp under a fixed name, as shell runtimes do.

With a /tmp of its own it passes every case. Two of them in one /tmp read each other's events.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from reference import Bootstrap

KEPT = Path("/tmp/bootjack-conformance-event")
A_MOMENT_S = 0.02  # in which another bootstrap may write the file


class FixedNames(Bootstrap):
    def invoke(self, event):
        if not self.env.get("AWS_LAMBDA_MAX_CONCURRENCY"):
            KEPT.write_bytes(event.body)
            time.sleep(A_MOMENT_S)
            event.body = KEPT.read_bytes()
        super().invoke(event)


if __name__ == "__main__":
    FixedNames().main()
