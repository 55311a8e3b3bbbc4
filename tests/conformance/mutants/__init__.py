"""Mutants: each is the reference bootstrap with one fault, and names the case for the requirement that it breaks.

`python -I -S mutants/__main__.py FILE NAME` runs one. These files import each other as scripts, not as modules of the
tests, because they run in an interpreter that has nothing but the standard library.
"""
