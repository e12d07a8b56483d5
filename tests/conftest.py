"What the cross-cutting tests share: temporary copies of the working tree, so that no test writes into the user's own."
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def tracked(*options):
    "Paths that git knows, relative to the root, or None where this is no git checkout."
    try:
        cmd = ["git", "ls-files", "-z", *options]
        out = subprocess.run(cmd, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return sorted({name for name in out.split("\0") if name and (ROOT / name).is_file()})


def project_files():
    "The project's own files: tracked, or new and not ignored; without git, all but what tools leave behind."
    names = tracked("--cached", "--others", "--exclude-standard")
    if names is None:
        skip = {"__pycache__", "build", "dist", "_proc", "_docs", ".git", ".venv", ".pytest_cache", ".ruff_cache"}
        found = (p.relative_to(ROOT) for p in ROOT.rglob("*") if p.is_file())
        names = sorted(str(p) for p in found if not (skip & set(p.parts)) and ".egg-info" not in str(p))
    return names


def copy_tree(target):
    "Copy the project's files into `target`."
    for name in project_files():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)
    return target


def run(*cmd, cwd, **env):
    "Run a command in `cwd`, with its `crowdbook` package in front, and return what it did."
    env = {**os.environ, "PYTHONPATH": str(cwd), **env}
    env.pop("IN_TEST", None)  # nbdev does nothing where this is set
    return subprocess.run(cmd, cwd=cwd, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    "A copy of the working tree in which nbdev_export and nbdev_clean have run."
    copy = copy_tree(tmp_path_factory.mktemp("tree"))
    code = "from nbdev.doclinks import nbdev_export; from nbdev.clean import nbdev_clean; nbdev_export(); nbdev_clean()"
    res = run(sys.executable, "-c", code, cwd=copy)
    assert res.returncode == 0, res.stderr
    return copy


@pytest.fixture(scope="session")
def staged(tmp_path_factory):
    "The pages as nbdev hands them to Quarto, and what nbdev said meanwhile."
    copy = copy_tree(tmp_path_factory.mktemp("site"))
    code = "from nbdev.serve import proc_nbs; proc_nbs('.', n_workers=2, force=True)"
    res = run(sys.executable, "-c", code, cwd=copy, MPLBACKEND="Agg")
    assert res.returncode == 0, res.stderr[-3000:]
    assert (copy / "_proc").is_dir(), res.stderr
    return copy / "_proc", res.stderr


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    "The content of the built wheel in a folder, and nothing of the repository."
    copy, out = copy_tree(tmp_path_factory.mktemp("source")), tmp_path_factory.mktemp("wheel")
    cmd = ["-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(out)]
    res = run(sys.executable, *cmd, cwd=copy)
    assert res.returncode == 0, res.stdout + res.stderr
    (file,) = out.glob("*.whl")
    with zipfile.ZipFile(file) as z:
        z.extractall(out / "lib")
    return out / "lib"
