"""Who is answered: HTTP on an address of the program's own, served by gctune's threads."""
