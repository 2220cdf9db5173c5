"""Where packs live: one protocol, one implementation a kind of place."""
