"""Deliberately wrong bootstraps: each is the reference with one requirement broken, and names the case that says so.

`python -I -S mutants/__main__.py FILE NAME` runs one. Scripts beside each other, not modules of the tests: they run in
an interpreter that has nothing but the standard library.
"""
