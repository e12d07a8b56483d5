"The promises of chapter 02b, kept by every strategy of the registry."

import os
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdbook import Votes, aggregate
from crowdbook.data.simulation import simulate
from crowdbook.models.checks import check_strategy
from crowdbook.models.registry import STRATEGIES

NAMES = list(STRATEGIES)
ABSTAIN = {"TwoThird", "PlantNet"}  # may leave a task with votes undecided
K_IS_IN_THE_MODEL = {"GLAD", "OneCoin", "MAP", "Panel", "KOS"}  # wrong answers spread over K - 1, or K is fixed
OBJECTIVES = ["DS", "GLAD", "OneCoin", "FDS", "MAP", "DSS", "WDS", "MACE", "MACE[method=em]", "EBCC[M=3]"]


def fit(votes, name, **kw):
    "The strategy fitted; WMV with unequal weights that belong to the workers' rank by workload, not to their names."
    if name == "WMV":
        kw["weights"] = pd.Series(1 + votes.workload / (1 + votes.workload.max()), index=votes.workers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return aggregate(votes, name, **kw)


@pytest.fixture
def crowd(name):
    "Eighty tasks; four classes, or as many as the strategy allows."
    K = getattr(STRATEGIES[name], "max_classes", 4)
    return simulate(n_task=80, n_worker=20, n_classes=K, feedback=5, seed=1)


@pytest.mark.parametrize("name", NAMES)
def test_shapes(name, crowd):
    m, v = fit(crowd.votes, name), crowd.votes
    assert m.probas_.shape == (80, v.n_classes) and np.allclose(m.probas_.sum(axis=1), 1) and (m.probas_ >= 0).all()
    assert m.labels_.index.equals(v.tasks.rename("task")) and list(m.workers_.index) == list(v.workers)
    decided = m.labels_.notna().to_numpy()
    assert decided.all() or name in ABSTAIN
    assert len(m.tasks_) == 80 and m.score(crowd.truth) > 0.5 * decided.mean()
    assert (m.labels_.to_numpy() == m.classes_.to_numpy()[m.probas_.argmax(axis=1)])[decided].mean() > 0.8


@pytest.mark.parametrize("name", NAMES)
def test_row_order_changes_nothing(name, crowd):
    frame = crowd.votes.to_frame()
    a, b = fit(crowd.votes, name), fit(Votes.from_frame(frame.sample(frac=1, random_state=3)), name)
    assert (a.probas_ == b.probas_).all() and a.labels_.equals(b.labels_)


@pytest.mark.parametrize("name", NAMES)
def test_new_names_change_only_names(name, crowd):
    K, frame = crowd.votes.n_classes, crowd.votes.to_frame()
    classes, workers = np.array([2, 0, 3, 1] if K == 4 else [1, 0]), np.random.default_rng(5).permutation(20)
    renamed = fit(Votes.from_frame(frame.assign(label=classes[frame.label], worker=workers[frame.worker])), name)
    a = fit(crowd.votes, name)
    if a.uses_draws:  # ties are drawn in the order of the classes: only names of workers change nothing
        renamed = fit(Votes.from_frame(frame.assign(worker=workers[frame.worker])), name)
        classes = np.arange(K)
    sure = a.confidence_.to_numpy() > np.sort(a.probas_)[:, -2] + 1e-6
    assert np.allclose(renamed.probas_[:, classes], a.probas_, atol=1e-8)
    assert renamed.labels_.isna().equals(a.labels_.isna())
    assert list(renamed.labels_[sure]) == list(classes[a.labels_[sure].astype(int)])
    assert np.allclose(renamed.workers_.accuracy.to_numpy()[workers], a.workers_.accuracy, atol=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_many_votes_on_a_task_stay_finite(name):
    rng, K = np.random.default_rng(0), getattr(STRATEGIES[name], "max_classes", 5)
    v = Votes(
        np.repeat([0, 1], 800), np.tile(np.arange(800), 2), rng.integers(K, size=1600), ["s", "t"], range(800), range(K)
    )
    m = fit(v, name)
    assert np.isfinite(m.probas_).all() and np.allclose(m.probas_.sum(axis=1), 1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("K", [1, 2, 50])
def test_number_of_classes(name, K):
    rng = np.random.default_rng(K)
    v = Votes(
        np.repeat(np.arange(30), 4), np.tile(np.arange(4), 30), rng.integers(K, size=120), range(30), range(4), range(K)
    )
    if K > getattr(STRATEGIES[name], "max_classes", K):
        with pytest.raises(ValueError, match=f"{name} is for two classes and these votes have"):
            fit(v, name)
        return
    m = fit(v, name)
    assert np.isfinite(m.probas_).all() and m.probas_.shape == (30, K) and np.allclose(m.probas_.sum(axis=1), 1)


@pytest.mark.parametrize("name", NAMES)
def test_one_worker_one_task(name):
    label = fit(Votes.from_dict({"t": {"w": "yes"}}), name).labels_["t"]
    assert pd.isna(label) if name in ABSTAIN else label == "yes"


@pytest.mark.parametrize("name", NAMES)
def test_empty_task_worker_and_class(name, crowd):
    v = crowd.votes
    K = v.n_classes + (name != "KOS")
    wide = Votes(v.task, v.worker, v.label, range(81), range(21), range(K))
    a, b = fit(v, name), fit(wide, name)
    if name not in K_IS_IN_THE_MODEL:
        assert np.allclose(b.probas_[:80, : v.n_classes], a.probas_, atol=1e-8)
        assert b.labels_[:80].dropna().to_dict() == a.labels_.dropna().to_dict()
    assert np.isfinite(b.probas_).all() and pd.isna(b.labels_[80])
    assert b.workers_.n_votes[20] == 0 and np.isnan(b.workers_.accuracy[20])


@pytest.mark.parametrize("name", NAMES)
def test_gold_clamps(name, crowd):
    gold = (crowd.truth[:30] + 1) % crowd.votes.n_classes  # wrong on purpose: gold is believed all the same
    m = fit(crowd.votes, name, gold=gold)
    assert list(m.labels_[:30]) == list(gold) and (m.probas_[:30].max(axis=1) == 1).all()
    if hasattr(m, "log_likelihood_"):
        assert (np.diff(m.log_likelihood_) > -1e-8 * abs(m.log_likelihood_[-1])).all()


@pytest.mark.parametrize("name", NAMES)
def test_new_votes_of_known_workers(name, crowd):
    m = fit(crowd.votes, name)
    p = m.predict_proba(crowd.votes.select(tasks=range(10)))
    assert p.shape == (10, crowd.votes.n_classes) and np.allclose(p.sum(axis=1), 1)
    if name != "GLAD":  # which learns the easiness of a task anew
        assert (p.argmax(axis=1) == m.probas_[:10].argmax(axis=1)).mean() >= 0.9
    with pytest.raises(ValueError, match="worker 'stranger' was not among"):
        m.predict_proba({"t": {"stranger": 0}})


@pytest.mark.parametrize("name", OBJECTIVES)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_objective_never_falls(name, data):
    n, W, K = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 6)), data.draw(st.integers(1, 4))
    cells = data.draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, W - 1)), min_size=1, unique=True))
    labels = [data.draw(st.integers(0, K - 1)) for _ in cells]
    t, w = zip(*cells)
    m = fit(Votes(list(t), list(w), labels, range(n), range(W), range(K)), name, max_iter=50)
    assert (np.diff(m.log_likelihood_) > -1e-8 * (1 + abs(m.log_likelihood_[-1]))).all()
    assert np.isfinite(m.probas_).all()


CLEAR = "cannot go on from an earlier fit; put the votes together with votes.join"
BATCHED = {"MV", "NS", "WMV", "TwoThird", "LA", "DS", "OneCoin", "MAP", "DSS", "WDS", "GLAD", "MACE", "Panel"}


@pytest.mark.parametrize("name", NAMES)
def test_more_votes(name, crowd):
    "Votes in two batches of tasks end near one fit to all, or a sentence says that the strategy cannot."
    v = crowd.votes
    first, rest = v.select(tasks=range(60)), v.select(tasks=range(60, 80))
    model = fit(first, name)
    if name not in BATCHED:
        labels = model.labels_.copy()
        for go_on in (model.partial_fit, STRATEGIES[name]().partial_fit):
            with pytest.raises(ValueError, match=CLEAR):
                go_on(rest)
        assert model.votes_ is first and model.labels_.equals(labels)
        return
    if name == "WMV":
        model.weights = pd.Series(1 + v.workload / (1 + v.workload.max()), index=v.workers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.partial_fit(rest)
    whole = fit(v, name)
    assert model.votes_ == v and np.allclose(model.probas_.sum(axis=1), 1)
    assert abs(model.score(crowd.truth) - whole.score(crowd.truth)) < 0.1
    assert (model.labels_.fillna(-1) == whole.labels_.fillna(-1)).mean() > 0.8
    if hasattr(model, "log_likelihood_"):
        assert (np.diff(model.log_likelihood_) > -1e-8 * abs(model.log_likelihood_[-1])).all()


@pytest.mark.parametrize("name", sorted(BATCHED - {"LA"}))
def test_going_on_with_new_tasks_workers_and_classes(name, crowd):
    "The same votes again are no news; new identifiers in another order are; nothing is learned from an error."
    v = crowd.votes
    model = fit(v, name)
    if name != "WMV":
        again = fit(v, name, warm_start=model)
        assert np.allclose(again.probas_, model.probas_, atol=0.02)
        assert getattr(again, "n_iter_", 1) <= getattr(model, "n_iter_", 1)
        K = v.n_classes
        more = {200: {0: K, 99: K, 1: K}, 0: {98: 0}}
        model.partial_fit(more)
        assert model.probas_.shape == (81, K + 1) and np.isfinite(model.probas_).all() and len(model.workers_) == 22
        assert model.labels_[200] == K
        turned = Votes.from_frame(v.to_frame(), classes=range(K)[::-1], workers=range(20)[::-1])
        warm = fit(turned, name, warm_start=fit(v.select(tasks=range(60)), name))
        same = fit(v, name, warm_start=fit(v.select(tasks=range(60)), name))
        untied = same.confidence_.to_numpy() > .5 if same.uses_draws else np.ones(len(same.labels_), bool)
        assert np.allclose(warm.probas_[untied][:, ::-1], same.probas_[untied], atol=1e-8)
    before = model.probas_.copy()
    with pytest.raises(ValueError, match="votes a second time on task 0"):
        model.partial_fit({0: {int(v.worker[0]): 0}})
    assert (model.probas_ == before).all()
    with pytest.raises(ValueError, match="the workers of these votes are of type string"):
        model.partial_fit({300: {"ann": 0}})
    if name != "WMV":
        gold = fit(v.select(tasks=range(40)), name, gold=crowd.truth[:20]).partial_fit(
            v.select(tasks=range(40, 80)), gold=crowd.truth[40:50]
        )
        assert list(gold.labels_[:20]) == list(crowd.truth[:20]) and gold.labels_[45] == crowd.truth[45]


@pytest.mark.parametrize("K", [2, 10, 20_000])
@pytest.mark.parametrize("name", [n for n in NAMES if n != "WMV"])
def test_every_promise(name, K):
    "The contract as a function, on few classes and on many."
    more = {"MACE": dict(restarts=2), "EBCC": dict(restarts=1, M=3)}.get(name, {})
    if K > getattr(STRATEGIES[name], "max_classes", K):
        pytest.skip(f"{name} is for two classes")
    check_strategy(STRATEGIES[name], K, **more)


def test_scikit_learn_can_clone():
    "Parameters, and nothing that was learned."
    from sklearn.base import clone

    c = simulate(n_task=30, n_worker=8, n_classes=3, feedback=3, seed=0)
    twin = clone(STRATEGIES["GLAD"](tol=1e-3).fit(c.votes))
    assert twin.tol == 1e-3 and not hasattr(twin, "votes_")


TIES = ["MV", "WAWA", "DS", "Panel"]


@pytest.mark.parametrize("name", TIES)
def test_ties_do_not_depend_on_other_tasks(name):
    "MV with tasks added or taken away: the same labels on the common ones; others: the same draws."
    v = simulate(n_task=200, n_worker=20, n_classes=5, feedback=3, seed=1).votes
    if name == "MV":
        half = fit(v.select(tasks=range(100)), name)
        assert half.labels_.equals(fit(v, name).labels_[:100])
    shuffled = Votes.from_frame(v.to_frame().sample(frac=1, random_state=0))
    assert fit(shuffled, name).labels_.equals(fit(v, name).labels_)


def test_a_strategy_of_the_users_own(tmp_path):
    "Registered by a decorator, or by an entry point of another package; known to aggregate, compare and the shell."
    import subprocess
    import sys

    (tmp_path / "theirs.py").write_text(
        "from crowdbook.models.majority import MajorityVote\n\n\nclass Theirs(MajorityVote):\n"
        "    'Their own vote.'\n")
    meta = tmp_path / "theirs-1.0.dist-info"
    meta.mkdir()
    (meta / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (meta / "entry_points.txt").write_text("[crowdbook.strategies]\nTheirs = theirs:Theirs\n")
    code = ("from crowdbook.models.registry import aggregate, compare, strategies, strategy\n"
            "from crowdbook.models.majority import NaiveSoft\n"
            "@strategy('Mine')\nclass Mine(NaiveSoft):\n    'Mine.'\n"
            "toy = {'t': {'a': 'x', 'b': 'x', 'c': 'y'}}\n"
            "assert aggregate(toy, 'Mine').labels_['t'] == aggregate(toy, 'Theirs').labels_['t'] == 'x'\n"
            "assert {'Mine', 'Theirs'} <= set(compare(toy)) and 'Theirs' in strategies()\n"
            "from crowdbook.cli import main\nmain(['strategies'])")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, cwd=tmp_path)
    assert done.returncode == 0 and "Theirs" in done.stdout and "Mine" in done.stdout, done.stderr
