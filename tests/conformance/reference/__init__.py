"""A small correct bootstrap, the reference from which mutants are made.

It runs under `python -I -S`, with the standard library only, and loads its handler from LAMBDA_TASK_ROOT by _HANDLER.
Mutants import it as the package `reference`, so it knows no other name of itself.
"""

from reference.bootstrap import API, STREAMING, Bootstrap, Context, Event
from reference.wire import Answer, Lost, Wire

__all__ = ["API", "STREAMING", "Answer", "Bootstrap", "Context", "Event", "Lost", "Wire"]
