"Chapters open in Colab: link, hidden install cell, GPU; and one is run alone, from the wheel, as Colab would."
import os
import runpy
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT, run
from execnb.nbio import read_nb

CHAPTERS = sorted(path for path in (ROOT / "nbs").rglob("[!_.]*.ipynb") if path.stem != "index")


def test_cells_are_current():
    res = run(sys.executable, ".ci/colab_cells.py", "--check", cwd=ROOT)
    assert res.returncode == 0, res.stdout + res.stderr


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_install_cell(path):
    "It is hidden on the site, skipped by the tests, and takes the package from the repository, not from an index."
    cells = [c.source for c in read_nb(path).cells if c.cell_type == "code" and "google.colab" in c.source]
    assert len(cells) == 1
    assert cells[0].startswith("#| hide\n#| notest\n") and "@ git+https://" in cells[0]


@pytest.mark.parametrize("name", ["models/05_counting", "reference/plots"])
def test_runs_alone(name, wheel, tmp_path):
    "A study finds its stored results in the package; .ci/colab_run.py runs all chapters, in a fresh environment."
    runner = runpy.run_path(str(ROOT / ".ci" / "colab_run.py"))["RUNNER"]
    shutil.copy(ROOT / "nbs" / f"{name}.ipynb", tmp_path)
    skip = {"IN_TEST", "CI", "CROWDBOOK_FULL", "CROWDBOOK_MIRROR"}
    env = {k: v for k, v in os.environ.items() if k not in skip}
    env |= dict(PYTHONPATH=str(wheel), MPLBACKEND="Agg", CROWDBOOK_HOME=str(tmp_path / "home"))
    cmd = [sys.executable, "-c", runner, f"{os.path.basename(name)}.ipynb"]
    done = subprocess.run(cmd, cwd=tmp_path, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
