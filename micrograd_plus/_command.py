"""The command `micrograd-plus`: Ctrl-C while it still loads ends it without a word.

It is installed beside the package, as importing anything of that takes some of this time.
"""

import os
import signal


def main() -> int:
    """Run the command line; Ctrl-C gives the code 130, whenever it comes.

    Returns:
        The exit code.
    """
    before = signal.getsignal(signal.SIGINT)
    outside = before if before != signal.default_int_handler else _leave  # perhaps it is ignored
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
