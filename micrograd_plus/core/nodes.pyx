# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: c_api_binop_methods=True, initializedcheck=False
"""The compiled twin of what is hot in `graph`: nodes, recording, order, sweep and replay.

Names, results and errors are those of `graph`, whose Python code is the reference. What is usual
runs here; all else (observers, operations outside the table, results that are not finite, other
operands) is left to that code, which `bind` hands over.

What makes it fast: numbers are doubles in the nodes, Python's collector of cycles sees no node
that can't be part of one, and a graph is freed node by node instead of by recursion.
"""

from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.float cimport PyFloat_AS_DOUBLE
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.math cimport NAN, isfinite
from libc.string cimport memcpy

from numbers import Real

from micrograd_plus import ops
from micrograd_plus.ops.floats import floats


cdef extern from "operations.h":
    double op_value(int code, double x, double y, double z) nogil
    double op_slope(int code, int i, double out, double x, double y, double z) nogil
    double op_reduce(int code, Py_ssize_t n, const double *x) nogil
    void op_reduce_slopes(int code, Py_ssize_t n, double out, const double *x, double *slope) nogil
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
    ctypedef struct TypeObject "PyTypeObject":
        Py_ssize_t tp_basicsize
        destructor tp_dealloc
        destructor tp_free
        void *tp_vectorcall


cdef list table = [ops.find(op_names[code].decode()) for code in range(OPERATIONS)]
CODES = {op: code for code, op in enumerate(table)}
cdef dict codes = {op: code + 1 for op, code in CODES.items()}
cdef int last_fixed = sum([op.arity is not None for op in table])  # its code; reductions follow

cdef object hooks
cdef list observers, reading


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


# ------------------------------------------------------- making nodes, and freeing them

cdef PyTypeObject *kind = NULL  # Value
cdef Node blank = Node.__new__(Node)
cdef enum: SPARE = 65536
cdef PyObject *spare[SPARE]  # freed nodes, to be used again: with new memory each would take longer
cdef int spares = 0
cdef PyObject *waiting = NULL  # nodes to be freed; `slope` has the next
cdef bint freeing = False


def made_by_operations(value):
    """Make nodes of this class, and free them, in the ways of the core."""
    global kind
    kind = <PyTypeObject *>value
    (<TypeObject *>kind).tp_dealloc = free_node
    (<TypeObject *>kind).tp_vectorcall = <void *>new_leaf
    take_operators(kind, <PyTypeObject *>Node)
    Py_INCREF(value)
    return value


cdef inline bint plain(object x):
    """Whether no cycle can pass through an argument, which is a node, a float, None or a tuple."""
    if Py_TYPE(x) == kind:
        return (<Node>x).flags & PLAIN
    return x is None or type(x) is float or (type(x) is tuple and plain_all(x))


cdef bint plain_all(tuple args):
    """Whether no cycle can pass through a tuple of arguments, which is then not tracked either."""
    for x in args:
        if not plain(x):
            return False
    PyObject_GC_UnTrack(<PyObject *>args)
    return True


cdef Node made(int code, double number, object left, object right):
    """A node whose value is known."""
    global spares
    cdef PyObject *memory
    cdef Node node
    if spares:
        spares -= 1
        memory = PyObject_Init(spare[spares], kind)
    else:
        memory = new_object(kind)
        if memory is NULL:
            raise MemoryError
        memcpy(<char *>memory + sizeof(PyObject), <char *><PyObject *>blank + sizeof(PyObject),
               (<TypeObject *>kind).tp_basicsize - sizeof(PyObject))
        Py_INCREF(None)  # once for each attribute of `blank`
        Py_INCREF(None)
        Py_INCREF(None)
    node = <Node>memory
    Py_DECREF(node)
    node.number, node.slope = number, 0.0
    node._left, node._right = left, right
    node.code, node.version = code, 0
    node.flags = READY
    if plain(left) and plain(right):
        node.flags |= PLAIN
    else:
        track(node)
    return node


cdef inline double plain_number(object x):
    """The number of a float or an int; nan for anything else."""
    cdef double number = NAN
    if type(x) is float:
        return PyFloat_AS_DOUBLE(x)
    if type(x) is int:
        whole(x, &number)
    return number


cdef object new_leaf(object called, PyObject **given, size_t flags, PyObject *names):
    """What Python calls for `Value(…)`: of a finite number without a label a leaf is made here."""
    cdef Py_ssize_t i, count = PyVectorcall_NARGS(flags)
    cdef double number = plain_number(<object>given[0]) if names is NULL and count == 1 else NAN
    if isfinite(number) and not PyList_GET_SIZE(reading):
        hooks.changes += 1
        return made(LEAF, number, None, None)
    args = [<object>given[i] for i in range(count)]
    options = {} if names is NULL else {
        name: <object>given[count + i] for i, name in enumerate(<tuple>names)}
    return type.__call__(called, *args, **options)


cdef void free_node(PyObject *node) noexcept:
    """What Python calls when the last reference to a node is gone: frees what it depends on, too.

    A node that becomes free meanwhile waits for its turn, as recursion would be too deep.
    """
    global waiting, freeing, spares
    cdef PyTypeObject *its
    PyObject_GC_UnTrack(node)
    if freeing:
        memcpy(&(<Node>node).slope, &waiting, sizeof(waiting))
        waiting = node
        return
    freeing = True
    while True:
        (<Node>node)._left = None
        (<Node>node)._right = None
        (<Node>node).more = None
        its = type_of(node)
        if its == kind and spares < SPARE:
            spare[spares] = node
            spares += 1
        else:
            (<TypeObject *>its).tp_free(node)
        Py_DECREF(<object>its)
        if waiting is NULL:
            break
        node = waiting
        memcpy(&waiting, &(<Node>node).slope, sizeof(waiting))
    freeing = False


cdef rearrange(Node node):
    """Notice that the operation or an argument of a node was assigned: it may be in a cycle."""
    global orders, rearranged
    orders += 1
    rearranged = True
    track(node)


cdef track(object root):
    """Show a node to Python's collector, and all that it depends on: they may be in a cycle.

    Whatever a tracked node depends on is tracked already.
    """
    cdef list todo = [root]
    cdef Node node
    while todo:
        x = todo.pop()
        if type(x) is tuple:
            if not PyObject_GC_IsTracked(<PyObject *>x):
                PyObject_GC_Track(<PyObject *>x)
            todo.extend(x)
        elif isinstance(x, Node):
            node = x
            if not PyObject_GC_IsTracked(<PyObject *>x):
                node.flags &= ~PLAIN
                PyObject_GC_Track(<PyObject *>x)
            elif node is not root:
                continue
            if node.code != LEAF:
                todo.append(node._left)
                todo.append(node._right)


# -------------------------------------------------------------------------------- recording

cdef inline double *numbers_in(bytearray memory):
    """Where an object has its memory, which was made for numbers."""
    return <double *>PyByteArray_AS_STRING(memory)


cdef inline double number_of(object x, const double *renewed):
    """The number of an argument; with `renewed`, that of its place there."""
    if type(x) is float:
        return PyFloat_AS_DOUBLE(x)
    if x is None:
        return 0.0
    return (<Node>x).number if renewed is NULL else renewed[(<Node>x).index]


cdef bytearray gathered(tuple args, const double *renewed):
    """The numbers of arguments, with room for as many derivatives after them."""
    cdef Py_ssize_t i, size = PyTuple_GET_SIZE(args)
    cdef bytearray memory = bytearray((2 * size + 3) * sizeof(double))
    for i in range(size):
        numbers_in(memory)[i] = number_of(args[i], renewed)
    return memory


cdef double value(int code, tuple args, const double *renewed):
    """The value of an operation of the table."""
    cdef bytearray memory = gathered(args, renewed)
    cdef double *x = numbers_in(memory)
    if code > last_fixed:
        return op_reduce(code - 1, PyTuple_GET_SIZE(args), x)
    return op_value(code - 1, x[0], x[1], x[2])


cdef inline bint converted(object x, double *number) noexcept:
    """Convert a float or an int, unless it is too large."""
    if type(x) is float:
        number[0] = PyFloat_AS_DOUBLE(x)
        return True
    return type(x) is int and whole(x, number)


cdef bint whole(object x, double *number) noexcept:
    """Convert an int, unless it is too large."""
    try:
        number[0] = x
        return True
    except OverflowError:
        return False


cdef inline object on_two(int code, object a, object b):
    """Record an operation of the table on two operands, at least one of them a node."""
    cdef double x, y, number
    if Py_TYPE(a) == kind:
        x = (<Node>a).number
    elif type(a) is float:
        x = PyFloat_AS_DOUBLE(a)
    elif type(a) is int and whole(a, &x):
        a = x
    else:
        return Reference.operated(table[code], a, b)
    if Py_TYPE(b) == kind:
        y = (<Node>b).number
    elif type(b) is float:
        y = PyFloat_AS_DOUBLE(b)
    elif type(b) is int and whole(b, &y):
        b = y
    else:
        return Reference.operated(table[code], a, b)
    number = op_value(code, x, y, 0.0)
    if not isfinite(number) or PyList_GET_SIZE(observers):
        return Reference.operated(table[code], a, b)
    return made(code + 1, number, a, b)


cdef object on_one(int code, object a):
    """Record an operation of the table on a node."""
    cdef double number = op_value(code, (<Node>a).number, 0.0, 0.0)
    if not isfinite(number) or PyList_GET_SIZE(observers):
        return Reference.record(table[code], (a,))
    return made(code + 1, number, a, None)

record_unary = on_one


def new_node(double data, op, left, right):
    """`graph.recording.new_node`."""
    cdef int code = codes.get(op, OTHER)
    cdef Node node = made(code, data, left, right)
    if code == OTHER:
        rare(node).op = op
        track(node)
    for observer in tuple(observers):
        observer.recorded(node)
    return node


def apply(op, *arguments):
    """`graph.recording.apply`."""
    return applied(op, arguments)


def dot_of(tuple args):
    """`graph.recording.dot_of`."""
    return applied(ops.dot, args)


cdef object applied(op, tuple arguments):
    """An operation applied to a tuple of arguments."""
    cdef double number
    cdef int code = codes.get(op, OTHER)
    cdef bint recorded = False
    if code == OTHER or PyList_GET_SIZE(observers) or len(arguments) != (op.arity or len(arguments)):
        return Reference.apply(op, *arguments)
    for arg in arguments:
        if Py_TYPE(arg) == kind:
            recorded = True
        elif type(arg) is not float:
            return Reference.apply(op, *arguments)
    number = value(code, arguments, NULL)
    if not isfinite(number):
        return Reference.apply(op, *arguments)
    if not recorded:
        return number
    if op.arity == 1 or op.arity == 2:
        return made(code, number, arguments[0], arguments[1] if op.arity == 2 else None)
    return made(code, number, arguments, None)


def unary(op):
    """`graph.recording.unary`: a method for an operation of the table."""
    cdef MethodDef *method = unary_methods
    while method.ml_name is not NULL and method.ml_name != op.name.encode():
        method += 1
    if op not in codes or method.ml_name is NULL:
        return Reference.unary(op)
    about = f"{op.name}($self, /)\n--\n\n{op.about[0].upper()}{op.about[1:]}.".encode()
    texts.append(about)
    method.ml_doc = about
    return PyDescr_NewMethod(<PyTypeObject *>Node, method)

cdef list texts = []  # kept, as the methods point to them


def binary(op, one=None):
    """`graph.recording.binary`: two methods for an operation of the table."""
    cdef int code = codes.get(op, 0) - 1
    name = {ADD: "add", SUBTRACT: "sub", MULTIPLY: "mul", DIVIDE: "truediv", POWER: "pow"}.get(code)
    if name:
        return getattr(Node, f"__{name}__"), getattr(Node, f"__r{name}__")
    if op.arity != 2 or code < 0:
        return Reference.binary(op, one)
    return (lambda a, b: on_two(code, a, b)), (lambda a, b: on_two(code, b, a))


# -------------------------------------------------------------------------- order and sweep

cdef unsigned long orders = 0  # counts what changes any `index`, or an argument
cdef bint rearranged = False   # whether arguments of any node were changed


cdef inline bint among(object x, list nodes) noexcept:
    """Whether it is a node of a list, in which each knows its place."""
    return (is_node(x) and (<Node>x).index < <size_t>PyList_GET_SIZE(nodes)
            and PyList_GET_ITEM(nodes, (<Node>x).index) == <PyObject *>x)


cdef inline bint pending(object x, list found, done) except -1:
    """Whether an argument is a node to look for that is not among those found yet."""
    return (x is not None and type(x) is not float and not among(x, found)
            and (done is None or id(x) not in done))


cdef PyObject **stack = NULL
cdef Py_ssize_t room = 0


cdef inline Py_ssize_t push(Py_ssize_t at, PyObject *x) except -1:
    """Put something on the stack, and return the place after it."""
    global stack, room
    if at == room:
        room = 2 * room + 512
        stack = <PyObject **>PyMem_Realloc(stack, room * sizeof(PyObject *))
        if stack is NULL:
            room = 0
            raise MemoryError
    stack[at] = x
    return at + 1


def order(root, done=()):
    """`graph.order`."""
    global orders, rearranged, stack, room
    cdef list found = []
    cdef Py_ssize_t i, top
    cdef PyObject *last
    cdef Node node
    cdef tuple args
    if not is_node(root):
        return Reference.order(root, done)
    done = done or None
    orders += 1
    top = push(0, <PyObject *>root)
    while top:
        top -= 1
        last = stack[top]
        if last is NULL:  # all arguments of the node below are done
            top -= 1
            node = <Node>stack[top]
        elif not is_node(<object>last):  # something else was assigned, or given
            rearranged = True
            return Reference.order(root, done or ())
        elif pending(<object>last, found, done):
            node = <Node>last
            if node.code != LEAF:
                if node.index == BELOW:  # it was made to depend on itself
                    rearranged = True
                    return Reference.order(root, done or ())
                node.index = BELOW
                top = push(push(top, last), NULL)
                if type(node._left) is tuple:
                    args = node._left
                    for i in range(PyTuple_GET_SIZE(args) - 1, -1, -1):
                        if args[i] is None or pending(args[i], found, done):
                            top = push(top, <PyObject *>args[i])
                else:
                    if pending(node._right, found, done):
                        top = push(top, <PyObject *>node._right)
                    if pending(node._left, found, done):
                        top = push(top, <PyObject *>node._left)
                continue
        else:
            continue
        node.index = PyList_GET_SIZE(found)
        found.append(node)
    if room > 1 << 13:
        PyMem_Free(stack)
        stack, room = NULL, 0
    return found


cdef bytearray derived(Node node, tuple args):
    """The numbers of a node's arguments, and from size + 3 on the local derivatives.

    None if an argument, assigned by hand, is neither a node nor a float.
    """
    cdef Py_ssize_t i, size = PyTuple_GET_SIZE(args)
    cdef bytearray memory
    cdef double *x
    cdef int code = node.code
    for i in range(size):
        if type(args[i]) is not float and not is_node(args[i]):
            return None
    memory = gathered(args, NULL)
    x = numbers_in(memory)
    if code > last_fixed:
        op_reduce_slopes(code - 1, size, node.number, x, x + size + 3)
    else:
        for i in range(size):
            if type(args[i]) is not float:
                x[size + 3 + i] = op_slope(code - 1, i, node.number, x[0], x[1], x[2])
    return memory


cdef bint pass_back(list nodes, double *adjoint) except -1:
    """`graph.sweep.sweep` through numbers: whether all reached the leaves, and is finite."""
    global orders
    cdef Py_ssize_t i, j, size
    cdef Node node
    cdef double upstream, x, y
    cdef int code
    cdef tuple args
    cdef bytearray memory
    cdef unsigned long mine = orders
    cdef object left, right
    for i in range(PyList_GET_SIZE(nodes) - 1, -1, -1):
        node = <Node>PyList_GET_ITEM(nodes, i)
        upstream, code = adjoint[i], node.code
        if code == LEAF:
            if not isfinite(upstream):
                return False
            continue
        left, right = node._left, node._right
        if code == OTHER:
            try:
                found = Reference.slopes(node, node.op)
            except (ArithmeticError, TypeError):  # the general sweep raises it again
                return False
            if mine != orders:  # the rule looked at a graph, perhaps at this one, or changed one
                if not complete(nodes):
                    return False
                mine = orders
            for arg, slope in found:
                if not converted(slope, &x):
                    return False
                adjoint[(<Node>arg).index] += upstream * x
        elif type(left) is tuple:
            args = left
            size = PyTuple_GET_SIZE(args)
            memory = derived(node, args)
            for j in range(size):
                if type(args[j]) is not float:
                    adjoint[(<Node>args[j]).index] += upstream * numbers_in(memory)[size + 3 + j]
        else:
            x, y = number_of(left, NULL), number_of(right, NULL)
            if type(left) is not float:
                adjoint[(<Node>left).index] += upstream * op_slope(
                    code - 1, 0, node.number, x, y, 0.0)
            if right is not None and type(right) is not float:
                adjoint[(<Node>right).index] += upstream * op_slope(
                    code - 1, 1, node.number, x, y, 0.0)
    return True


def slopes(Node node, op, m=floats):
    """`graph.sweep.slopes`."""
    cdef Py_ssize_t i
    cdef tuple args = node.args
    cdef bytearray memory = None
    cdef list found = []
    if m is floats and node.code != LEAF and node.code != OTHER:
        memory = derived(node, args)
    if memory is None:
        return Reference.slopes(node, op, m)
    for i, arg in enumerate(args, len(args) + 3):
        if type(arg) is not float:
            if not isfinite(numbers_in(memory)[i]):
                return Reference.slopes(node, op, m)
            found.append((arg, numbers_in(memory)[i]))
    return found


def forward(list nodes, dict tangents, m=floats):
    """`graph.sweep.forward`."""
    if m is not floats or not pass_on(nodes, tangents):
        Reference.forward(nodes, tangents, m)


cdef bint pass_on(list nodes, dict tangents) except -1:
    """`graph.sweep.forward` through numbers: whether all are finite."""
    cdef Py_ssize_t i, j, size = PyList_GET_SIZE(nodes)
    cdef bytearray found = bytearray(size * sizeof(double)), memory
    cdef double *total = numbers_in(found)
    cdef double tangent, slope, product
    cdef Node node
    cdef tuple args
    renumber(nodes)
    for i in range(size):
        node = <Node>PyList_GET_ITEM(nodes, i)
        if node.code == LEAF:
            if not converted(tangents.get(node, 0.0), &total[i]):
                return False
            continue
        args = node.args
        memory = derived(node, args) if node.code != OTHER else None
        if memory is None:
            return False
        for j, arg in enumerate(args):
            if type(arg) is float:
                continue
            if among(arg, nodes):
                tangent = total[(<Node>arg).index]
            elif not converted(tangents.get(arg, 0.0), &tangent):
                return False
            slope = numbers_in(memory)[len(args) + 3 + j]
            if not isfinite(slope):
                return False
            # as `times` and `plus` do it, to the sign of a zero
            product = tangent if slope == 1.0 else slope * tangent if slope and tangent else 0.0
            total[i] = total[i] + product if total[i] else product
        if not isfinite(total[i]):
            return False
    for i in range(size):
        node = <Node>PyList_GET_ITEM(nodes, i)
        if node.code != LEAF:
            tangents[node] = total[i]
    return True


cdef renumber(list nodes):
    """Tell nodes from `order` their places."""
    global orders
    cdef Py_ssize_t i
    orders += 1
    for i in range(PyList_GET_SIZE(nodes)):
        (<Node>PyList_GET_ITEM(nodes, i)).index = i


cdef bint complete(list nodes):
    """Tell nodes from `order` their places; whether all that they depend on is still among them."""
    cdef Py_ssize_t i
    cdef Node node
    renumber(nodes)
    if rearranged:
        for i in range(PyList_GET_SIZE(nodes)):
            node = <Node>PyList_GET_ITEM(nodes, i)
            for x in node.args:
                if type(x) is not float and not among(x, nodes):
                    return False
    return True


cdef inline bint usual(Node node) except -1:
    """Whether its class has no `data` or `grad` of its own."""
    return Py_TYPE(node) == kind or (
        type(node).data is Node.data and type(node).grad is Node.grad)


def sweep(nodes, dict adjoint, m, done=()):
    """`graph.sweep.sweep`."""
    cdef Node node
    cdef list local
    cdef int j
    if m is floats:
        return Reference.sweep(nodes, adjoint, m, done)
    for node in reversed(nodes):
        upstream = adjoint[node]
        if node.code == LEAF:
            if type(upstream) is float and not isfinite(PyFloat_AS_DOUBLE(upstream)):
                raise Reference.lost(nodes, adjoint)
            continue
        args, rules = node.args, node.op.partials
        if type(rules) is tuple:
            local = [None if type(arg) is float else rule(m, node, *args)
                     for rule, arg in zip(rules, args, strict=True)]
        else:
            local = [*rules(m, node, *args)]
        for arg, slope in zip(args, local, strict=True):
            if type(arg) is not float and not (done and id(arg) in done):
                adjoint[arg] = plus(adjoint[arg], times(upstream, slope))


cdef inline object plus(object x, object y):
    """`graph.sweep.plus`."""
    if type(x) is float and PyFloat_AS_DOUBLE(x) == 0.0:
        return y
    return x if type(y) is float and PyFloat_AS_DOUBLE(y) == 0.0 else x + y


cdef inline object times(object x, object y):
    """`graph.sweep.times`."""
    if type(x) is float and PyFloat_AS_DOUBLE(x) in (0.0, 1.0):
        return y if PyFloat_AS_DOUBLE(x) else 0.0
    if type(y) is float and PyFloat_AS_DOUBLE(y) in (0.0, 1.0):
        return x if PyFloat_AS_DOUBLE(y) else 0.0
    return x * y


def add_numbers(list nodes):
    """`graph.sweep.add_numbers`."""
    cdef Py_ssize_t i, size = PyList_GET_SIZE(nodes)
    cdef bytearray memory = bytearray(size * sizeof(double))
    cdef double *adjoint = numbers_in(memory)
    cdef Node node
    cdef list replaced = []  # freed at the end, as that may run code of anyone
    if PyList_GET_SIZE(reading) or not complete(nodes):
        return False
    for i in range(size):
        node = <Node>PyList_GET_ITEM(nodes, i)
        if not usual(node):
            return False
        if node.code != LEAF:
            continue
        if not node.flags & OBJECT:
            adjoint[i] = node.slope
        elif not converted((<Rare>node.more).grad, &adjoint[i]):
            return False
    adjoint[size - 1] += 1.0
    if not pass_back(nodes, adjoint):
        return False
    for i in range(size):
        node = <Node>PyList_GET_ITEM(nodes, i)
        if node.flags & OBJECT:
            replaced.append((<Rare>node.more).grad)
        set_slope(node, adjoint[i])
    return True


def numbers(list nodes, wanted):
    """`graph.sweep.numbers`."""
    cdef Py_ssize_t i, size = PyList_GET_SIZE(nodes)
    cdef bytearray memory = bytearray(size * sizeof(double))
    cdef double *adjoint = numbers_in(memory)
    if not complete(nodes):
        return []
    adjoint[size - 1] = 1.0
    if not pass_back(nodes, adjoint):
        return []
    if wanted is nodes:
        return [adjoint[i] for i in range(size)]
    return [adjoint[(<Node>node).index] if among(node, nodes) else 0.0 for node in wanted]


def derivatives(root, wanted, done=(), m=floats):
    """`graph.sweep.derivatives`; what is not interrupted needs no lock."""
    found = numbers(order(root), wanted) if m is floats and not done else None
    return found or Reference.derivatives(root, wanted, done, m)


def recompute(list nodes):
    """`graph.evaluation.recompute`."""
    cdef Py_ssize_t i, size = PyList_GET_SIZE(nodes)
    cdef bytearray memory = bytearray(size * sizeof(double))
    cdef double *result = numbers_in(memory)
    cdef Node node
    if PyList_GET_SIZE(reading) or not complete(nodes):
        return False
    for i in range(size):
        node = <Node>PyList_GET_ITEM(nodes, i)
        if node.code == OTHER or not usual(node):
            return False
        if node.code == LEAF:
            result[i] = node.number
        elif type(node._left) is tuple:
            result[i] = value(node.code, node._left, result)
        else:
            result[i] = op_value(node.code - 1, number_of(node._left, result),
                                 number_of(node._right, result), 0.0)
        if not isfinite(result[i]):
            return False
    for i in range(size):
        node = <Node>PyList_GET_ITEM(nodes, i)
        if node.code != LEAF:
            node.number = result[i]
            node.version += 1
    hooks.changes += 1
    return True


def use(the_hooks):
    """Obey these hooks."""
    global hooks, observers, reading
    hooks, observers, reading = the_hooks, the_hooks.observers, the_hooks.reading


# ----------------------------------------------------------------------- nested structures

cdef inline bint is_scalar(object x):
    """Whether it is a float, an int or a Value."""
    return type(x) is float or type(x) is int or Py_TYPE(x) == kind


cpdef list flat(nested):
    """`_tools.nested.flat`."""
    cdef list leaves = []
    if type(nested) is not list and type(nested) is not tuple:
        return [nested] if is_scalar(nested) else Reference.flat(nested)
    Py_EnterRecursiveCall("")
    try:
        for x in nested:
            if is_scalar(x):
                leaves.append(x)
            else:
                leaves += flat(x)
    finally:
        Py_LeaveRecursiveCall()
    return leaves


cpdef object filled(nested, leaves, arrays="kept"):
    """`_tools.nested.filled`."""
    if type(nested) is not list and type(nested) is not tuple:
        return Reference.filled(nested, leaves, arrays)
    Py_EnterRecursiveCall("")
    try:
        items = [next(leaves) if is_scalar(x) else filled(x, leaves, arrays) for x in nested]
    finally:
        Py_LeaveRecursiveCall()
    return tuple(items) if type(nested) is tuple else items


def planted(tuple args):
    """`calculus.planted`."""
    cdef list given = flat(args), leaves = []
    cdef set done = set()
    cdef double number
    for x in given:
        if Py_TYPE(x) == kind:
            done.add(id(x))
            leaves.append(on_two(MULTIPLY, x, 1.0))
            continue
        number = plain_number(x)
        if not isfinite(number) or PyList_GET_SIZE(reading):
            return Reference.planted(args)
        leaves.append(made(LEAF, number, None, None))
    hooks.changes += 1
    return filled(args, iter(given), "lists"), filled(args, iter(leaves)), leaves, done
