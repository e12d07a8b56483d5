"Every notebook runs from a clean kernel, with the flags of settings.ini."
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import ROOT

NOTEBOOKS = sorted(path.name for path in (ROOT / "nbs").glob("[!_.]*.ipynb"))
RUN = """
import sys
from pathlib import Path
from nbdev.config import get_config
from nbdev.test import test_nb
cfg = get_config()
passed, seconds = test_nb(Path(sys.argv[1]), skip_flags=cfg.tst_flags.split(), basepath=cfg.config_path)
sys.exit(not passed)
"""


def start(name):
    "Run one notebook in a process of its own."
    env = {**os.environ, "MPLBACKEND": "Agg"}
    cmd = [sys.executable, "-c", RUN, str(ROOT / "nbs" / name)]
    return subprocess.run(cmd, cwd=ROOT, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=900)


@pytest.fixture(scope="module")
def runs(request):
    "The chosen notebooks, started together and two at a time."
    chosen = [i.callspec.params["name"] for i in request.session.items if i.path.name == "test_notebooks.py"]
    pool = ThreadPoolExecutor(min(2, os.cpu_count() or 1))
    yield {name: pool.submit(start, name) for name in chosen}
    pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook(name, runs):
    done = runs[name].result()
    assert done.returncode == 0, f"{name} fails:\n{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
