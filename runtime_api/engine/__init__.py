"""Layer 4: makes invocations happen. Only this layer starts tasks.

`invoker.py` turns a caller's request into an invocation and gives it to `Dispatch`, or to the event queue and from
there to `queue_worker.py`. `dispatch.py` has a pool for each function version, `pool.py` the environments of one, and
`environment.py` is one of them: a machine and a sandbox.
"""
