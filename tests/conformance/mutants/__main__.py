"""Runs a mutant, given as FILE NAME."""

import importlib
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

if __name__ == "__main__":
    importlib.import_module(sys.argv[1])
    importlib.import_module("making").MUTANTS[sys.argv[2]]().main()
