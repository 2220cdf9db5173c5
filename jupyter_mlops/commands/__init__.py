"""The commands, one file each, and what makes every surface of them from their signatures."""
