# cython: language_level=3, boundscheck=False, wraparound=False
"""Steps of update rules: all that a rule computes for a parameter in one pass over the parameters.

The rules are those of `optim`, as `compiler.codegen.updates` writes them.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)

cdef extern from "updates.h":
    ctypedef int update(int, Py_ssize_t, const double *, double, double, const double *,
                        const double *, const double *, double *) noexcept
    update *find_update() noexcept

cdef enum:
    SETTINGS = 8  # at most
    ARRAYS = 4

cdef update *fastest = find_update()


cdef class Update:
    """A step of a rule.

    Args:
        rule: its number.
        settings: those besides its rate.
        states: how many it keeps of each parameter.
    """

    cdef int rule
    cdef Py_ssize_t states
    cdef double settings[SETTINGS]

    def __init__(self, int rule, list settings, Py_ssize_t states):
        self.rule, self.states = rule, states
        for i, x in enumerate(settings[:SETTINGS]):
            self.settings[i] = x

    def __call__(self, gradient, parameters, before, after, double rate, double step):
        """Write the parameters after a step, and after them their states, to an array.

        Args:
            gradient: an array of floats, as all these.
            parameters: before the step.
            before: their states, a row for each.
            after: where to write, a row more.
            rate: the learning rate.
            step: the number of the step.

        Returns:
            Whether all that was written is finite.
        """
        cdef Py_buffer views[ARRAYS]
        cdef const double *gradients
        cdef Py_ssize_t size
        cdef int got = 0
        try:
            for array in (gradient, parameters, before, after):
                PyObject_GetBuffer(array, &views[got],
                                   PyBUF_C_CONTIGUOUS | (PyBUF_WRITABLE if got == 3 else 0))
                got += 1
            size = views[0].len
            if (views[1].len, views[2].len, views[3].len) != (
                    size, self.states * size, (1 + self.states) * size):
                raise ValueError("the arrays of a step differ in length")
            gradients = <const double *>views[0].buf
            return bool(fastest(
                self.rule, size // sizeof(double), self.settings, rate, step, gradients,
                <const double *>views[1].buf, <const double *>views[2].buf,
                <double *>views[3].buf))
        finally:
            while got:
                got -= 1
                PyBuffer_Release(&views[got])
