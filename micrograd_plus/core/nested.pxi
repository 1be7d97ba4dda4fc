"""Arguments of transforms: lists and tuples of numbers, with a leaf planted for each."""

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
    for x in given:
        if PyList_GET_SIZE(reading) or not (Py_TYPE(x) == kind or isfinite(plain_number(x))):
            return Reference.planted(args)
    for x in given:
        if Py_TYPE(x) == kind:
            done.add(id(x))
            leaves.append(on_two(MULTIPLY, x, 1.0))
        else:
            leaves.append(made(LEAF, plain_number(x), None, None))
    hooks.changes += 1
    return filled(args, iter(given), "lists"), filled(args, iter(leaves)), leaves, done
