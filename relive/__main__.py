"""`python -m relive` is `relive`."""

import importlib.util
import sys

if importlib.util.find_spec("relive._core") is None:
    sys.exit(
        "relive: this is the source folder, and nothing is built in it: run it from another folder,"
        " or `make demo` first"
    )

from relive.cli import main

sys.exit(main())
