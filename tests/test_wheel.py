"What is shipped works: strategies, trainers, scores and commands run from the built wheel, outside the repository."
import json
import os
import subprocess
import sys

import pytest

START = """
import json, sys, warnings
warnings.simplefilter("ignore")
import numpy as np, pandas as pd
import crowdbook as cb
failures = {}
def attempt(name, call):
    try:
        call()
    except Exception as error:
        failures[name] = f"{type(error).__name__}: {error}"[:200]
"""
END = "\nprint(json.dumps([cb.__file__, failures]))"
STRATEGIES = """
for K in (2, 3):
    votes = cb.simulate(n_task=30, n_worker=8, n_classes=K, feedback=4, seed=0).votes
    for name, model in cb.strategies().items():
        if K > getattr(model, "max_classes", K): continue
        more = dict(weights=pd.Series(1., votes.workers)) if name == "WMV" else {}
        attempt(f"{name} K={K}", lambda: cb.aggregate(votes, name, **more).workers_)
"""
TRAINERS = """
import torch
from torch import nn
from crowdbook.learning.crowd_layers import CROWD_MODELS
crowd = cb.simulate(n_task=24, n_worker=6, n_classes=3, feedback=3, seed=0)
x = np.random.default_rng(0).normal(size=(24, 5)).astype("float32")
pictures = np.random.default_rng(0).integers(256, size=(24, 32, 32, 3)).astype("uint8")
quick = cb.Recipe(epochs=1, batch_size=8)
kinds = {"features": cb.Tasks(x, crowd.votes.tasks), "pictures": cb.Tasks(pictures, crowd.votes.tasks)}
NETWORKS = [("features", n) for n in ("linear", "dense", "mlp", "mlp[hidden=7-7,dropout=.1]", "dense[scale=0]")]
NETWORKS += [("pictures", n) for n in ("linear", "dense", "mlp", "resnet18")]
crowd_model = lambda name: lambda network, recipe: cb.crowd_model(name, network=network, recipe=recipe)
TRAINERS = [cb.Classifier, *map(crowd_model, CROWD_MODELS), cb.WAUM]
NAMES = ["Classifier", *CROWD_MODELS, "WAUM"]
for (kind, network), (name, trainer) in [(a, b) for a in NETWORKS for b in zip(NAMES, TRAINERS)]:
    if network == "resnet18" and name not in ("Classifier", "CrowdLayer", "WAUM"): continue
    about = crowd.truth.to_numpy() if name == "Classifier" else crowd.votes
    attempt(f"{name} {network} on {kind}", lambda: trainer(network, quick).fit(kinds[kind], about))
for network in ("gaussian", "linear", "dense", "mlp[hidden=7]"):
    attempt(f"ClassifierEM {network}", lambda: cb.ClassifierEM(network, quick, rounds=1).fit(x, crowd.votes).labels_)
"""
SCORES = """
from crowdbook.scores import ranking
crowd = cb.simulate(n_task=30, n_worker=8, n_classes=3, feedback=4, seed=0)
x = np.random.default_rng(0).normal(size=(30, 5)).astype("float32")
seconds = pd.DataFrame({"task": crowd.votes.tasks[crowd.votes.task], "worker": crowd.votes.workers[crowd.votes.worker],
                        "seconds": np.arange(1., 121)})
more = {"traps": dict(gold=crowd.truth[:5]), "time": dict(seconds=seconds)}
more |= {name: dict(tasks=cb.Tasks(x, crowd.votes.tasks)) for name in ("WAUM", "AUM", "AUMC")}
for name in ranking.registered_scores():
    written = f"{name}[epochs=2]" if name in ("WAUM", "AUM", "AUMC") else name
    attempt(name, lambda: cb.identify(crowd.votes, written, **more.get(name, {})))
"""


def shipped(wheel, folder, code):
    "Run code with the package from the wheel; what failed, by name."
    env = {**os.environ, "PYTHONPATH": str(wheel), "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    done = subprocess.run([sys.executable, "-c", START + code + END], cwd=folder, env=env, capture_output=True,
                          text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr[-2000:]
    where, failures = json.loads(done.stdout.splitlines()[-1])
    assert where.startswith(str(wheel)), f"the package came from {where}"
    return failures


@pytest.mark.parametrize("group", ["strategies", "trainers", "scores"])
def test_from_the_wheel(group, wheel, tmp_path):
    code = dict(strategies=STRATEGIES, trainers=TRAINERS, scores=SCORES)[group]
    if group != "strategies":
        pytest.importorskip("torch")
    assert shipped(wheel, tmp_path, code) == {}


COMMANDS = [
    "simulate --n-worker 10 --n-task 40 --n-classes 3 --folder crowd", "aggregate crowd -s DS -o labels.csv",
    "aggregate crowd/answers.json -s MV -s GLAD --truth crowd/truth.csv --json", "strategies", "scores",
    "identify crowd -s entropy --top 3", "report crowd -o report.html", "demo", "--help", "--version",
    "shards votes.csv --to parts", "aggregate parts -s MV -o parts.csv",
    "compare votes.csv -s MV -s DS", "verify crowd",
    "train clouds --strategy DS --epochs 2 -o trained", "train clouds --network linear --epochs 2 -o linear",
    "aggregate-deep clouds -s CrowdLayer --epochs 2 -o crowdlayer",
    "aggregate-deep clouds -s CoNAL[scale=1e-4] --epochs 2 -o conal",
    "aggregate-deep clouds -s ClassifierEM -o em",
    "aggregate-deep clouds -s ClassifierEM[network=dense,rounds=1] -o em-dense",
    "modelinfo dense --features 8", "modelinfo vgg16_dense --frozen --side 64", "modelinfo resnet18 --json",
    "install bluebirds --to bluebirds",
]
"""The commands, in an order in which one uses what another has written."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    "A folder with a small data set that has features."
    np = pytest.importorskip("numpy")
    from crowdbook.data.sets import Dataset, Split, write_dataset
    from crowdbook.data.simulation import simulate

    folder = tmp_path_factory.mktemp("desk")
    crowd = simulate(n_task=60, n_worker=10, n_classes=3, feedback=3, seed=1)
    x = (np.random.default_rng(0).normal(size=(60, 8)) + 2 * np.eye(3, 8)[crowd.truth]).astype(np.float32)
    sets = dict(val=Split(crowd.truth[:20], None, x[:20]), test=Split(crowd.truth[20:40], None, x[20:40]))
    write_dataset(Dataset("clouds", crowd.votes, crowd.truth, None, None, x, sets), folder / "clouds")
    crowd.votes.to_frame().to_csv(folder / "votes.csv", index=False)
    return folder


def words(wheel, folder, line):
    "Run one command line from the wheel; what it said if it failed."
    env = {**os.environ, "PYTHONPATH": str(wheel), "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    code = "import crowdbook, sys; from crowdbook.cli import main; print(crowdbook.__file__, file=sys.stderr); main()"
    done = subprocess.run([sys.executable, "-c", code, *line.split()], cwd=folder, env=env, capture_output=True,
                          text=True, stdin=subprocess.DEVNULL)
    assert done.stderr.startswith(str(wheel)), done.stderr
    return "" if done.returncode == 0 else f"{line}: {done.stderr.splitlines()[-1]}"


def test_commands_from_the_wheel(wheel, desk):
    pytest.importorskip("torch")
    lines = [line for line in COMMANDS if "install" not in line or os.environ.get("CROWDBOOK_MIRROR")]
    assert list(filter(None, (words(wheel, desk, line) for line in lines))) == []


SPELLINGS = """
twice = pd.DataFrame({"task": ["a", "a", "b"], "worker": ["u", "u", "u"], "label": ["x", "y", "x"]})
other = twice[1:].rename(columns={"task": "item"})
votes = cb.Votes.from_frame(twice[1:])
DS = cb.aggregate(votes, "DS")
gold = {"a": "z", "b": "x"}
SAID = [
    ("duplicates='last'", lambda: cb.Votes.from_frame(twice), lambda: cb.Votes.from_frame(twice, duplicates="last")),
    ("duplicates='keep'", lambda: cb.Votes.from_frame(twice), lambda: cb.Votes.from_frame(twice, duplicates="keep")),
    ("task=", lambda: cb.Votes.from_frame(other), lambda: cb.Votes.from_frame(other, task="item")),
    ("classes=", lambda: cb.aggregate(votes, "DS", gold=gold),
     lambda: cb.aggregate(cb.Votes.from_frame(twice[1:], classes=["x", "y", "z"]), "DS", gold=gold)),
    ("did you mean GLAD", lambda: cb.aggregate(votes, "GLAAD"), lambda: cb.aggregate(votes, "GLAD")),
    ("NAME[parameter=value]", lambda: cb.aggregate(votes, "DS(tol=1)"), lambda: cb.aggregate(votes, "DS[tol=1]")),
    ("it has tol, max_iter", lambda: cb.aggregate(votes, "DS[toll=1]"),
     lambda: cb.aggregate(votes, "DS[tol=1, max_iter=9]")),
    ("weights=", lambda: cb.aggregate(votes, "WMV"), lambda: cb.aggregate(votes, "WMV", weights={"u": 1})),
    ("votes.join(more)", lambda: cb.aggregate(votes, "EBCC", warm_start=DS),
     lambda: cb.aggregate(votes.join(cb.Votes.from_dict({"c": {"v": "x"}})), "EBCC")),
    ("'bound' or 'cg'", lambda: cb.aggregate(votes, "GLAD[solver=x]"), lambda: cb.aggregate(votes, "GLAD[solver=cg]")),
    ("fit(votes) first", lambda: cb.DawidSkene().score({"a": "x"}),
     lambda: cb.DawidSkene().fit(votes).score({"a": "y"})),
]
for said, wrong, right in SAID:
    try:
        wrong()
        failures[said] = "nothing was refused"
    except (ValueError, TypeError) as error:
        if said not in str(error): failures[said] = f"the error says: {error}"
    attempt(said + ", followed", right)
"""


def test_what_errors_recommend_works(wheel, tmp_path):
    "Each sentence that names a way out is believed."
    assert shipped(wheel, tmp_path, SPELLINGS) == {}
