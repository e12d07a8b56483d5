"What must hold for any votes: there and back again in every format, and the two sparse products."

import gzip
from contextlib import contextmanager
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crowdbook.votes import Votes, files, read_labels, read_seconds, read_weights
from crowdbook.votes.identifiers import encode, find_keys
from crowdbook.votes.messages import did_you_mean, option, spelled

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


def test_ordered_categories_stay():
    "Also those that nobody chose, and through a Parquet file of another program."
    grades = pd.CategoricalDtype(["bad", "fair", "good"], ordered=True)
    frame = pd.DataFrame(dict(task=[1, 2], worker=["w", "w"], label=pd.Series(["good", "bad"], dtype=grades)))
    assert list(Votes.from_frame(frame).classes) == ["bad", "fair", "good"]
    assert list(Votes.from_frame(frame).join(Votes.from_frame(frame), "last").classes) == ["bad", "fair", "good"]
    loose = frame.assign(label=frame.label.astype(pd.CategoricalDtype(["good", "bad", "fair"])))
    assert list(Votes.from_frame(loose).classes) == ["bad", "good"]


@settings(max_examples=60, deadline=None)
@given(votes=crowds(), seed=st.integers(0, 9))
def test_sums(votes, seed):
    x = np.random.default_rng(seed).random(len(votes))
    for sums, code, n in ((votes.by_task, votes.task, votes.n_tasks), (votes.by_worker, votes.worker, votes.n_workers)):
        assert np.allclose(sums(x), [x[code == i].sum() for i in range(n)])
        assert list(sums()) == [(code == i).sum() for i in range(n)]


@given(keys=st.sets(st.integers(0, 40)), wanted=st.lists(st.integers(-5, 50)))
def test_find_keys(keys, wanted):
    keys, wanted = np.array(sorted(keys), dtype=np.int64), np.array(wanted, dtype=np.int64)
    place, found = find_keys(keys, wanted)
    assert list(found) == list(np.isin(wanted, keys)) and list(keys[place[found]]) == list(wanted[found])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(votes=crowds(), rows=st.integers(1, 4))
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", None])
def test_batches_are_the_votes(tmp_path, suffix, votes, rows):
    "Read in batches, from a file or from memory, votes are those that are read at once."
    source = votes if suffix is None else tmp_path / f"v{suffix}"
    if suffix is not None:
        votes.write(source)
    with mock.patch.object(files, "ROWS", rows):
        parts = list(files.batches(source, dict(task="task", worker="worker", label="label")))
    frame = pd.concat([p.to_pandas() for p in parts])
    assert Votes.from_frame(frame, text=True) == Votes.from_frame(votes.to_frame(), text=True)


def test_many_blocks(tmp_path):
    "A file of several blocks, whose identifiers are new in each."
    n = 1_500_000
    frame = pd.DataFrame(dict(task=np.arange(n) // 3, worker=np.arange(n) % 1000, label=np.arange(n) // (n // 8)))
    frame.to_csv(tmp_path / "v.csv", index=False)
    assert (tmp_path / "v.csv").stat().st_size > 1 << 24
    assert Votes.read(tmp_path / "v.csv", duplicates="keep") == Votes.from_frame(frame, duplicates="keep")


@pytest.mark.parametrize("name", ["v.csv", "v.tsv", "v.csv.gz", "v.jsonl", "v.json"])
def test_read_once(tmp_path, name):
    "A plain Votes.read opens its file once: when it is open its name is taken away, and nothing is missed."
    votes = Votes.from_dict({"a": {"ann": "cat", "bob": "dog"}, "b": {"ann": "dog"}})
    votes.write(tmp_path / name.removesuffix(".gz"))
    if name.endswith(".gz"):
        (tmp_path / name).write_bytes(gzip.compress((tmp_path / "v.csv").read_bytes()))
    real = files._open

    @contextmanager
    def once(path, *args, **more):
        with real(path, *args, **more) as file:
            path.unlink()
            yield file

    with mock.patch.object(files, "_open", once):
        assert Votes.read(tmp_path / name) == votes
    assert not (tmp_path / name).exists()


HEAD = "task,worker,label\n"


@pytest.mark.parametrize(
    "name, content, sentence",
    [
        ("v.csv", HEAD + "1,ann,cat\n2,ann,\n", "v.csv, row 2: the label is missing; fill it in or remove the row"),
        ("v.csv", HEAD + "1,ann,cat\n2,ann\n", "v.csv, row 2: 2 cells where the header has 3; complete the row"),
        ("v.csv", HEAD + "\n1,ann,cat\n\n2,ann\n", "v.csv, row 2: 2 cells where the header has 3"),
        ("v.csv", HEAD + '1,ann,"cat\n2,ann,dog\n', "row 1: a quote is opened and never closed; close or remove"),
        ("v.csv", HEAD + '1,ann,"cat\n' + "2,ann,dog\n" * 20000, "v.csv, row 1: a quote is opened and never closed"),
        ("v.csv", HEAD.encode() + b"1,ann,cat\n2,ren\xe9,dog\n", "row 2: not utf-8 text; save the file as UTF-8"),
        ("v.csv", b"t\xe2che,worker,label\n1,ann,cat\n", "v.csv, first line: not utf-8 text"),
        ("v.csv", "task;worker;label\n1;ann;cat\n", "looks separated by ';'; pass sep=';'"),
        ("v.csv", "task,Worker,label\n1,ann,cat\n", "has no column 'worker' (it has 'task', 'Worker', 'label'); did"),
        ("v.csv", "task,worker,label,label\n1,ann,cat,cat\n", "has 2 columns named 'label'; rename all but one"),
        ("v.csv", HEAD, "v.csv holds no vote; give at least one row"),
        ("v.csv", "", "v.csv is empty"),
        ("v.jsonl", '{"task": 1, "worker": "ann", "label": "cat"}\n[1]\n', "row 2: expected a record {...}, not '[1]'"),
        ("v.jsonl", '{"task": 1, "worker": "ann"}\n', "row 1: the record has no 'label' but 'task', 'worker'; add"),
        ("v.json", '{"1": {"ann": "cat", "ann": "dog"}}', "v.json: the key 'ann' stands twice in one object; keep one"),
        ("v.json", '{"1": {"ann": null}}', "v.json, task '1', worker 'ann': the label is missing"),
        ("v.json", '{"1": {"ann": ["cat"]}}', "v.json, task '1', worker 'ann': the label is ['cat']; give one label"),
        ("v.txt", "0 99999999999999999999\n", "v.txt: a .txt file must hold a matrix of whole numbers"),
        ("v.parquet", "PAR1", "v.parquet is not a Parquet file, or was not written to its end"),
        ("v.xlsx", "PK", "the ending '.xlsx' is not known; use .csv"),
    ],
)
def test_sentences(tmp_path, name, content, sentence):
    "What cannot be votes is refused in one sentence with the file, the row and what helps."
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError) as told:
        Votes.read(tmp_path / name)
    assert sentence in str(told.value) and "\n" not in str(told.value)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".json", ".parquet"])
def test_one_reader_for_all(tmp_path, suffix):
    "Labels, weights and times come from every format of tables, under any names of columns."
    path = tmp_path / f"t{suffix}"
    frame = pd.DataFrame(dict(image=["a", "b"], who=["ann", "bob"], says=["cat", "dog"], x=[1.5, 2.0]))
    dict(csv=lambda: frame.to_csv(path, index=False), tsv=lambda: frame.to_csv(path, index=False, sep="\t"),
         jsonl=lambda: frame.to_json(path, orient="records", lines=True), parquet=lambda: frame.to_parquet(path),
         json=lambda: frame.to_json(path, orient="records"))[suffix[1:]]()
    assert read_labels(path, "image", "says").to_dict() == dict(a="cat", b="dog")
    assert read_weights(path, "who", "x").to_dict() == dict(ann=1.5, bob=2.0)
    assert read_seconds(path, "x", "who").to_dict("list") == dict(worker=["ann", "bob"], seconds=[1.5, 2.0])


def test_damaged_files(tmp_path):
    "Cut off, damaged or nested without end: one sentence, and the name of the file."
    whole = gzip.compress("task,worker,label\n".encode() + b"".join(b"%d,%d,x\n" % (i, i % 7) for i in range(3000)))
    broken = whole[:400] + bytes(b ^ 255 for b in whole[400:440]) + whole[440:]
    for name, content in (("cut.csv.gz", whole[:-30]), ("broken.csv.gz", broken), ("no.csv.gz", b"task,label\n")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"{name}: damaged, or cut off"):
            Votes.read(tmp_path / name)
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match="deep.json: lists or objects stand in one another too deeply"):
        Votes.read(tmp_path / "deep.json")


def test_text_becomes_numbers_together():
    "Identifiers of a text file and those that are given are numbers both, or text both."
    for wanted, names in ((["0", "1"], [0, 1]), ([1, 0], [1, 0]), (["0", "1", "?"], ["0", "1", "?"])):
        codes, found = encode(["1", "0"], True, wanted)
        assert list(found) == names and [str(found[c]) for c in codes] == ["1", "0"]


def test_options_as_their_reader_writes_them():
    assert did_you_mean("glat", ["DS", "GLAD"]) == "; did you mean GLAD?" and not did_you_mean("xyz", ["DS", "GLAD"])
    with spelled(lambda name, value: f"--{name}"), pytest.raises(ValueError, match="name the right one with --task"):
        Votes.from_frame(pd.DataFrame(dict(image=[1], worker=[1], label=[1])))
    assert option("task") == "task=..."
