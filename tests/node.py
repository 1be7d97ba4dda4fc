"""JavaScript as Node.js runs it: functions with which pages compute."""

import contextlib
import json
import subprocess

from tests.needs import program
from tests.processes import started

_HOST = """
const vm = require("node:vm");
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const [code, points] = JSON.parse(line);
  const f = vm.runInThisContext(code);
  console.log(JSON.stringify(points.map((point) => f(point))));
});
"""


@contextlib.contextmanager
def running_node():
    """A function that runs one of JavaScript at several points; what is not finite is None.

    Its arguments are the text of the function and the points, each a list of numbers.
    """
    command = [program("node", package="nodejs"), "-e", _HOST]
    with started(command, stdin=subprocess.PIPE) as [process]:

        def run(code, points):
            process.stdin.write(json.dumps([code, points]) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield run
