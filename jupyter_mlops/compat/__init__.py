"""What scripts written for other trackers import instead, to log to this one unchanged."""
