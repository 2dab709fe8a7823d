"""`python -m gctune` is the command `gctune`."""

from gctune.cli import main

main()
