"""``python -m jupyter_mlops`` is the command line."""

from __future__ import annotations

import sys

from jupyter_mlops.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
