"""Small faults put into the write path one at a time, to see whether a test notices each."""
