"""Runs the correct bootstrap."""

import sys

sys.path.insert(0, __file__.rpartition("/reference/")[0])

from reference import Bootstrap

if __name__ == "__main__":
    Bootstrap().main()
