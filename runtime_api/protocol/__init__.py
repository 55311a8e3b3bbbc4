"""Floor 0: one execution environment as a pure state machine.

Theory of operation. `Lifecycle.receive(event, now)` is the only way in. It looks the step up in the tables of
`states.py`, changes the machine, and returns the effects that somebody else has to perform, in order. Nothing
here waits, reads a clock, makes an id, logs, or knows HTTP: ids and wall-clock time come in with events, and
refusals go out as values. What is not in a table is refused. Beside the standard library, only msgspec's `Struct` is
used, as the class of values.

    events.py  ──>  lifecycle.py (+ states.py, errors.py)  ──>  effects.py
                        │
                        └── platform_events.py: what the machine saw, as records and log lines

`wire.py` holds the spelling of the Runtime API, `limits.py` every number that limits something.
"""
