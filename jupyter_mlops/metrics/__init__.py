"""Numbers and parameters across revisions: read, compared, followed through history, drawn."""
