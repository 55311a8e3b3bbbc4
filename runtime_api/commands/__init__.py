"""The verbs of the command line, one in each file; `options.py` is what they share."""
