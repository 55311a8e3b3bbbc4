"""Floor 3: what makes invocations happen.

`environment.py` owns one machine and one sandbox and does what the machine says; `pool.py` decides which environment
takes an invocation; `invoker.py` turns a caller's request into an invocation. The only floor that may start tasks.
"""
