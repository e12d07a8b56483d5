"`crowdbook identify` as a shell calls it: scores in files and as JSON, errors, odd crowds, and what is imported."

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crowdbook import Votes, aggregate
from crowdbook.scores import ranking
from crowdbook.scores.ranking import identify, registered_scores

MIRROR = Path(os.environ.get("CROWDBOOK_MIRROR", "nowhere"))
real = pytest.mark.skipif(not (MIRROR / "votes").is_dir(), reason="the real votes are not here: set CROWDBOOK_MIRROR")
RUN = [sys.executable, "-c", "from crowdbook.cli import main; main()"]
COLUMNS = ["kind", "id", "score", "value", "low", "high", "n_votes"]


def crowdbook(*words, cwd=None, code=0):
    "Run the command line; return standard output, or standard error if it should fail."
    run = subprocess.run([*RUN, *map(str, words)], cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert run.returncode == code, run.stderr
    if code:
        assert run.stderr.count("\n") == 1 and "Traceback" not in run.stderr and not run.stdout
    return run.stderr if code else run.stdout


@pytest.fixture
def folder(tmp_path):
    "A small crowd in files, with the time of each answer."
    rows = ["a,ann,cat,1.5", "a,bob,cat,2", "a,cy,dog,.3", "b,ann,dog,2", "b,bob,dog,", "b,cy,cat,.4", "c,ann,cat,9"]
    (tmp_path / "votes.csv").write_text("task,worker,label,took\n" + "\n".join(rows) + "\n")
    (tmp_path / "gold.csv").write_text("task,label\na,cat\nb,dog\n")
    (tmp_path / "other.csv").write_text("task,label\nz,cat\n")
    (tmp_path / "slow.csv").write_text("task,worker,label,took\na,ann,cat,long\n")
    (tmp_path / "none.csv").write_text("task,worker,label,took\na,ann,cat,0\n")
    return tmp_path


def test_long_table(folder):
    names = ["entropy", "gain", "spam_score", "traps", "time"]
    words = [w for n in names for w in ("-s", n)]
    crowdbook("identify", "votes.csv", *words, "--gold", "gold.csv", "--seconds", "took", "-o", "s.csv", cwd=folder)
    table = pd.read_csv(folder / "s.csv")
    assert list(table.columns) == COLUMNS and list(dict.fromkeys(table.score)) == names
    assert set(table[table.kind == "task"].id) == {"a", "b", "c"}
    assert set(table[table.kind == "worker"].id) == {"ann", "bob", "cy"}
    assert table[table.kind == "task"][["low", "high"]].isna().all(axis=None)
    workers = table[(table.kind == "worker") & table.value.notna()]
    assert ((workers.low <= workers.value) & (workers.value <= workers.high)).all()
    traps = table[table.score == "traps"].set_index("id")
    assert traps.value.to_dict() == dict(ann=1, bob=1, cy=0) and traps.n_votes.to_dict() == dict(ann=2, bob=2, cy=2)
    assert table[table.score == "time"].set_index("id").n_votes.to_dict() == dict(ann=3, bob=1, cy=2)


def test_json_and_default(folder):
    out = json.loads(crowdbook("identify", "votes.csv", "--json", "--top", "2", cwd=folder))
    assert list(out) == ["entropy", "gain", "spam_score", "agreement"]
    for name, found in out.items():
        assert found["kind"] == ("task" if name in ("entropy", "gain") else "worker")
        assert found["seconds"] >= 0 and found["scored"] == 3 and len(found["worst"]) == 2
    assert out["agreement"]["worst"][0]["id"] == "cy"
    table = crowdbook("identify", "votes.csv", cwd=folder)
    assert "the most ambiguous tasks" in table and "the workers with the lowest upper bound" in table


def test_parameters_reach_the_score(folder):
    out = json.loads(crowdbook("identify", "votes.csv", "-s", "entropy[normalised=True]", "--json", cwd=folder))
    assert list(out) == ["entropy[normalised=True]"]
    assert out["entropy[normalised=True]"]["worst"][0]["value"] == pytest.approx(0.9183, abs=1e-4)
    listed = json.loads(crowdbook("scores", "--json"))
    assert {n for n, r in listed.items() if r["kind"] == "task"} == set(registered_scores("task"))
    assert {n for n, r in listed.items() if r["kind"] == "worker"} == set(registered_scores("worker"))


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["identify", "votez.csv"], "votez.csv: there is no such file or folder"),
        (["identify", "votes.csv", "-s", "entropi"], "did you mean entropy?"),
        (["identify", "votes.csv", "-s", "spam_score[strategi=DS]"], "has no parameter 'strategi'; it has strategy"),
        (["identify", "votes.csv", "-s", "spam_score[strategy=DZ]"], "there is no strategy 'DZ'"),
        (["identify", "votes.csv", "-s", "spam_score[strategy=MV]"], "strategy=MV has no confusion matrices"),
        (["identify", "votes.csv", "-s", "gain[worker=eve]"], "worker 'eve' is not one of the workers"),
        (["identify", "votes.csv", "-s", "traps"], "traps needs --gold, a csv file with task,label"),
        (["identify", "votes.csv", "-s", "traps", "--gold", "other.csv"], "other.csv: 1 of 1 tasks are not among"),
        (["identify", "votes.csv", "-s", "traps", "--gold", "missing.csv"], "missing.csv: there is no such file"),
        (["identify", "votes.csv", "-s", "time"], "time needs --seconds COLUMN"),
        (["identify", "votes.csv", "-s", "time", "--seconds", "tok"], "votes.csv has no column 'tok'"),
        (["identify", "slow.csv", "-s", "time", "--seconds", "took"], "slow.csv, row 1: the time is 'long'"),
        (["identify", "none.csv", "-s", "time", "--seconds", "took"], "times must be above 0, or missing"),
        (["identify", "votes.csv", "-s", "WAUM"], "WAUM trains a network and needs a data set folder"),
        (["identify", "votes.csv", "--level", "95"], "level must be a number between 0 and 1, not 95.0"),
        (["identify", "votes.csv", "--top", "0"], "--top"),
        (["identify", "votes.csv", "--task", "image"], "has no column 'image'"),
        (["identify", "votes.csv", "-o", "nowhere/scores.csv"], "there is no folder nowhere"),
        (["identify", "votes.csv", "--jsn"], "No such option: --jsn"),
    ],
)
def test_one_sentence_each(folder, words, sentence):
    before = sorted(p.name for p in folder.iterdir())
    assert sentence in crowdbook(*words, cwd=folder, code=2)
    assert sorted(p.name for p in folder.iterdir()) == before


@real
def test_the_command_prints_what_python_computes(tmp_path):
    votes = MIRROR / "votes" / "bluebirds" / "votes.csv"
    names = ["entropy", "margin", "glad", "spam_score", "trace_confusion", "ability", "agreement"]
    crowdbook("identify", votes, *[w for n in names for w in ("-s", n)], "-o", tmp_path / "s.csv")
    ours, theirs = pd.read_csv(tmp_path / "s.csv"), identify(Votes.read(votes), names)
    assert np.allclose(ours[["value", "low", "high"]], theirs[["value", "low", "high"]].astype(float), equal_nan=True)


@real
def test_scores_follow_identifiers_not_positions():
    "Other names and another order of tasks, workers and rows: the same scores."
    frame = pd.read_csv(MIRROR / "votes" / "rte" / "votes.csv")
    other = frame.sample(frac=1, random_state=0)
    other = other.assign(task="t" + other.task.astype(str), worker="w" + other.worker.astype(str))
    names = ["entropy", "gain", "spam_score", "trace_confusion", "agreement", "agreement[against=majority]"]
    a, b = identify(Votes.from_frame(frame), names), identify(Votes.from_frame(other), names)
    b = b.assign(id=b.id.str[1:])
    a, b = (x.assign(id=x.id.astype(str)).set_index(["score", "id"])[["value", "low", "high"]] for x in (a, b))
    a, b = a.astype(float), b.astype(float)
    some = a.index.get_level_values(0) != "gain"  # drawn workers depend on the order, when there are more than `most`
    assert np.allclose(a[some], b.reindex(a.index)[some], atol=1e-6, equal_nan=True)


def test_a_worker_with_three_votes_is_not_the_best():
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=200)
    right = rng.random((200, 6)) < 0.95
    answers = {i: {f"busy{j}": int(y if right[i, j] else 1 - y) for j in range(6)} for i, y in enumerate(truth)}
    for i in range(3):
        answers[i]["new"] = int(truth[i])
    table = identify(answers, ["agreement", "trace_confusion", "accuracy", "traps"], gold=dict(enumerate(truth)))
    for score, rows in table.groupby("score"):
        rows = rows.set_index("id")
        assert rows.low["new"] < rows.drop("new").low.min(), score


@pytest.mark.parametrize("K", [1, 2, 40])
def test_edges(K):
    "One class, many classes, an idle worker, a task without votes, a single vote."
    rng = np.random.default_rng(0)
    task, worker, label = (rng.integers(n, size=60) for n in (9, 4, K))
    votes = Votes(task, worker, label, range(10), range(5), range(K))
    for v in (votes, votes.select(tasks=[int(votes.task[0])]), Votes([0], [0], [0], ["t"], ["w"], range(K))):
        workers = set(registered_scores("worker")) - {"traps", "time"}
        table = identify(v, ["entropy", "margin", "glad", "gain", *workers])
        some = table[table.n_votes > 0]
        assert np.isfinite(some[some.score != "agreement"]["value"]).all()
        bounded = some.dropna(subset=["low", "high"])
        assert ((bounded.low <= bounded.value) & (bounded.value <= bounded.high)).all()
        assert table[table.n_votes == 0]["value"].isna().all()


def test_imports_stay_light(folder):
    "Scores without a network never import torch, nor a plotting library."
    code = (
        "import sys\nfrom crowdbook.cli import main\ntry: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "print('|'.join(m for m in sys.modules if '.' not in m), file=sys.stderr)"
    )
    for words, heavy in (
        (["identify", "--help"], {"torch", "pandas", "scipy", "numpy", "matplotlib"}),
        (["identify", "votes.csv"], {"torch", "matplotlib", "sklearn", "IPython"}),
    ):
        run = subprocess.run([sys.executable, "-c", code, *words], cwd=folder, capture_output=True, text=True)
        assert not heavy & set(run.stderr.strip().splitlines()[-1].split("|"))


def test_both_forms_of_the_call():
    code = (
        "import crowdbook.scores.ranking\nfrom crowdbook.scores.ranking import identify_tasks\n"
        "print(crowdbook.identify({'t': {'a': 'x', 'b': 'y'}}, 'entropy')['value'].round(3).tolist())"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (out.stdout, out.returncode) == ("[0.693]\n", 0), out.stderr
    assert callable(aggregate)


def test_a_folder_brings_its_features(tmp_path):
    "Scores that train a network take the features of a data set folder, in the order of the tasks."
    from crowdbook.data.sets import Dataset, write_dataset
    from crowdbook.data.simulation import simulate
    crowd = simulate(n_task=60, n_worker=6, n_classes=3, feedback=3, seed=0)
    x = np.random.default_rng(0).normal(size=(60, 4)) + 3 * np.eye(3, 4)[crowd.truth]
    write_dataset(Dataset("clouds", crowd.votes, crowd.truth, features=x.astype(np.float32)), tmp_path / "clouds")
    np.save(tmp_path / "x.npy", x.astype(np.float32))
    name, values = "WAUM[epochs=3,network=linear]", []
    for more in ([], ["--features", "x.npy"]):
        crowdbook("identify", "clouds", "-s", name, "-o", "s.csv", *more, cwd=tmp_path)
        values.append(pd.read_csv(tmp_path / "s.csv").value)
    assert np.allclose(*values)


PACKAGE = """
import pandas as pd
from crowdbook import score

@score("diligence", "worker", direction="low")
def diligence(q, power: float = 1.):
    "Votes of the worker, to a power; low: new here."
    return q.votes.workload ** power

@score("latest", "task", direction="high")
def latest(q):
    "How late the task comes in the alphabet, without those nobody saw."
    return pd.Series({task: float(i) for i, task in enumerate(q.votes.tasks) if q.votes.feedback[task]})
"""


def install(folder, name, text):
    "A package as an installer leaves it: a module and its announcement."
    (folder / f"{name}.py").write_text(text)
    (info := folder / f"{name}-1.dist-info").mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[crowdbook.scores]\n{name} = {name}\n")


def test_scores_of_installed_packages(folder, monkeypatch):
    "A package's scores are listed and run by the command line, and one that is broken stops nobody."
    install(folder, "extrascores", PACKAGE)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
    listed = json.loads(crowdbook("scores", "--json"))
    assert listed["diligence"]["parameters"] == ["power"] and listed["latest"]["kind"] == "task"
    assert listed["diligence"]["what"] == "Votes of the worker, to a power; low: new here."
    words = ["identify", "votes.csv", "-s", "Diligence[power=2]", "-s", "latest", "--json"]
    out = json.loads(crowdbook(*words, cwd=folder))
    worst = out["Diligence[power=2]"]["worst"][0]
    assert (worst["id"], worst["value"]) == ("bob", 4) and out["latest"]["worst"][0]["id"] == "c"
    assert "did you mean diligence?" in crowdbook("identify", "votes.csv", "-s", "diligense", cwd=folder, code=2)
    install(folder, "brokenscores", "raise RuntimeError('not today')")
    run = subprocess.run([*RUN, "scores", "--json"], capture_output=True, text=True)
    assert json.loads(run.stdout) == listed and "scores of brokenscores cannot be used: not today" in run.stderr


def test_a_score_of_ones_own(monkeypatch):
    "The decorator registers, refuses what is taken, and does not mind a cell that is run twice."
    from crowdbook import score

    monkeypatch.setattr(ranking, "SCORES", dict(ranking.SCORES))

    def errors(q, scale: float = 1.):
        "Share of votes against the majority; high: doubtful."
        return scale * (1 - identify(q.votes, "agreement[against=majority]").set_index("id").value)

    for _ in range(2):
        score("errors", "worker", direction="high")(errors)
    answers = {t: {"ann": "x", "bob": "x", "cy": "x", "dan": "xy"[t % 2]} for t in range(6)}
    table = ranking.identify_workers(answers, ["errors", "errors[scale=100]"])
    assert table["errors[scale=100]"].to_dict() == dict(ann=0, bob=0, cy=0, dan=50)
    assert ranking.rank_workers(table, "errors", by="value").index[-1] == "dan"
    assert ranking.to_review(identify(answers, "errors"), 1)["id"].tolist() != ["ann"]
    wrong = ("new", "vote"), ("new", "task", ["money"]), ("two words", "task")
    for bad in (("entropy", "task"), ("ERRORS", "worker"), *wrong):
        with pytest.raises(ValueError, match="there is a score|kind is task, worker or crowd"):
            score(*bad)(print)


def test_without_torch():
    "One sentence that says what to install; the other scores go on."
    code = (
        "import sys; sys.modules['torch'] = None\nimport numpy as np, crowdbook as cb\n"
        "votes = {'t': {'a': 'x', 'b': 'y'}}\nprint(len(cb.identify(votes, ['entropy', 'agreement'])))\n"
        "for s in ('WAUM', 'AUM', 'AUMC'):\n    try: cb.identify(votes, s, tasks=np.zeros((1, 2)))\n"
        "    except ValueError as e: print(e)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    lines = out.stdout.splitlines()
    assert out.returncode == 0, out.stderr
    assert lines[0] == "3" and len(lines) == 4 and all("torch" in x and "crowdbook[learn]" in x for x in lines[1:])
