"""The command line that every program here shares."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def run(main: Callable[[float], None]) -> None:
    """Call `main` with the scale that the command line names, 1 by default."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", type=float, default=1.0)
    main(parser.parse_args().scale)
