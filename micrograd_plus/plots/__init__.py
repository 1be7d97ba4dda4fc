"""Pictures of activations, trainings, decisions and loss surfaces, by matplotlib.

Each function draws on the axes that it is given, or else on a figure of its own, and returns the
figure. Colour-blind readers can tell the colours apart, and lines differ by dashes or marks, too.

Others import `curves` and `style`.
"""

from micrograd_plus._tools.habits import front
from micrograd_plus.plots.curves import activation, fitted, gradient_flow, smoothed, training_curves
from micrograd_plus.plots.planes import decision_boundary, loss_along, loss_surface
from micrograd_plus.plots.style import COLOURS, DASHES, GREY, MARKERS, PALE, style

__all__ = [
    "COLOURS",
    "DASHES",
    "GREY",
    "MARKERS",
    "PALE",
    "activation",
    "decision_boundary",
    "fitted",
    "gradient_flow",
    "loss_along",
    "loss_surface",
    "smoothed",
    "style",
    "training_curves",
]

__getattr__, __dir__ = front(__name__, __all__)
