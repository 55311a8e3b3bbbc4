"""`python -m tests.peers DIR`: install every peer into DIR."""

import sys
from pathlib import Path

from tests.peers import PeerError, npm, wheels


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -m tests.peers DIR", file=sys.stderr)
        return 2
    directory = Path(arguments[0])
    directory.mkdir(parents=True, exist_ok=True)
    try:
        wheels.fetch_all(directory)
        npm.fetch_all(directory)
    except PeerError as error:
        print(f"peers: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
