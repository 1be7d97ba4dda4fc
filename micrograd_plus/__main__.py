"""`python -m micrograd_plus`: the command line."""

import sys

from micrograd_plus.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
