"""Layer 2: the public Lambda API as rules and records, without I/O, and the seams to what stores and runs them.

`records.py` describes a function, `arns.py` and `resolving.py` how callers name it, `variables.py` the environment of
its processes, `errors.py` and `refusals.py` what callers are refused. The package `seams` has the protocols.
"""
