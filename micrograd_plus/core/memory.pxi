"""Making nodes, showing them to the collector of cycles, and freeing them."""

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
    """What Python calls for `Value(…)`: of a finite number a leaf is made here, also with a label.
    """
    cdef Py_ssize_t i, count = PyVectorcall_NARGS(flags)
    cdef double number = NAN
    cdef Node leaf
    if names is NULL and (count == 1 or (count == 2 and type(<object>given[1]) is str)):
        number = plain_number(<object>given[0])
    if isfinite(number) and not PyList_GET_SIZE(reading):
        hooks.changes += 1
        leaf = made(LEAF, number, None, None)
        if count == 2:
            leaf.more = <object>given[1] or None
        return leaf
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
            root = None  # which may depend on itself
            if node.code != LEAF:
                todo.append(node._left)
                todo.append(node._right)
