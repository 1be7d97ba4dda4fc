"""Programs of this folder in processes of their own, which are asked and answer.

Questions and answers go through a connection of their own. So what a library prints when it is
imported, at work, or at exit cannot get among them.
"""

import contextlib
import multiprocessing
import os
import subprocess
import sys
import tempfile
from multiprocessing.connection import Connection

LIMIT = 1800  # seconds; nothing that is asked here takes half as long


class NoAnswerError(Exception):
    """A process ended, or took too long, instead of answering; the message has its last lines."""


class Program:
    """A module of this folder that calls `serve`, as a process.

    Args:
        name: the module's.
        environment: variables that it has besides those of this process.
    """

    def __init__(self, name, environment=()):
        self.name, self.errors = name, tempfile.TemporaryFile()  # noqa: SIM115  see __exit__
        self.connection, theirs = multiprocessing.Pipe()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", f"tests.benchmarks.{name}", str(theirs.fileno())],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.errors,
                env=os.environ | dict(environment), pass_fds=[theirs.fileno()],
            )  # fmt: skip

    def ask(self, function, *arguments):
        """What a function of the program returns."""
        self.begin(function, *arguments)
        return self.answer()

    def begin(self, function, *arguments):
        """Ask without waiting for the answer; the program may be gone, which `answer` tells."""
        with contextlib.suppress(BrokenPipeError):
            self.connection.send((function, arguments))

    def answer(self):
        """What was asked for.

        Raises:
            NoAnswerError: there is none.
        """
        try:
            if self.connection.poll(LIMIT):
                return self.connection.recv()
            why = f"did not answer in {LIMIT} s"
        except (EOFError, OSError):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
            why = f"ended with exit code {self.process.poll()}"
        self.process.kill()
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()][-3:]
        raise NoAnswerError("\n".join([f"{self.name} {why}", *said]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.connection.close()
        self.errors.close()


def serve(*functions):
    """Answer what is asked of functions, until there is nothing more to ask."""
    descriptor = int(sys.argv[1])
    os.set_inheritable(descriptor, False)  # or what is started here would hold it open
    by_name = {function.__name__: function for function in functions}
    with Connection(descriptor) as connection, contextlib.suppress(EOFError):
        while True:
            function, arguments = connection.recv()
            connection.send(by_name[function](*arguments))
