# cython: language_level=3, boundscheck=False, wraparound=False
"""Runs tapes, recorded graphs as plain arrays, which `compiler.native.tape` writes.

One loop executes all consecutive instructions of an operation. There is a loop for each operation,
and for its derivatives one for each choice of the arguments that get one, all made by the compiler
of C from the functions in `operations.h`.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_Check
from cpython.long cimport PyLong_AsDouble, PyLong_CheckExact
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset, strcmp

cdef extern from *:
    """
    #include "operations.h"
    #include <float.h>

    typedef unsigned int slot;

    /* The values of n instructions of one operation, whose arguments are in the slots `args`. */
    INLINED void values(int code, ptrdiff_t n, const slot *args, const double *v, double *out)
    {
        for (ptrdiff_t i = 0; i < n; i++) {
            const slot *a = args + 3 * i;
            out[i] = op_value(code, v[a[0]], v[a[1]], v[a[2]]);
        }
    }

    /* Their part of the derivatives d with respect to the arguments whose bits are in `wanted`. */
    INLINED void slopes(int code, int wanted, ptrdiff_t n, const slot *args, const double *v,
                        const double *out, const double *upstream, double *d)
    {
        for (ptrdiff_t i = n - 1; i >= 0; i--) {
            const slot *a = args + 3 * i;
            double g = upstream[i], x = v[a[0]], y = v[a[1]], z = v[a[2]];
            if (wanted & 1) d[a[0]] += g * op_slope(code, 0, out[i], x, y, z);
            if (wanted & 2) d[a[1]] += g * op_slope(code, 1, out[i], x, y, z);
            if (wanted & 4) d[a[2]] += g * op_slope(code, 2, out[i], x, y, z);
        }
    }

    static void values_of(int code, ptrdiff_t n, const slot *args, const double *v, double *out)
    {
        switch (code) {
    #define VALUES(name, code) case code: values(code, n, args, v, out); return;
        UNARY_OPERATIONS(VALUES) BINARY_OPERATIONS(VALUES) TERNARY_OPERATIONS(VALUES)
        }
    }

    static void slopes_of(int code, int wanted, ptrdiff_t n, const slot *args, const double *v,
                          const double *out, const double *upstream, double *d)
    {
        switch (code << 3 | wanted) {
    #define SLOPES(code, wanted) case code << 3 | wanted: \
        slopes(code, wanted, n, args, v, out, upstream, d); return;
    #define SLOPES_1(name, code) SLOPES(code, 1)
    #define SLOPES_2(name, code) SLOPES_1(name, code) SLOPES(code, 2) SLOPES(code, 3)
    #define SLOPES_3(name, code) SLOPES_2(name, code) \
        SLOPES(code, 4) SLOPES(code, 5) SLOPES(code, 6) SLOPES(code, 7)
        UNARY_OPERATIONS(SLOPES_1) BINARY_OPERATIONS(SLOPES_2) TERNARY_OPERATIONS(SLOPES_3)
        }
    }

    /* Whether n numbers are finite: counted without a branch, and so several at a time. */
    static int all_finite(ptrdiff_t n, const double *x)
    {
        ptrdiff_t found = 0;
        for (ptrdiff_t i = 0; i < n; i++) found += fabs(x[i]) <= DBL_MAX;
        return found == n;
    }

    enum { SUM = OPERATIONS, LOWERED };
    """
    ctypedef unsigned int slot
    const int SUM, LOWERED
    void values_of(int, Py_ssize_t, const slot *, const double *, double *) noexcept
    void slopes_of(
        int, int, Py_ssize_t, const slot *, const double *, const double *, const double *, double *
    ) noexcept
    bint all_finite(Py_ssize_t, const double *) noexcept


cdef struct run:  # of consecutive instructions of one operation
    int code
    int wanted  # a bit for each argument that gets a derivative
    Py_ssize_t start
    Py_ssize_t stop


cdef class _Memory:
    """The numbers of an array, which stays alive as long as this does."""

    cdef Py_buffer view

    def __cinit__(self, array, int flags=PyBUF_C_CONTIGUOUS):
        PyObject_GetBuffer(array, &self.view, flags)

    def __dealloc__(self):
        PyBuffer_Release(&self.view)


cdef class Machine:
    """Computes the outputs of a tape, and their derivatives, at one point after another.

    Args:
        numbers: an array with the number in each slot at the beginning; all is computed in it.
        tape: a `compiler.native.tape.Tape`.
        shapes: the shape of each argument of a point; None for one that is a structure of arrays.
        low: the first slot of those with respect to which derivatives are wanted,
        high: and the slot after the last.
    """

    cdef list memories
    cdef tuple shapes
    cdef type kind  # of arrays
    cdef double *v
    cdef double *d
    cdef run *runs
    cdef const slot *instructions
    cdef const slot *targets
    cdef const slot *factors
    cdef const slot *outputs
    cdef Py_ssize_t size, first, count, forward, results, low, high

    def __init__(self, numbers, tape, tuple shapes, Py_ssize_t low, Py_ssize_t high):
        self.memories, self.kind, self.shapes = [], type(numbers), shapes
        self.v = <double *>self.memory(numbers)
        self.instructions = <const slot *>self.memory(tape.instructions)
        self.targets = <const slot *>self.memory(tape.targets)
        self.factors = <const slot *>self.memory(tape.factors)
        self.outputs = <const slot *>self.memory(tape.outputs)
        self.size, self.low, self.high = len(numbers), low, high
        self.first = self.size - len(tape.instructions)
        self.count, self.forward, self.results = len(tape.runs), tape.forward, len(tape.outputs)
        self.d = <double *>calloc(self.size + 1, sizeof(double))
        self.runs = <run *>calloc(self.count + 1, sizeof(run))
        if self.d == NULL or self.runs == NULL:
            raise MemoryError
        stop = 0
        for r, (code, end) in enumerate(tape.runs.tolist()):
            self.runs[r] = run(code >> 3, code & 7, stop, end)
            stop = end

    def __dealloc__(self):
        free(self.d)
        free(self.runs)

    cdef void *memory(self, array) except NULL:
        cdef _Memory memory
        memory = _Memory(array)
        self.memories.append(memory)
        return memory.view.buf

    def run(self, point, gradient=None):
        """Compute the outputs at a point, and perhaps the derivatives of the only one.

        Args:
            point: a tuple of arguments; or all their numbers, as one array.
            gradient: an array of the right size to write the derivatives to.

        Returns:
            The outputs, and whether all that was computed is finite; None if the arguments are
            not of the usual kinds and shapes, so that they have to be converted first.
        """
        cdef Py_ssize_t i
        cdef _Memory to
        cdef bint fine
        if not self.taken(point):
            return None
        if gradient is None:
            fine = self.values(self.forward)
        else:
            to = _Memory(gradient, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
            fine = self.values(self.count)
            self.slopes()
            memcpy(to.view.buf, self.d + self.low, to.view.len)
            fine &= all_finite(self.high - self.low, self.d + self.low)
        return [self.v[self.outputs[i]] for i in range(self.results)], fine

    cdef bint values(self, Py_ssize_t runs) noexcept:
        """Compute the values of the first runs; whether all are finite."""
        cdef Py_ssize_t i, k, n, stop = 0
        cdef slot t
        cdef run *r
        cdef const slot *a
        cdef double total
        cdef double *v = self.v
        cdef double *out
        for i in range(runs):
            r = self.runs + i
            a, out = self.instructions + 3 * r.start, v + self.first + r.start
            n, stop = r.stop - r.start, r.stop
            if r.code < SUM:
                values_of(r.code, n, a, v, out)
            elif r.code == LOWERED:
                for k in range(n):
                    out[k] = v[a[3 * k + 2]]
            else:
                for k in range(n):
                    total = 0.0
                    for t in range(a[3 * k], a[3 * k + 1]):
                        total += v[self.targets[t]]
                    out[k] = total
        return all_finite(self.first + stop, v)

    cdef void slopes(self) noexcept:
        """Compute the derivatives, after the values."""
        cdef Py_ssize_t i, k, n
        cdef slot t
        cdef run *r
        cdef const slot *a
        cdef double slope
        cdef double *v = self.v
        cdef double *d = self.d
        cdef double *out
        cdef double *upstream
        memset(d, 0, self.size * sizeof(double))
        d[self.outputs[0]] = 1.0
        for i in range(self.forward - 1, -1, -1):
            r = self.runs + i
            a, out = self.instructions + 3 * r.start, v + self.first + r.start
            n, upstream = r.stop - r.start, d + self.first + r.start
            if not r.wanted:
                continue
            if r.code < SUM:
                slopes_of(r.code, r.wanted, n, a, v, out, upstream, d)
            else:
                for k in range(n - 1, -1, -1):
                    for t in range(a[3 * k], a[3 * k + 1]):
                        slope = 1.0 if r.code == SUM else v[self.factors[t]]
                        d[self.targets[t]] += upstream[k] * slope

    cdef bint taken(self, point) except -1:
        """Write a point to the first slots; False if it is not of the usual kinds and shapes."""
        cdef double *to = self.v
        if type(point) is not tuple:
            return self.put(to, point, (len(point),), 0) != NULL
        if len(point) != len(self.shapes):
            return False
        for given, shape in zip(point, self.shapes):
            to = self.put(to, given, shape, 0)
            if to == NULL:
                return False
        return True

    cdef double *put(self, double *to, given, tuple shape, Py_ssize_t axis) except? NULL:
        """Write what is given for a shape from an axis on; returns where to go on, or NULL."""
        if shape is None:
            return NULL
        if axis == 0 and type(given) is self.kind:
            return self.copy(to, given, shape)
        if axis < len(shape):
            if type(given) is not list or len(<list>given) != shape[axis]:
                return NULL
            for part in <list>given:
                to = self.put(to, part, shape, axis + 1)
                if to == NULL:
                    return NULL
            return to
        if PyFloat_Check(given):
            to[0] = PyFloat_AS_DOUBLE(given)
        elif PyLong_CheckExact(given):
            try:
                to[0] = PyLong_AsDouble(given)
            except OverflowError:
                return NULL
        else:
            return NULL
        return to + 1

    cdef double *copy(self, double *to, given, tuple shape) except? NULL:
        """Write an array, likewise."""
        cdef Py_ssize_t i
        cdef _Memory array
        try:
            array = _Memory(given, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)
        except (BufferError, ValueError):  # its rows are not side by side
            return NULL
        if strcmp(array.view.format, "d") or array.view.ndim != len(shape):
            return NULL
        for i in range(array.view.ndim):
            if array.view.shape[i] != shape[i]:
                return NULL
        memcpy(to, array.view.buf, array.view.len)
        return to + array.view.len // sizeof(double)
