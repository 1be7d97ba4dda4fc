"""Training: fitting a model to data, its history, and checkpoints."""

from micrograd_plus.training.checkpoint import CheckpointError
from micrograd_plus.training.fit import TrainingError, evaluate, fit
from micrograd_plus.training.history import History

__all__ = ["CheckpointError", "History", "TrainingError", "evaluate", "fit"]
