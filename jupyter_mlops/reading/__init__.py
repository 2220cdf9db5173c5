"""Data of any revision read in place, without a restore."""
