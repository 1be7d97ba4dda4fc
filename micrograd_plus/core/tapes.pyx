# cython: language_level=3, boundscheck=False, wraparound=False
"""Runs tapes, recorded graphs as plain arrays, which `compiler.native.tape` writes.

A machine computes at one point, or for a batch, whose examples go through the tape LANES at a time.
Its loops are those of `loops.h`.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_STRIDES, PyBUF_WRITABLE, PyBuffer_IsContiguous,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_Check
from cpython.long cimport PyLong_AsDouble, PyLong_CheckExact
from libc.stdint cimport int64_t, uintptr_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset, strcmp

cdef extern from *:
    """
    #define TAPES
    #include "operations.h"
    #include "tapes.h"
    """
    enum: LANES, FEW, HALF_SLOT
    ctypedef unsigned int slot
    ctypedef struct run:
        int code, wanted
        Py_ssize_t start, stop, out
    ctypedef struct tape:
        const run *runs
        const slot *args
        const slot *targets
        const slot *factors
        double *v
        double *sums
        double *d
    ctypedef struct loops:
        void (*values)(const tape *, Py_ssize_t, Py_ssize_t, double *) noexcept
        void (*slopes)(const tape *, Py_ssize_t, Py_ssize_t, double *, double *) noexcept
        void (*weights)(
            const tape *, Py_ssize_t, Py_ssize_t, double *, double *, Py_ssize_t, Py_ssize_t
        ) noexcept
        bint (*finite)(Py_ssize_t, const double *) noexcept
        bint (*finite_floats)(Py_ssize_t, const float *) noexcept
    void values_of_one(const tape *, Py_ssize_t, Py_ssize_t, double *) noexcept
    void slopes_of_one(const tape *, Py_ssize_t, Py_ssize_t, double *, double *) noexcept
    int find_loops(loops *) noexcept
    void read_one(char **, Py_ssize_t, Py_ssize_t, double *) noexcept
    void read_lanes(char **, Py_ssize_t, Py_ssize_t, double *) noexcept
    void fetch(const char *, Py_ssize_t) noexcept

cdef enum:
    ALIGNED = 64  # bytes of the widest register
    KEPT = 1 << 19  # bytes of values and derivatives of several blocks of LANES examples

cdef loops found[3]
cdef loops wide

KINDS = find_loops(found)
"""How many kinds of loops for lanes there are, which differ in the registers that they use."""


def choose(int kind):
    """Choose the loops for lanes; 0 stands for the fastest ones, which are chosen at first.

    Args:
        kind: below `KINDS`.
    """
    global wide
    wide = found[kind]


choose(0)


cdef bint surely_finite(const Py_buffer *view) noexcept:
    """Whether these are floats without gaps, and all of them are finite."""
    if not PyBuffer_IsContiguous(view, b"A"):
        return False
    if view.format[0] == b"d":
        return wide.finite(view.len // sizeof(double), <double *>view.buf)
    return view.format[0] == b"f" and wide.finite_floats(
        view.len // sizeof(float), <float *>view.buf
    )


def all_finite(numpy, *arrays):
    """As `compiler.checks.all_finite`."""
    cdef Py_buffer view
    cdef bint fine
    for array in arrays:
        PyObject_GetBuffer(array, &view, PyBUF_STRIDES | PyBUF_FORMAT)
        fine = surely_finite(&view)
        PyBuffer_Release(&view)
        if not (fine or numpy.isfinite(array).all()):
            return False
    return True


def usual(numpy, tuple batch, list shapes, dtype):
    """As `compiler.checks.usual`."""
    kind = numpy.ndarray
    cdef Py_buffer view
    cdef Py_ssize_t i, examples = -1
    cdef tuple shape
    cdef bint fine
    if len(batch) != len(shapes):
        return False
    for array, shape in zip(batch, shapes):
        if type(array) is not kind or array.dtype is not dtype:
            return False
        PyObject_GetBuffer(array, &view, PyBUF_STRIDES | PyBUF_FORMAT)
        fine = view.ndim == len(shape) + 1 and examples in (-1, view.shape[0])
        if fine:
            examples = view.shape[0]
            for i in range(len(shape)):
                fine &= view.shape[i + 1] == <Py_ssize_t>shape[i]
        fine = fine and surely_finite(&view)
        PyBuffer_Release(&view)
        if not fine:
            return False
    return examples >= 0


cdef class _Memory:
    """The numbers of an array, which stays alive as long as this does."""

    cdef Py_buffer view

    def __cinit__(self, array, int flags=PyBUF_C_CONTIGUOUS):
        PyObject_GetBuffer(array, &self.view, flags)

    def __dealloc__(self):
        PyBuffer_Release(&self.view)


cdef void spread(double *wide, slot s, Py_ssize_t blocks, Py_ssize_t size, double x) noexcept:
    """Write a number to a slot for lanes, of each block."""
    cdef Py_ssize_t block, lane
    wide += LANES * <Py_ssize_t>s
    for block in range(blocks):
        for lane in range(LANES):
            wide[lane] = x
        wide += size


cdef double total(const double *wide, slot s, Py_ssize_t blocks, Py_ssize_t size) noexcept:
    """The sum of the numbers in a slot for lanes, of all blocks."""
    cdef Py_ssize_t block, lane
    cdef double found = 0.0
    wide += LANES * <Py_ssize_t>s
    for block in range(blocks):
        for lane in range(LANES):
            found += wide[lane]
        wide += size
    return found


cdef class Machine:
    """Computes the outputs of a tape, and their derivatives, at points or for batches.

    Args:
        numbers: an array with the number in each slot at the beginning; all is computed in it.
        tape: a `compiler.native.tape.Tape`.
        shapes: the shape of each argument of a point; None for one that is a structure of arrays.
        low: the first slot of those with respect to which a point's derivatives are wanted,
        high: and the slot after the last.
    """

    cdef list memories
    cdef tuple shapes
    cdef type kind  # of arrays
    cdef double *v  # the numbers
    cdef double *d  # the derivatives with respect to them
    cdef double *wide_v  # for batches: LANES of them in each slot, in each of some blocks
    cdef double *wide_d
    cdef void *block
    cdef run *runs
    cdef tape tape  # whose derivatives are in half slots where there is a single block
    cdef const slot *outputs
    cdef const slot *widened  # those that all examples share and lanes read
    cdef Py_ssize_t size, results, low, high, widths
    cdef Py_ssize_t first, length, blocks  # of wide slots the first, their numbers, and the blocks
    cdef Py_ssize_t inputs, count  # the first slot of the inputs, and their number
    cdef Py_ssize_t shared_values, shared, values, all  # ends of the tape's parts, as runs

    def __init__(self, numbers, tape, tuple shapes, Py_ssize_t low, Py_ssize_t high):
        self.memories, self.kind, self.shapes = [], type(numbers), shapes
        self.v = <double *>self.memory(numbers)
        self.tape.args = <const slot *>self.memory(tape.instructions)
        self.tape.targets = <const slot *>self.memory(tape.targets)
        self.tape.factors = <const slot *>self.memory(tape.factors)
        self.outputs = <const slot *>self.memory(tape.outputs)
        self.widened, self.widths = <const slot *>self.memory(tape.widened), len(tape.widened)
        self.size, self.low, self.high = len(numbers), low, high
        self.results = len(tape.outputs)
        self.inputs, self.count = tape.inputs
        self.shared_values, self.shared, self.values, self.all = tape.parts
        self.d = <double *>calloc(self.size + 1, sizeof(double))
        self.runs = <run *>calloc(self.all + 1, sizeof(run))
        if self.d == NULL or self.runs == NULL:
            raise MemoryError
        self.tape.runs, self.tape.v, self.tape.sums = self.runs, self.v, self.d
        self.first = min(tape.widened[:1].tolist() + [self.inputs])
        self.length = LANES * (self.size - self.first)
        self.blocks = max(1, KEPT // (2 * (self.length + 1) * <Py_ssize_t>sizeof(double)))
        if 8 * self.widths > len(tape.targets):  # to copy these costs more than blocks save
            self.blocks = 1
        start = 0
        for r, (code, stop, out) in enumerate(tape.runs.tolist()):
            self.runs[r] = run(code >> 3, code & 7, start, stop, out)
            start = stop

    def __dealloc__(self):
        free(self.d)
        free(self.runs)
        free(self.block)

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
            values_of_one(&self.tape, 0, self.shared_values, self.v)
            values_of_one(&self.tape, self.shared, self.values, self.v)
        else:
            to = _Memory(gradient, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
            values_of_one(&self.tape, 0, self.all, self.v)
            memset(self.d, 0, self.size * sizeof(double))
            self.d[self.outputs[0]] = 1.0
            slopes_of_one(&self.tape, self.shared, self.values, self.v, self.d)
            slopes_of_one(&self.tape, 0, self.shared_values, self.v, self.d)
            memcpy(to.view.buf, self.d + self.low, to.view.len)
        fine = wide.finite(self.size, self.v)
        if gradient is not None:
            fine &= wide.finite(self.high - self.low, self.d + self.low)
        return [self.v[self.outputs[i]] for i in range(self.results)], fine

    def batch(
        self, numbers, list columns, rows, weights=None, gradient=None, slopes=None, which=None
    ):
        """Compute the outputs for a batch; and perhaps the weighted sum of the first's gradients.

        Args:
            numbers: what the first slots begin with, an array.
            columns: the inputs, arrays of (numbers, examples).
            rows: an array of (outputs, examples) for the outputs, or for the last of them.
            weights: the weight of each example, if a gradient is wanted;
            gradient: then an array for the derivatives with respect to the first slots,
            slopes: and None, or an array of (inputs, examples) for those with respect to inputs.
            which: the numbers of those examples among the columns' that are the batch, an array of
                int64; all by default.

        Returns:
            The weighted sum of the first output.

        Raises:
            IndexError: there is no example of such a number.
            ValueError: there are more or fewer weights than examples.
        """
        cdef _Memory leaves = _Memory(numbers)
        cdef _Memory to = _Memory(rows, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
        cdef _Memory shares = None if weights is None else _Memory(weights, PyBUF_STRIDES)
        cdef _Memory first = None, inner = None, chosen = None, one
        if gradient is not None:
            first = _Memory(gradient, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
        if slopes is not None:
            inner = _Memory(slopes, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
        cdef list given = [_Memory(column, PyBUF_STRIDES) for column in columns]
        cdef Py_ssize_t i, block, examples = to.view.shape[1], at = 0, size = self.length
        cdef Py_ssize_t blocks = min(self.blocks, (examples + LANES - 1) // LANES)
        cdef double value = 0.0
        cdef const int64_t *numbered = NULL
        if which is not None:
            chosen = _Memory(which)
            if chosen.view.len != examples * <Py_ssize_t>sizeof(int64_t):
                raise ValueError("examples and their weights differ in number")
            numbered = <const int64_t *>chosen.view.buf
            for one in given:
                for i in range(examples):
                    if not 0 <= numbered[i] < one.view.shape[1]:
                        raise IndexError(f"there is no example {numbered[i]}")
        memcpy(self.v, leaves.view.buf, leaves.view.len)
        memset(self.d, 0, self.size * sizeof(double))
        values_of_one(&self.tape, 0, self.shared_values if shares is None else self.shared, self.v)
        if examples <= FEW:
            while at < examples:
                value += self.some(1, at, examples, 0, given, numbered, to, shares, inner)
                at += 1
        else:
            self.widen(blocks)
            while at < examples:
                block = 0
                while block < blocks and at < examples:
                    value += self.some(
                        LANES, at, examples, block * size, given, numbered, to, shares, inner
                    )
                    at += LANES
                    block += 1
                if shares is not None:
                    wide.weights(
                        &self.tape, self.shared, self.values, self.wide_v, self.wide_d, block, size
                    )
            if shares is not None:
                self.narrow(blocks)
        if first is not None:
            if examples:  # else 0 · inf might be among the products
                slopes_of_one(&self.tape, 0, self.shared_values, self.v, self.d)
            memcpy(first.view.buf, self.d, first.view.len)
        return value

    cdef int widen(self, Py_ssize_t blocks) except -1:
        """Give each lane what all examples share."""
        cdef Py_ssize_t k, size = self.length
        cdef Py_ssize_t halves = HALF_SLOT * self.inputs if self.blocks == 1 else 0
        cdef double *start
        if self.block == NULL:
            self.block = malloc((2 * self.blocks * size + halves) * sizeof(double) + ALIGNED)
            if self.block == NULL:
                raise MemoryError
            start = <double *>(<uintptr_t>self.block + ALIGNED & ~<uintptr_t>(ALIGNED - 1))
            self.tape.d = start if halves else NULL
            self.wide_v = start + halves - LANES * self.first
            self.wide_d = self.wide_v + self.blocks * size
        if halves:
            memset(self.tape.d, 0, halves * sizeof(double))
        for k in range(self.widths):
            spread(self.wide_v, self.widened[k], blocks, size, self.v[self.widened[k]])
            spread(self.wide_d, self.widened[k], blocks, size, 0.0)
        return 0

    cdef void narrow(self, Py_ssize_t blocks) noexcept:
        """Add up the derivatives with respect to what all examples share."""
        cdef Py_ssize_t i, k
        for i in range(self.inputs if self.tape.d else 0):
            for k in range(HALF_SLOT):
                self.d[i] += self.tape.d[HALF_SLOT * i + k]
        for k in range(self.widths):
            self.d[self.widened[k]] += total(self.wide_d, self.widened[k], blocks, self.length)

    cdef double some(
        self, int width, Py_ssize_t at, Py_ssize_t examples, Py_ssize_t offset, list columns,
        const int64_t *which, _Memory rows, _Memory weights, _Memory slopes,
    ):
        """Compute `width` examples, or those that are left, from one on: as for `batch`.

        Wide slots begin `offset` numbers after those of the first block.
        """
        cdef Py_ssize_t lane, i, example, left = min(width, examples - at)
        cdef Py_ssize_t late = self.size - self.inputs, skipped = self.results - rows.view.shape[0]
        cdef double *v = self.v if width == 1 else self.wide_v + offset
        cdef double *d = self.d if width == 1 else self.wide_d + offset
        cdef double *to = v + width * self.inputs
        cdef double *out
        cdef double weight, value = 0.0
        cdef char *place
        cdef char *places[LANES]
        cdef _Memory column
        for column in columns:
            for lane in range(width):  # the last example, again, where none is left
                example = at + min(lane, left - 1)
                if which != NULL:
                    example = which[example]
                places[lane] = <char *>column.view.buf + example * column.view.strides[1]
            if width == 1:
                read_one(places, column.view.shape[0], column.view.strides[0], to)
            else:
                read_lanes(places, column.view.shape[0], column.view.strides[0], to)
                self.foresee(column, which, at + width, min(examples, at + 2 * width))
            to += width * column.view.shape[0]
        if weights is None:
            if width == 1:
                values_of_one(&self.tape, self.shared, self.values, v)
            else:
                wide.values(&self.tape, self.shared, self.values, v)
        else:
            memset(d + width * self.inputs, 0, width * late * sizeof(double))
            out = d + width * <Py_ssize_t>self.outputs[0]
            if width == 1:
                values_of_one(&self.tape, self.shared, self.all, v)
            else:
                wide.values(&self.tape, self.shared, self.all, v)
            for lane in range(left):
                place = <char *>weights.view.buf + (at + lane) * weights.view.strides[0]
                weight = (<double *>place)[0]
                value += weight * v[width * <Py_ssize_t>self.outputs[0] + lane]
                out[lane] += weight
            if width == 1:
                slopes_of_one(&self.tape, self.shared, self.values, v, d)
            else:
                wide.slopes(&self.tape, self.shared, self.values, v, d)
        for i in range(rows.view.shape[0]):
            out = <double *>rows.view.buf + i * examples + at
            memcpy(out, v + width * <Py_ssize_t>self.outputs[skipped + i], left * sizeof(double))
        if slopes is not None:
            for i in range(self.count):
                out = <double *>slopes.view.buf + i * examples + at
                memcpy(out, d + width * (self.inputs + i), left * sizeof(double))
        return value

    cdef void foresee(
        self, _Memory column, const int64_t *which, Py_ssize_t start, Py_ssize_t stop
    ) noexcept:
        """Bring some examples near, which are computed next, if they lie here and there."""
        cdef Py_ssize_t i, size = column.view.strides[0]
        if which != NULL and size == sizeof(double):
            for i in range(start, stop):
                fetch(<char *>column.view.buf + which[i] * column.view.strides[1],
                      size * column.view.shape[0])

    cdef bint taken(self, point) except -1:
        """Write a point to the first slots; False if it is not of the usual kinds and shapes."""
        cdef double *to = self.v + self.inputs
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
