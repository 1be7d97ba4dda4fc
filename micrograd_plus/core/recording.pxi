"""Recording: what an operation of the table makes of nodes and numbers."""

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
    cdef double number
    if code > last_fixed:
        op_reduce(code - 1, PyTuple_GET_SIZE(args), NULL, x, &number)
        return number
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


cdef inline Node told(Node node):
    """A new node, which observers are told of."""
    if PyList_GET_SIZE(observers):
        for observer in tuple(observers):
            observer.recorded(node)
    return node


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
    if not isfinite(number):
        return Reference.operated(table[code], a, b)
    return told(made(code + 1, number, a, b))


cdef object on_one(int code, object a):
    """Record an operation of the table on a node."""
    cdef double number = op_value(code, (<Node>a).number, 0.0, 0.0)
    if not isfinite(number):
        return Reference.record(table[code], (a,))
    return told(made(code + 1, number, a, None))

record_unary = on_one


def new_node(double data, op, left, right):
    """`graph.recording.new_node`."""
    cdef int code = codes.get(op, OTHER)
    cdef Node node = made(code, data, left, right)
    if code == OTHER:
        rare(node).op = op
        track(node)
    return told(node)


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
    if code == OTHER or len(arguments) != (op.arity or len(arguments)):
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
        return told(made(code, number, arguments[0], arguments[1] if op.arity == 2 else None))
    return told(made(code, number, arguments, None))


def unary(op):
    """`graph.recording.unary`: a method for an operation of the table."""
    cdef MethodDef *method = unary_methods
    while method.ml_name is not NULL and method.ml_name != op.name.encode():
        method += 1
    if op not in codes or method.ml_name is NULL:
        return Reference.unary(op)
    about = f"{op.name}($self, /)\n--\n\n{sentence(op.about)}".encode()
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
