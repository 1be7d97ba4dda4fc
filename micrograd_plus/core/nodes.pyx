# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: c_api_binop_methods=True, initializedcheck=False
"""The compiled twin of what is hot in `graph`, and in the transforms of `calculus`.

Names, results and errors are those of the Python code, which is the reference. What is usual runs
here; all else (operations outside the table, results that are not finite, other operands) is left
to that code, which stands in `Reference`.

What makes it fast: numbers are doubles in the nodes, Python's collector of cycles sees no node
that can't be part of one, and a graph is freed node by node instead of by recursion.

This file has the node itself. Those included at its end make and free nodes, record operations,
and pass through graphs.
"""

from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.float cimport PyFloat_AS_DOUBLE
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.tuple cimport PyTuple_GET_SIZE
from libc.math cimport NAN, isfinite
from libc.string cimport memcpy

from numbers import Real

from micrograd_plus import ops
from micrograd_plus._tools.text import sentence
from micrograd_plus.ops.floats import floats


cdef extern from "operations.h":
    double op_value(int code, double x, double y, double z) nogil
    double op_slope(int code, int i, double out, double x, double y, double z) nogil
    void op_reduce(
        int code, Py_ssize_t n, const unsigned *args, const double *v, double *out) nogil
    void op_reduce_slopes(
        int code, Py_ssize_t n, const unsigned *args, const double *v, const double *out,
        const double *g, double *d) nogil
    const char *const op_names[]
    enum: OPERATIONS
    enum: ADD "op_add", SUBTRACT "op_subtract", MULTIPLY "op_multiply", DIVIDE "op_divide"
    enum: POWER "op_power", NEGATE "op_negate", ABS "op_abs", RECIPROCAL "op_reciprocal"


cdef extern from *:
    """
    static PyObject *(*record_unary)(int code, PyObject *self);

    /* The methods of a Value for operations on one argument. */
    #define FUNCTION(name, code) \\
        static PyObject *node_##name(PyObject *self, PyObject *unused) \\
        { return record_unary(code, self); }
    UNARY_OPERATIONS(FUNCTION)
    #define METHOD(name, code) {#name, node_##name, METH_NOARGS, NULL},
    static PyMethodDef unary_methods[] = { UNARY_OPERATIONS(METHOD) {NULL} };

    /* Python would look up the methods of a subclass by their names at each call. */
    #define TAKE(slot) to->tp_as_number->slot = from->tp_as_number->slot
    static void take_operators(PyTypeObject *to, PyTypeObject *from)
    {
        TAKE(nb_add); TAKE(nb_subtract); TAKE(nb_multiply); TAKE(nb_true_divide);
        TAKE(nb_power); TAKE(nb_negative); TAKE(nb_absolute);
    }
    """
    ctypedef struct MethodDef "PyMethodDef":
        const char *ml_name
        const char *ml_doc
    MethodDef *unary_methods
    object (*record_unary)(int code, object self)
    void take_operators(PyTypeObject *, PyTypeObject *)


cdef extern from "Python.h":
    void PyObject_GC_Track(PyObject *)
    void PyObject_GC_UnTrack(PyObject *)
    bint PyObject_GC_IsTracked(PyObject *)
    bint PyObject_IS_GC(object)
    PyObject *PyObject_Init(PyObject *, PyTypeObject *)
    PyObject *new_object "_PyObject_GC_New"(PyTypeObject *)
    object PyDescr_NewMethod(PyTypeObject *, MethodDef *)
    PyTypeObject *Py_TYPE(object)
    PyTypeObject *type_of "Py_TYPE"(PyObject *)
    Py_ssize_t PyVectorcall_NARGS(size_t)
    int Py_EnterRecursiveCall(const char *) except 1
    void Py_LeaveRecursiveCall()
    ctypedef void (*destructor)(PyObject *)
    ctypedef int (*setter_of "setter")(PyObject *, PyObject *, void *) except -1
    ctypedef struct GetSet "PyGetSetDef":
        void *get
        setter_of set
        void *closure
    ctypedef struct TypeObject "PyTypeObject":
        Py_ssize_t tp_basicsize
        GetSet *tp_getset
        destructor tp_dealloc
        destructor tp_free
        void *tp_vectorcall


cdef list table = [ops.find(op_names[code].decode()) for code in range(OPERATIONS)]
CODES = {op: code for code, op in enumerate(table)}
cdef dict codes = {op: code + 1 for op, code in CODES.items()}
cdef int last_fixed = sum([op.arity is not None for op in table])  # its code; reductions follow

cdef object hooks
cdef list observers, reading


def use(the_hooks):
    """Obey these hooks."""
    global hooks, observers, reading
    hooks, observers, reading = the_hooks, the_hooks.observers, the_hooks.reading


cdef int assign(PyObject *node, PyObject *content, void *setter) except -1:
    """Assign to an attribute of a node; deleting one is an error."""
    if content is NULL:
        raise AttributeError("attributes of a Value can be assigned, but not deleted")
    return (<setter_of>setter)(node, content, NULL)


class Reference:
    """The Python code of `graph` that the functions here leave all that is unusual to."""


# ------------------------------------------------------------------------------------ nodes

cdef enum:
    LEAF = 0     # the code of a node without an operation; those of the table begin with 1
    OTHER = 255  # the operation is not in the table, and stands in the node's `Rare`
    READY = 1    # a flag: `right` was assigned, the last of what a node needs,
    PLAIN = 2    # no cycle can pass through the node: the collector doesn't see it
    RARE = 4     # `more` is a `Rare`,
    OBJECT = 8   # in which the gradient stands
    BELOW = 0xFFFFFFFF  # an index: what the node depends on is being looked for


cdef class Rare:
    """What few nodes have: a gradient that is no float, an operation outside the table."""

    cdef object label, grad, op


cdef class Node:
    cdef double number, slope  # data and gradient
    cdef object _left, _right
    cdef object more           # None, the label, or a Rare
    cdef unsigned char code, flags
    cdef unsigned short version  # the number of assignments to data
    cdef unsigned int index      # the place in the order that was found last

    def __cinit__(self):
        self.number = NAN  # which no operation takes

    @property
    def _data(self):
        check_ready(self, "_data")
        return self.number

    @_data.setter
    def _data(self, double number):
        self.number = number
        self.version += 1

    @property
    def assigned(self):
        return self.version, self.number

    @property
    def data(self):
        check_ready(self, "data")
        if PyList_GET_SIZE(reading):
            Reference.look(self)
        return self.number

    @data.setter
    def data(self, number):
        if type(number) is not float or not isfinite(PyFloat_AS_DOUBLE(number)):
            number = Reference.checked(self, number)
        self.number = number
        self.version += 1
        hooks.changes += 1

    @property
    def grad(self):
        check_ready(self, "grad")
        return (<Rare>self.more).grad if self.flags & OBJECT else self.slope

    @grad.setter
    def grad(self, gradient):
        if type(gradient) is float:
            set_slope(self, PyFloat_AS_DOUBLE(gradient))
        else:
            rare(self).grad = gradient
            self.flags |= OBJECT
            if PyObject_IS_GC(gradient):
                track(self)
                track(gradient)

    @property
    def label(self):
        check_ready(self, "label")
        if self.flags & RARE:
            return (<Rare>self.more).label
        return "" if self.more is None else self.more

    @label.setter
    def label(self, label):
        if type(label) is str and not self.flags & RARE:
            self.more = label or None
        else:
            rare(self).label = label
            if PyObject_IS_GC(label):
                track(self)

    @property
    def op(self):
        check_ready(self, "op")
        if self.code == LEAF:
            return None
        return (<Rare>self.more).op if self.code == OTHER else table[self.code - 1]

    @op.setter
    def op(self, op):
        self.code = LEAF if op is None else codes.get(op, OTHER)
        if self.code == OTHER:
            rare(self).op = op
        if op is not None:
            rearrange(self)

    @property
    def left(self):
        check_ready(self, "left")
        if type(self._left) is tuple and not PyObject_GC_IsTracked(<PyObject *>self._left):
            PyObject_GC_Track(<PyObject *>self._left)  # who gets it may put it into a cycle
        return self._left

    @left.setter
    def left(self, argument):
        self._left = argument
        if self.code != LEAF:
            rearrange(self)

    @property
    def right(self):
        check_ready(self, "right")
        return self._right

    @right.setter
    def right(self, argument):
        self._right = argument
        self.flags |= READY
        if self.code != LEAF:
            rearrange(self)
        elif Py_TYPE(self) == kind and not self.flags & (PLAIN | RARE):
            self.flags |= PLAIN
            PyObject_GC_UnTrack(<PyObject *>self)

    @property
    def args(self):
        check_ready(self, "op")
        if self.code == LEAF:
            return ()
        if self._right is not None:
            return self._left, self._right
        return self.left if type(self._left) is tuple else (self._left,)

    # The operators: Python calls them for a Node on either side.

    def __add__(a, b):
        return on_two(ADD, a, b)

    def __sub__(a, b):
        return on_two(SUBTRACT, a, b)

    def __mul__(a, b):
        return on_two(MULTIPLY, a, b)

    def __truediv__(a, b):
        return on_one(RECIPROCAL, b) if is_one(a) else on_two(DIVIDE, a, b)

    def __pow__(a, b, modulus):
        return NotImplemented if modulus is not None else on_two(POWER, a, b)

    def __neg__(self):
        return on_one(NEGATE, self)

    def __abs__(self):
        return on_one(ABS, self)


cdef GetSet *attribute = (<TypeObject *><PyTypeObject *>Node).tp_getset
while attribute.set is not NULL or attribute.get is not NULL:
    if attribute.set is not NULL:
        attribute.set, attribute.closure = assign, <void *>attribute.set
    attribute += 1


cdef int check_ready(Node node, name) except -1:
    """Raise AttributeError if a node is still being made."""
    if not node.flags & READY:
        raise AttributeError(f"{type(node).__name__!r} object has no attribute {name!r}")
    return 0


cdef inline bint is_node(object x) noexcept:
    """Whether it is a node; one made by an operation is recognized at once."""
    return Py_TYPE(x) == kind or isinstance(x, Node)


cdef inline bint is_one(object x) except -1:
    """Whether it is the number 1, and no node."""
    if type(x) is float:
        return PyFloat_AS_DOUBLE(x) == 1.0
    if type(x) is int:
        return x == 1
    return not is_node(x) and isinstance(x, Real) and x == 1


cdef Rare rare(Node node):
    """The `Rare` of a node, which gets one if it has none."""
    cdef Rare made
    if not node.flags & RARE:
        made = Rare.__new__(Rare)
        made.label = "" if node.more is None else node.more
        node.more = made
        node.flags |= RARE
    return node.more


cdef inline set_slope(Node node, double gradient):
    """Assign a number to the gradient."""
    node.slope = gradient
    if node.flags & OBJECT:
        node.flags &= ~OBJECT
        (<Rare>node.more).grad = None


include "memory.pxi"
include "recording.pxi"
include "passes.pxi"
include "nested.pxi"
