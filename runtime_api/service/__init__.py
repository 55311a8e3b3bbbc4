"""Floor 1: the public Lambda API as rules and records, without I/O.

`records.py` says what a function is, `arns.py` how it is named, `variables.py` what its processes find in their
environment, `errors.py` how a caller is told no.
"""
