"""The package with other versions of what it stands on; run it with ``python -m tests.compat``."""
