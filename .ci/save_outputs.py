"""Run notebooks with the flags nbdev_test uses and store their outputs in place (or, with --check, compare them).

Each notebook runs in a process of its own, numerical libraries on one thread. Figures are stored as PNG without a date
or a version. What a cell writes on stderr (warnings, progress bars) is left out, and said; an output that names a
folder of this machine is refused.
"""
import argparse
import copy
import multiprocessing
import os
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MACHINE = re.compile(r"(?<![\w.])(/(?:work|tmp|home|root|Users|private|var/folders)/\w[\w./-]*)")
DPI = 110
for library in ("OMP", "OPENBLAS", "MKL"):  # one thread: sums in the same order on every machine
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")


def run(path: Path, flags: set[str]):
    "Run the notebook at `path` in this process; return it before and after, and notes for the author."
    os.chdir(ROOT)
    os.environ["IN_TEST"] = "1"  # as nbdev_test does
    sys.path.insert(0, str(ROOT))
    from execnb.nbio import read_nb
    from execnb.shell import CaptureShell
    from fastcore.xtras import working_directory
    from matplotlib_inline.config import InlineBackend
    from nbdev.clean import clean_nb
    from nbdev.config import get_config
    from nbdev.process import extract_directives

    cfg, nb, notes = get_config(), read_nb(path), []
    old = copy.deepcopy(nb)
    skip = set(cfg.tst_flags.split()) - flags

    def skipped(cell):
        "Leave the cell, and the outputs it holds, as they are?"
        if cell.cell_type != "code":
            return True
        found = extract_directives(cell, remove=False)
        if found.get("eval:", [""])[0].lower() == "false" or skip & found.keys() or "nbdev_export(" in cell.source:
            return True
        cell.outputs = []
        return False

    def tidy(cell):
        "Drop stderr; refuse machine paths."
        err = "".join("".join(o.text) for o in cell.outputs if o.get("name") == "stderr")
        cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
        if err.strip():
            last = err.strip().splitlines()[-1].strip()
            notes.append(f"cell {cell.idx_ + 1}: left out what it wrote on stderr: {last[:100]}")
        texts = [t for o in cell.outputs for t in [o.get("text", ""), *o.get("data", {}).values()]]
        for found in MACHINE.findall("".join("".join(t) for t in texts)):
            raise ValueError(f"the output names a path of this machine, {found}: print a relative path")

    shell = CaptureShell(path, mpl_format="png")
    InlineBackend.instance().print_figure_kwargs = dict(bbox_inches="tight", dpi=DPI, metadata=dict(Software=None))
    with working_directory(path.parent):
        for cell in nb.cells:
            try:
                shell.run_all(type(nb)(cells=[cell]), exc_stop=True, preproc=skipped, postproc=tidy)
            except Exception as e:
                first = cell.source.splitlines()[0]
                raise SystemExit(f"{path.name}, cell {cell.idx_ + 1} ({first}): {type(e).__name__}: {e}") from None
    for book in (old, nb):  # after this, nbdev_clean has nothing left to do
        kept = cfg.allowed_metadata_keys.split(), cfg.allowed_cell_metadata_keys.split()
        clean_nb(book, cfg.clear_all, *kept, clean_ids=cfg.clean_ids)
    return old, nb, notes


def work(path: Path, flags: set[str], check: bool) -> bool:
    "Store or compare the outputs of one notebook; return whether nothing is amiss."
    from execnb.nbio import nb2dict, nb2str

    sys.path.insert(0, str(Path(__file__).parent))
    from compare_outputs import differences

    try:
        old, nb, notes = run(path, flags)
    except SystemExit as e:
        print(e, flush=True)
        return False
    pairs = [(b.idx_ + 1, nb2dict(a.get("outputs") or []), nb2dict(b.get("outputs") or []))
             for a, b in zip(old.cells, nb.cells)]
    differ = [f"cell {i}: {' and '.join(differences(a, b)) if check else 'new'}" for i, a, b in pairs
              if (differences(a, b) if check else a != b)]
    if not check:
        fresh = path.with_suffix(".tmp")
        fresh.write_text(nb2str(nb), encoding="utf-8")
        os.replace(fresh, path)
    print("\n".join([f"{path.name}: {'checked' if check else 'stored'}, {len(differ)} outputs differ from before"]
                    + [f"    {note}" for note in notes + differ * check]), flush=True)
    return not (check and differ)


def main(paths: list[str], flags: str, check: bool, jobs: int) -> int:
    "Work through `paths`, each in a fresh process."
    books = [Path(p).resolve() for p in paths] or sorted((ROOT / "nbs").rglob("[!_.]*.ipynb"))
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=spawn, max_tasks_per_child=1) as pool:
        done = [pool.submit(work, book, set(flags.split()), check) for book in books]
        return 0 if all([future.result() for future in done]) else 1


if __name__ == "__main__":
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("paths", nargs="*", help="notebooks to run (default: all of nbs/)")
    args.add_argument("--flags", default="", help="test flags to run although settings.ini skips them")
    args.add_argument("--check", action="store_true", help="change nothing; exit with 1 where an output differs")
    args.add_argument("--jobs", type=int, default=1, help="notebooks to run at a time")
    sys.exit(main(**vars(args.parse_args())))
