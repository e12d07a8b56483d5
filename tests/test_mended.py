"Faults that once shipped: rows of confusion matrices, objectives that fall, weights at the edge of the numbers."
import warnings

import numpy as np
import pandas as pd
import pytest

from crowdbook import Votes, aggregate
from crowdbook.models.registry import STRATEGIES

CLIMBS = ["GLAD", "MACE", "MACE[method=em]", "OneCoin", "DS", "MAP", "DSS", "FDS", "EBCC", "WDS"]
SPECIAL = {"WMV", "KOS"}  # needs weights; is for two classes


def crowd(n_tasks, n_workers, K, feedback, used=None, seed=0):
    "Random answers, `feedback` on each task, of the first `used` of K classes."
    rng = np.random.default_rng(seed)
    worker = np.concatenate([rng.choice(n_workers, feedback, replace=False) for _ in range(n_tasks)])
    label = rng.integers(used or K, size=n_tasks * feedback)
    task = np.repeat(np.arange(n_tasks), feedback)
    return Votes(task, worker, label, range(n_tasks), range(n_workers), range(K))


def camp(K, accuracy, seed):
    "Three tasks, eight hundred workers on each: no probability of a wrong class survives in floating point."
    rng = np.random.default_rng(seed)
    truth = rng.integers(K, size=3)
    right = rng.random(2400) < accuracy
    label = np.where(right, np.repeat(truth, 800), rng.integers(K, size=2400))
    task, worker = np.repeat(np.arange(3), 800), np.tile(np.arange(800), 3)
    return Votes(task, worker, label, range(3), range(800), range(K)), truth


def quiet(votes, name, **more):
    "A fit without its warnings."
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return aggregate(votes, name, warn=False, **more)


CROWDS = {
    "one class": crowd(10, 4, 1, 2), "one class voted of three": crowd(10, 4, 3, 2, used=1),
    "two classes voted of four": crowd(20, 6, 4, 3, used=2), "sparse": crowd(40, 40, 5, 2),
    "one vote a task": crowd(30, 30, 3, 1),
    "idle worker and task": Votes([0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 1, 1], range(3), range(4), range(3)),
}


@pytest.mark.parametrize("gold", [None, {0: 0, 1: 0}], ids=["no gold", "gold"])
@pytest.mark.parametrize("which", CROWDS)
@pytest.mark.parametrize("name", sorted(set(STRATEGIES) - SPECIAL))
def test_confusions_sum_to_one(name, which, gold):
    "Every row, on crowds that leave most of them empty."
    model = quiet(CROWDS[which], name, gold=gold)
    if hasattr(model, "confusions_"):
        assert np.allclose(model.confusions_.sum(axis=2), 1) and model.confusions_.min() >= 0
    assert np.allclose(model.probas_.sum(axis=1), 1) and np.isfinite(model.probas_).all()


@pytest.mark.parametrize("wrong", [0, 1], ids=["true gold", "false gold"])
@pytest.mark.parametrize("K, accuracy", [(3, .95), (5, .95), (5, .7)])
@pytest.mark.parametrize("name", CLIMBS)
def test_no_objective_falls_with_gold(name, K, accuracy, wrong):
    "One known label against eight hundred votes: the objective rises all the same, and the label stands."
    votes, truth = camp(K, accuracy, seed=0)
    known = int((truth[0] + wrong) % K)
    model = quiet(votes, name, gold={0: known})
    trace = model.log_likelihood_
    assert (np.diff(trace) >= -1e-9 * (1 + abs(trace[-1]))).all() and model.labels_[0] == known


@pytest.mark.parametrize("scale", [1e308, 1.0, 1e-308, 1e-320])
def test_weights_of_any_size(scale):
    "Only their ratios count."
    votes = crowd(12, 4, 3, 3)
    weights = pd.Series([1, 1, .5, .25])
    model = quiet(votes, "WMV", weights=weights * scale)
    assert np.allclose(model.probas_, quiet(votes, "WMV", weights=weights).probas_, atol=1e-3)
    assert np.allclose(model.probas_.sum(axis=1), 1)
