"""Prove that chapters run as on Colab: a fresh environment that has only this package, each notebook alone in a folder.

    python .ci/colab_run.py                              # all chapters, in an environment that is made and thrown away
    python .ci/colab_run.py votes/01_votes models/10_glad --env DIR   # these, in an environment that is kept
    python .ci/colab_run.py --write                      # also keep the processor times that .ci/colab_cells.py states

The package is built and installed from this checkout, with what Colab itself brings: IPython. All cells run in order
but the hidden one that would install the package; neither the flags of the tests nor files of the repository are there.
Data comes from CROWDBOOK_MIRROR where that is set, and over the network where it is not.
"""
import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SECONDS = Path(__file__).with_name("colab_seconds.json")
RUNNER = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for i, cell in enumerate(json.load(open(sys.argv[1], encoding="utf-8"))["cells"], 1):
    text = "".join(cell["source"])
    if cell["cell_type"] == "code" and "google.colab" not in text:
        if not shell.run_cell(text, store_history=True).success:
            print(f"FAILED in cell {i}: " + text.splitlines()[0], file=sys.stderr)
            raise SystemExit(1)
"""


def environment(folder: Path) -> Path:
    "A virtual environment with the package from this checkout; returns its Python."
    python = folder / "bin" / "python"
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    with tempfile.TemporaryDirectory() as copy:  # a build leaves files behind
        keep = shutil.ignore_patterns(".*", "_*docs", "_proc", "build", "*.egg-info", "__pycache__")
        shutil.copytree(ROOT, Path(copy) / "crowdbook", ignore=keep)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, f"{Path(copy) / 'crowdbook'}[learn]", "ipython", "matplotlib-inline"], check=True)
        again = [*install, "--force-reinstall", "--no-deps", Path(copy) / "crowdbook"]  # same version, newer source
        subprocess.run(again, check=True)
    return python


def chapter(path: Path) -> str:
    "A chapter's name: where it is in nbs/, without the ending."
    return path.relative_to(ROOT / "nbs").with_suffix("").as_posix()


def keep(name: str, seconds: float):
    "Remember what a chapter takes; chapters that are gone are forgotten."
    old = json.loads(SECONDS.read_text(encoding="utf-8")) if SECONDS.is_file() else {}
    there = {chapter(p) for p in (ROOT / "nbs").rglob("*.ipynb")}
    new = {k: v for k, v in sorted((old | {name: round(seconds)}).items()) if k in there}
    SECONDS.write_text(json.dumps(new, indent=1) + "\n", encoding="utf-8")


def processor() -> float:
    "Seconds of processor time that finished child processes took."
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(python: Path, book: Path) -> tuple[bool, float, float, str]:
    "Run one notebook alone in an empty folder: success, seconds, seconds of the processor, what it said last."
    with tempfile.TemporaryDirectory() as folder:
        alone = Path(folder) / "content"
        alone.mkdir()
        shutil.copy(book, alone)
        skip = {"IN_TEST", "PYTHONPATH", "CI", "CROWDBOOK_FULL"}
        env = {k: v for k, v in os.environ.items() if k not in skip} | {"MPLBACKEND": "Agg"}
        env["CROWDBOOK_HOME"] = str(Path(folder) / "home")
        start, before = time.perf_counter(), processor()
        cmd = [python, "-c", RUNNER, book.name]
        done = subprocess.run(cmd, cwd=alone, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        said = done.stdout[-1500:] + done.stderr[-1500:]
        return done.returncode == 0, time.perf_counter() - start, processor() - before, said


def main(names: list[str], env: Path | None, write: bool) -> int:
    "Run the chapters and say how it went."
    books = [p for p in sorted((ROOT / "nbs").rglob("[!_.]*.ipynb")) if not names or chapter(p) in names]
    missing = set(names) - {chapter(p) for p in books}
    if missing:
        raise SystemExit(f"no chapter {', '.join(sorted(missing))} in nbs/")
    folder, failed = env or Path(tempfile.mkdtemp()), []
    try:
        python = environment(folder.resolve())
        for book in books:
            ok, took, cpu, said = run(python, book)
            print(f"{'ok    ' if ok else 'FAILED'} {took:6.1f} s, processor {cpu:6.1f} s  {book.name}", flush=True)
            if ok and write:
                keep(chapter(book), cpu)
            if not ok:
                failed.append(book.name)
                print(said, flush=True)
    finally:
        if env is None:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{len(books) - len(failed)} of {len(books)} chapters run alone")
    return 1 if failed else 0


if __name__ == "__main__":
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("names", nargs="*", help="chapters, such as models/10_glad (default: all)")
    args.add_argument("--env", type=Path, help="folder of an environment to make and keep, or to use again")
    args.add_argument("--write", action="store_true", help="keep the times in .ci/colab_seconds.json")
    sys.exit(main(**vars(args.parse_args())))
