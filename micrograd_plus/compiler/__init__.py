"""The compiler: scalar code is recorded once, and runs over batches, as matrix code or in the core.

Others import `checks`, `codegen`, `program`, `schedule`, `sealed`, `surroundings`, `trace` and
`trial`.
"""

from micrograd_plus.compiler.compiling import compile
from micrograd_plus.compiler.native.point import PointProgram
from micrograd_plus.compiler.padding import pad
from micrograd_plus.compiler.program import Program
from micrograd_plus.compiler.programs import Programs
from micrograd_plus.compiler.sealed import TraceError

__all__ = ["PointProgram", "Program", "Programs", "TraceError", "compile", "pad"]
