"""The command `micrograd-plus`: Ctrl-C while the package is still loading ends it quietly.

This module is installed beside the package: importing anything inside it would load the package.
"""

import os
import signal


def main() -> int:
    """Run the command line; Ctrl-C gives the exit code 130, whenever it comes.

    Returns:
        The exit code.
    """
    before = signal.getsignal(signal.SIGINT)
    outside = before if before != signal.default_int_handler else _leave  # may be ignored
    try:
        signal.signal(signal.SIGINT, outside)
        from micrograd_plus.cli.main import main as run

        try:
            signal.signal(signal.SIGINT, before)
            return run()
        finally:
            signal.signal(signal.SIGINT, outside)
    except KeyboardInterrupt:
        return 130


def _leave(*_: object) -> None:
    os._exit(130)
