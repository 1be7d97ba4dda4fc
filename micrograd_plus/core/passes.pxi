"""Passes through a graph: its order, the sweep back, forward mode, and replay."""

cdef unsigned long orders = 0  # counts what changes any `index`, or an argument
cdef bint rearranged = False   # whether arguments of any node were changed


cdef inline bint among(object x, list nodes) noexcept:
    """Whether it is a node of a list, in which each knows its place."""
    return (is_node(x) and (<Node>x).index < <size_t>PyList_GET_SIZE(nodes)
            and PyList_GET_ITEM(nodes, (<Node>x).index) == <PyObject *>x)


cdef inline bint pending(object x, list found) noexcept:
    """Whether an argument is not among the nodes found yet, and no constant."""
    return x is not None and type(x) is not float and not among(x, found)


cdef PyObject **stack = NULL
cdef Py_ssize_t room = 0


cdef int reserve(Py_ssize_t size) except -1:
    """Make room on the stack."""
    global stack, room
    cdef void *larger = PyMem_Realloc(stack, 2 * size * sizeof(PyObject *))
    if larger is NULL:
        raise MemoryError
    stack, room = <PyObject **>larger, 2 * size
    return 0


def order(root, done=()):
    """`graph.order`."""
    global orders, rearranged, stack, room
    cdef list found = []
    cdef Py_ssize_t i, size = 2, top = 0
    cdef PyObject *last
    cdef Node node
    cdef tuple args
    cdef bint some = bool(done)
    orders += 1
    if room < size:
        reserve(size)
    stack[0] = <PyObject *>root
    top = 1
    try:
        while top:
            last = stack[top - 1]
            if not is_node(<object>last):  # something else was given, or assigned
                rearranged |= last != <PyObject *>root
                break
            node = <Node>last
            if among(node, found) or (some and id(node) in done):
                top -= 1
            elif node.code == LEAF or node.index == BELOW:  # all arguments are done
                node.index = PyList_GET_SIZE(found)
                found.append(node)
                top -= 1
            else:
                args = node._left if type(node._left) is tuple else None
                size = top + (2 if args is None else PyTuple_GET_SIZE(args))
                if room < size:
                    reserve(size)
                node.index = BELOW
                if args is not None:
                    for i in range(PyTuple_GET_SIZE(args) - 1, -1, -1):
                        if args[i] is None or pending(args[i], found):
                            stack[top] = <PyObject *>args[i]
                            top += 1
                else:
                    if pending(node._right, found):
                        stack[top] = <PyObject *>node._right
                        top += 1
                    if pending(node._left, found):
                        stack[top] = <PyObject *>node._left
                        top += 1
        else:
            return found
    finally:
        while top:  # it was left
            top -= 1
            if is_node(<object>stack[top]):
                (<Node>stack[top]).index = 0
        if room > 1 << 13:
            PyMem_Free(stack)
            stack, room = NULL, 0
    return Reference.order(root, done)


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
        op_reduce_slopes(code - 1, size, NULL, x, &node.number, NULL, x + size + 3)
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
        for arg, slope in list(zip(args, local, strict=True)):  # an error comes before any sum
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


cdef inline double computed(Node node, const double *renewed):
    """What an operation of the table gives; with `renewed`, for the numbers there."""
    if type(node._left) is tuple:
        return value(node.code, node._left, renewed)
    return op_value(node.code - 1, number_of(node._left, renewed),
                    number_of(node._right, renewed), 0.0)


cdef inline bint known(object x):
    """Whether an argument is one that an operation could have got."""
    return x is None or type(x) is float or is_node(x) or (
        type(x) is tuple and all([type(arg) is float or is_node(arg) for arg in x]))


def follows(Node node):
    """`graph.evaluation.follows`."""
    if node.code != OTHER and known(node._left) and known(node._right):
        if node.code == LEAF or computed(node, NULL) == node.number:
            return True
    return Reference.follows(node)


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
        result[i] = node.number if node.code == LEAF else computed(node, result)
        if not isfinite(result[i]):
            return False
    for i in range(size):
        node = <Node>PyList_GET_ITEM(nodes, i)
        if node.code != LEAF:
            node.number = result[i]
            node.version += 1
    hooks.changes += 1
    return True
