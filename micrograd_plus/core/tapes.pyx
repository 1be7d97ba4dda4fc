# cython: language_level=3, boundscheck=False, wraparound=False
"""Runs tapes, which `compiler.native.tape` writes: recorded graphs as plain arrays.

Values and derivatives are those of the table, from `operations.h`. One loop executes consecutive
instructions of one operation; there is a loop for each operation, and for its derivatives one for
each choice of the arguments that get one.
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
                        const double *out, double *d, const double *upstream)
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

    static void slopes_of(int code, ptrdiff_t n, const slot *args, const double *v,
                          const double *out, double *d, const double *upstream)
    {
        switch (code) {
    #define SLOPES(code, wanted) case code << 3 | wanted: \
        slopes(code, wanted, n, args, v, out, d, upstream); return;
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

    enum { SUM = sizeof op_names / sizeof *op_names, LOWERED };
    """
    ctypedef unsigned int slot
    const char *op_names[]
    const int SUM, LOWERED
    void values_of(int, Py_ssize_t, const slot *, const double *, double *) noexcept
    void slopes_of(
        int, Py_ssize_t, const slot *, const double *, const double *, double *, const double *
    ) noexcept
    bint all_finite(Py_ssize_t, const double *) noexcept

OPERATIONS = [op_names[code].decode() for code in range(SUM)]
"""The names of the operations, by code, for which this module was built."""


cdef class _Memory:
    """The numbers of an array, which stays alive as long as this does."""

    cdef Py_buffer view

    def __cinit__(self, array, int flags=PyBUF_C_CONTIGUOUS):
        PyObject_GetBuffer(array, &self.view, flags)

    def __dealloc__(self):
        PyBuffer_Release(&self.view)


cdef class Machine:
    """Runs a tape at one point after another.

    Args:
        numbers: an array with the numbers of all slots before the first run, which works in it.
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
    cdef const slot *runs
    cdef const slot *instructions
    cdef const slot *targets
    cdef const slot *factors
    cdef const slot *outputs
    cdef Py_ssize_t size, first, count, forward, results, low, high

    def __init__(self, numbers, tape, tuple shapes, Py_ssize_t low, Py_ssize_t high):
        self.memories, self.kind, self.shapes = [], type(numbers), shapes
        self.v = <double *>self.memory(numbers)
        self.runs = <const slot *>self.memory(tape.runs)
        self.instructions = <const slot *>self.memory(tape.instructions)
        self.targets = <const slot *>self.memory(tape.targets)
        self.factors = <const slot *>self.memory(tape.factors)
        self.outputs = <const slot *>self.memory(tape.outputs)
        self.size, self.low, self.high = len(numbers), low, high
        self.first = self.size - len(tape.instructions)
        self.count, self.forward, self.results = len(tape.runs), tape.forward, len(tape.outputs)
        self.d = <double *>calloc(self.size + 1, sizeof(double))
        if self.d == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.d)

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

    cdef bint values(self, Py_ssize_t runs):
        """Compute the values of the first runs; whether all are finite."""
        cdef Py_ssize_t r, i, n, start, stop = 0
        cdef int code
        cdef double total
        cdef const slot *a
        for r in range(runs):
            code, start, stop = self.runs[2 * r] >> 3, stop, self.runs[2 * r + 1]
            if code < SUM:
                a = self.instructions + 3 * start
                values_of(code, stop - start, a, self.v, self.v + self.first + start)
                continue
            for i in range(start, stop):
                a = self.instructions + 3 * i
                if code == SUM:
                    total = 0.0
                    for n in range(a[0], a[1]):
                        total += self.v[self.targets[n]]
                else:
                    total = self.v[a[2]]
                self.v[self.first + i] = total
        return all_finite(self.first + stop, self.v)

    cdef void slopes(self):
        """Compute the derivatives, after the values."""
        cdef Py_ssize_t r, i, n, start, stop
        cdef int code
        cdef double g
        cdef const slot *a
        cdef double *v = self.v + self.first
        cdef double *d = self.d + self.first
        memset(self.d, 0, self.size * sizeof(double))
        self.d[self.outputs[0]] = 1.0
        for r in range(self.forward - 1, -1, -1):
            code = self.runs[2 * r]
            start, stop = self.runs[2 * r - 1] if r else 0, self.runs[2 * r + 1]
            if code >> 3 < SUM:
                a = self.instructions + 3 * start
                slopes_of(code, stop - start, a, self.v, v + start, self.d, d + start)
            elif code & 1:
                for i in range(stop - 1, start - 1, -1):
                    a, g = self.instructions + 3 * i, d[i]
                    for n in range(a[0], a[1]):
                        self.d[self.targets[n]] += (
                            g if code >> 3 == SUM else g * self.v[self.factors[n]]
                        )

    cdef bint taken(self, point) except -1:
        """Write a point to the first slots, if it is of the usual kinds and shapes; whether it is."""
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
        """Write numbers given for a shape from one of its axes on; NULL, or where to go on."""
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
        """Write the numbers of an array."""
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
