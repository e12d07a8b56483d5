"What must hold for any votes: there and back again in every format, and the two sparse products."

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crowdbook.votes.core import Votes

NUMBERS, WORDS = st.integers(-(10**6), 10**6), st.text("abcé ,;\"'\n01", min_size=1, max_size=6).map("x{}".format)


@st.composite
def crowds(draw):
    "Small votes with identifiers of one kind a column."

    def vocabulary():
        return draw(st.lists(draw(st.sampled_from([NUMBERS, WORDS])), min_size=1, max_size=5, unique=True))

    t, w, c = vocabulary(), vocabulary(), vocabulary()
    cells = draw(st.lists(st.tuples(st.sampled_from(t), st.sampled_from(w)), min_size=1, unique=True))
    return Votes.from_frame(
        pd.DataFrame([(a, b, draw(st.sampled_from(c))) for a, b in cells], columns=["task", "worker", "label"])
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(votes=crowds())
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".json", ".parquet"])
def test_there_and_back(tmp_path, suffix, votes):
    votes.write(tmp_path / f"v{suffix}")
    assert Votes.read(tmp_path / f"v{suffix}") == votes


@settings(max_examples=60, deadline=None)
@given(votes=crowds())
def test_other_forms(votes):
    assert Votes.from_frame(votes.to_frame()) == votes
    assert Votes.from_dict(votes.to_dict()) == votes
    assert Votes.from_matrix(votes.to_matrix(missing=None), missing=None) == votes
    assert votes.feedback.sum() == votes.workload.sum() == votes.counts.sum() == len(votes)


@settings(max_examples=60, deadline=None)
@given(votes=crowds())
def test_products(votes):
    m, K = votes.matrix, votes.n_classes
    rng = np.random.default_rng(0)
    L, T = rng.random((len(m.worker), K)), rng.random((votes.n_tasks, K))
    AL, AtT = np.zeros((votes.n_tasks, K)), np.zeros((len(m.worker), K))
    for i, j, k in zip(votes.task, votes.worker, votes.label):
        p = np.flatnonzero((m.worker == j) & (m.label == k))[0]
        AL[i] += L[p]
        AtT[p] += T[i]
    assert np.allclose(m.A @ L, AL) and np.allclose(m.At @ T, AtT)


@pytest.mark.parametrize(
    "column, classes",
    [
        ([True, False], [False, True]),
        (pd.Series([1.0, 0.0]), [0, 1]),
        (pd.Series(["b", "a"], dtype="category"), ["a", "b"]),
        (pd.Series([3, 1], dtype="Int64"), [1, 3]),
        (pd.Series(["b", "a"], dtype="string"), ["a", "b"]),
        ([0.5, 0.25], [0.25, 0.5]),
    ],
)
def test_every_kind_of_column(column, classes):
    frame = pd.DataFrame(dict(task=[1, 2], worker=["w", "w"], label=column))
    assert list(Votes.from_frame(frame).classes) == classes


def test_gaps_in_identifiers():
    votes = Votes.from_dict({7: {100: 2}, 3: {5: 9}})
    assert list(votes.tasks) == [3, 7] and list(votes.classes) == [2, 9] and list(votes.label) == [1, 0]
