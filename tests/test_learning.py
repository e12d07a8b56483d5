"Training survives a kill: the weights after --resume are those of a run that was never interrupted."
import json
import os
import signal
import subprocess
import sys
import time

import pytest

torch = pytest.importorskip("torch")

COMMAND = [sys.executable, "-c", "from crowdbook.cli import main; main()", "train", "clouds", "--strategy", "NS",
           "--epochs", "40", "--lr", ".01", "--network", "mlp[hidden=200-200,dropout=.3]", "--batch-size", "8"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    "A small data set with features, as a folder."
    import numpy as np

    from crowdbook.data.sets import Dataset, Split, write_dataset
    from crowdbook.data.simulation import simulate
    home = tmp_path_factory.mktemp("kill")
    crowd = simulate("independent-confusion", n_task=400, n_worker=10, n_classes=3, feedback=3, seed=1)
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(400, 8)) + 2 * np.eye(3, 8)[crowd.truth]).astype(np.float32)
    val = Split(crowd.truth[:100], None, x[:100])
    write_dataset(Dataset("clouds", crowd.votes, crowd.truth, None, None, x, dict(val=val)), home / "clouds")
    return home


def environment():
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def train(folder, *words):
    "Run the command to its end; return its results."
    cmd = [*COMMAND, *words, "--json"]
    done = subprocess.run(cmd, cwd=folder, env=environment(), capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def kill_in_the_middle(folder, name):
    "Start a run and kill it with signal 9 once it has written a checkpoint."
    process = subprocess.Popen([*COMMAND, "-o", name], cwd=folder, env=environment(), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    point = folder / name / "checkpoint.pt"
    while not point.exists():
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(.01)
    time.sleep(.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return len(torch.load(point, weights_only=True)["history"])


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL on this system")
def test_kill_and_resume(folder):
    whole = train(folder, "-o", "whole")
    epochs = kill_in_the_middle(folder, "cut")
    assert 0 < epochs < 40, f"killed after {epochs} epochs"
    assert not (folder / "cut" / "results.json").exists()
    parts = train(folder, "-o", "cut", "--resume")
    a, b = (torch.load(folder / name / "model.pt", weights_only=True)["model"] for name in ("whole", "cut"))
    assert a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)
    assert whole["scores"] == parts["scores"]


def test_help_is_light(folder):
    "The commands that train are listed without importing torch."
    code = ("import sys; from crowdbook.cli import main\ntry: main(['--help'])\n"
            "except SystemExit: pass\nassert 'torch' not in sys.modules")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and "train" in done.stdout and "aggregate" in done.stdout, done.stderr
