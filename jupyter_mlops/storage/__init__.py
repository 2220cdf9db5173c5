"""Where a remote's objects live: one Backend, a kind of it for each sort of place."""
