"""Training: fitting a model to data, its history, checkpoints, and clusters of processes.

Others import `checks`, `cluster`, `fit`, `history` and `launcher`.
"""

from micrograd_plus.training.checkpoint import CheckpointError
from micrograd_plus.training.cluster import Cluster, ClusterError
from micrograd_plus.training.fit import TrainingError, evaluate, fit
from micrograd_plus.training.history import History

__all__ = [
    "CheckpointError",
    "Cluster",
    "ClusterError",
    "History",
    "TrainingError",
    "evaluate",
    "fit",
]
