"""Layer 1: one execution environment as pure state machines.

Theory of operation. `EnvironmentMachine.receive(event, now)` is the only way in. It looks the step up in the tables
of `states.py`, changes the machine, and returns the effects that somebody else must perform, in order. Nothing here
waits, reads a clock, makes an id, logs, or knows HTTP: ids and wall-clock time come in with events, and refusals go
out as values. What is not in a table is refused. Besides the standard library, only msgspec's `Struct` (the class of
values) and orjson are used.

    events.py ──> environment.py ──> effects.py
                    │  runtime.py       what the runtime may call now      tables in states.py
                    │  invocations.py   what is in hand, by request id
                    │  attempts.py      one init, one invocation
                    └> journal.py       platform_events.py: what happened, as records and log lines

`concurrency.py` decides which environment takes which invocation. `wire.py` holds the spelling of the Runtime API,
`limits.py` every number that limits something, `errors.py` and `faults.py` AWS's words.
"""
