"""What is learnt is as good as with scikit-learn's network of the same shape, on the same split."""

import warnings

from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from micrograd_plus import datasets, fit, nn, optim
from micrograd_plus.training import evaluate
from tests.effort import slow


def trained(seed):
    """Accuracies on the held-out fifth: ours and theirs."""
    train, held_out = datasets.split(datasets.moons(200, noise=0.1, seed=seed), 0.2, seed)
    model = nn.MLP(2, [16, 16, 1], init="he_uniform", seed=seed)
    loss = nn.binary_cross_entropy_with_logits
    rule = optim.Adam(optim.Cosine(0.02, 100))
    fit(model, train, loss, rule, epochs=100, batch_size=16, seed=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs = MLPClassifier((16, 16), max_iter=1000, random_state=seed).fit(*train)
    return evaluate(model, held_out, loss)["accuracy"], theirs.score(*held_out)


@slow
def test_moons():
    ours, theirs = zip(*map(trained, range(5)), strict=True)
    assert ours[0] >= 0.975
    assert sum(ours) / 5 >= 0.975
    assert all(mine >= other - 1e-9 for mine, other in zip(ours, theirs, strict=True))
