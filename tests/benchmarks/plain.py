"""The `Value` of today's scalar GPT scripts, which run a small GPT in 200 lines of Python.

They have learnt from micrograd: a node holds no closure, and so is in no cycle of references. It
keeps its children and the derivative with respect to each, computed on the way forward, in slots.
There is nothing else in it, such as checks of numbers, names or operations, that could take time.
As in these scripts, the function that orders the graph refers to itself, so its list of the nodes
waits for Python's garbage collector.
"""

import math


class Plain:
    """A number that keeps what it was made of, and its derivatives with respect to that."""

    __slots__ = ("_children", "_slopes", "data", "grad")

    def __init__(self, data, children=(), slopes=()):
        self.data = data
        self.grad = 0
        self._children = children
        self._slopes = slopes

    def __add__(self, other):
        other = other if isinstance(other, Plain) else Plain(other)
        return Plain(self.data + other.data, (self, other), (1, 1))

    def __mul__(self, other):
        other = other if isinstance(other, Plain) else Plain(other)
        return Plain(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        slope = exponent * self.data ** (exponent - 1)
        return Plain(self.data**exponent, (self,), (slope,))

    def exp(self):
        power = math.exp(self.data)
        return Plain(power, (self,), (power,))

    def log(self):
        return Plain(math.log(self.data), (self,), (1 / self.data,))

    def relu(self):
        return Plain(max(0, self.data), (self,), (float(self.data > 0),))

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -other

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * other**-1

    def __rtruediv__(self, other):
        return self**-1 * other

    __radd__, __rmul__ = __add__, __mul__

    def backward(self):
        order, seen = [], set()

        def visit(node):
            if node not in seen:
                seen.add(node)
                for child in node._children:
                    visit(child)
                order.append(node)

        visit(self)
        self.grad = 1
        for node in reversed(order):
            for child, slope in zip(node._children, node._slopes):  # noqa: B905  as they do
                child.grad += slope * node.grad
