"Every notebook runs from a clean kernel, with the flags of settings.ini, and puts out what it holds."
import base64
import io
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / ".ci"))
from compare_outputs import differences  # noqa: E402

NOTEBOOKS = sorted(str(path.relative_to(ROOT / "nbs")) for path in (ROOT / "nbs").rglob("[!_.]*.ipynb"))
RUN = """
import json, sys
from pathlib import Path
sys.path.insert(0, ".ci")
from save_outputs import run
from execnb.nbio import nb2dict
old, new, _ = run(Path(sys.argv[1]), set())
cells = [(n.idx_ + 1, n.source.splitlines(), *(nb2dict(c.get("outputs") or []) for c in (o, n)))
         for o, n in zip(old.cells, new.cells) if n.cell_type == "code"]
Path(sys.argv[2]).write_text(json.dumps(cells))
"""
# Chapters whose outputs depend on the machine (times, trained networks), and why: only kinds of outputs are compared.
TRAIN = ["learning/18_training", "learning/19_networks_on_votes", "learning/20_classifier_em", "learning/21_labelme",
         "learning/22_music_and_cifar10h", "learning/23_waum", "reference/command_line_learning"]
MACHINE = {f"{name}.ipynb": "networks are trained, and sums of floats differ between processors" for name in TRAIN}
# Chapters that are about real sets from their first page to their last.
NEEDS = {"learning/23_waum.ipynb": ["labelme"], "scores/25_scores.ipynb": ["labelme", "bluebirds", "cifar10h"],
         "learning/22_music_and_cifar10h.ipynb": ["cifar10h"]}


def start(name, folder):
    "Run one notebook in a process of its own; what it put out goes to a file in `folder`."
    env = {**os.environ, "MPLBACKEND": "Agg"}
    cmd = [sys.executable, "-c", RUN, str(ROOT / "nbs" / name), str(folder / f"{name.replace('/', '-')}.json")]
    return subprocess.run(cmd, cwd=ROOT, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=900)


def missing(name):
    "Real sets that a chapter cannot do without and that are not here."
    from crowdbook.data.sets import available
    return [s for s in NEEDS.get(name, []) if not available(s)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    "Where runs leave their outputs."
    return tmp_path_factory.mktemp("outputs")


@pytest.fixture(scope="module")
def runs(request, folder):
    "The chosen notebooks, each run once, started together and two at a time."
    chosen = {i.callspec.params["name"] for i in request.session.items if i.path.name == "test_notebooks.py"
              and hasattr(i, "callspec")}
    pool = ThreadPoolExecutor(min(2, os.cpu_count() or 1))
    yield {name: pool.submit(start, name, folder) for name in sorted(chosen) if not missing(name)}
    pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook(name, runs):
    lost = missing(name)
    if lost:
        pytest.skip(f"{' and '.join(lost)} are neither in CROWDBOOK_MIRROR nor in the cache")
    done = runs[name].result()
    assert done.returncode == 0, f"{name} fails:\n{done.stdout[-2000:]}\n{done.stderr[-6000:]}"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_outputs(name, runs, folder):
    "A figure, a table or a number that changed is named with its cell."
    if not os.path.isdir(os.environ.get("CROWDBOOK_MIRROR", "")):
        pytest.skip("stored outputs show the real data sets, and CROWDBOOK_MIRROR names no folder that has them")
    if name not in runs or runs[name].result().returncode:
        pytest.skip("the notebook does not run, which test_notebook says")
    found = []
    for i, source, old, new in json.loads((folder / f"{name.replace('/', '-')}.json").read_text(encoding="utf-8")):
        label = next((line for line in source if line.startswith("#| label:")), source[0] if source else "empty")
        said = differences(old, new, kinds_only=name in MACHINE)
        found += [f"cell {i} ({label}): {' and '.join(said)}"] if said else []
    assert not found, f"{name}: run python .ci/save_outputs.py nbs/{name} if that is meant\n  " + "\n  ".join(found)


def test_machine_dependent():
    "The list holds only chapters that are there."
    assert not set(MACHINE) - set(NOTEBOOKS)


def draw(y, width=5):
    "A curve as the output of a cell."
    fig, ax = plt.subplots(figsize=(width, 3))
    ax.plot(y)
    file = io.BytesIO()
    fig.savefig(file, format="png")
    plt.close(fig)
    return [dict(output_type="display_data", data={"image/png": base64.b64encode(file.getvalue()).decode()})]


def test_comparison():
    "What counts as the same and what does not."
    said = lambda old, new: differences([dict(output_type="stream", name="stdout", text=t) for t in [old]],
                                        [dict(output_type="stream", name="stdout", text=t) for t in [new]])
    assert not said("DS  0.795 in 103 rounds", "DS 0.797 in 104 rounds")
    assert not said("1.000e-12", "9.999e-13") and not said("-0.001", "\N{MINUS SIGN}0.001")
    assert said("DS 0.795", "DS 0.815") == ["1 numbers changed, the first 0.795 to 0.815"]
    assert "words" in said("DS 0.795", "MV 0.795")[0] and said("3 tasks", "4 tasks") and said("1 2", "1")


def test_comparison_of_figures():
    "Noise passes; a point that moves does not."
    y = np.cumsum(np.random.default_rng(0).normal(size=50))
    old, noisy, moved = draw(y), draw(y + 1e-9), draw(y + 3 * (np.arange(50) == 20))
    assert not differences(old, old) and not differences(old, noisy)
    assert "of the figure's pixels changed" in differences(old, moved)[0]
    assert "size" in differences(old, draw(y, width=6))[0]
