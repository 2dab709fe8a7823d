"""`python -m gctune` is the command `gctune`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; Ctrl-C ends it as it ends a command, also while that is imported."""
    try:
        from gctune.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit("Aborted!")


if __name__ == "__main__":
    main()
