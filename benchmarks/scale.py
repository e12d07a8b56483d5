"""Ten thousand species and more than a million votes: accuracy, seconds and peak memory; and growth with the classes.

    python benchmarks/scale.py -o benchmarks/scale.json --table nbs/results/scale.csv     # some minutes on one core
    python benchmarks/scale.py --tasks 20000 --workers 2000 --species 1000 --seeds 2      # a small one
    python benchmarks/scale.py --parts growth -o ... --table ...                          # keeps the other part's rows

Floras of `large_flora`. Every fit has a process of its own, which reads the votes from Parquet; seconds
are the fit with all labels, peak MB is that of the whole process. `shards` reads a folder of 32 files in each round.
The growth with the classes compares Dawid-Skene over all classes with strategies on the named ones; seconds are the
best of two fits where one takes less than ten.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import measure

NAMED = {"MV": "MV", "WAWA": "WAWA", "PlantNet": "PlantNet", "OneCoin": "OneCoin[right=2, wrong=1]",
         "GLAD": "GLAD[max_iter=30]", "MACE": "MACE[restarts=2]", "DS": "DS[tol=1e-6, classes=named]", "DSS": "DSS"}
FEW = {n: NAMED[n] for n in ("MV", "PlantNet", "OneCoin", "DS")}
ALL = {"DS": "DS[tol=1e-6, classes=all]"}
SHARDS = 32


def write(folder: Path, tasks: int, workers: int, species: int, seed: int) -> None:
    "A flora on disk."
    from crowdbook.models.plantnet import large_flora

    flora = large_flora(tasks, workers, species, seed=seed)
    flora.votes.write(folder / "votes.parquet")
    flora.truth.rename("label").rename_axis("task").to_frame().to_parquet(folder / "truth.parquet")


def one(form: str, strategy: str, folder: Path) -> dict:
    "Fit one strategy in one form and report."
    import warnings

    import pandas as pd

    from crowdbook import Votes, aggregate

    warnings.simplefilter("ignore")
    votes = folder / "shards" if form == "shards" else Votes.read(folder / "votes.parquet")
    before = measure.resident_mb()
    try:
        seconds, model = measure.timed(lambda: fitted(aggregate(votes, strategy, warn=False)))
    except MemoryError as e:
        return dict(seconds=None, note=f"refused: {e}", loaded_mb=before)
    peak, truth = measure.resident_mb("VmHWM"), pd.read_parquet(folder / "truth.parquet").label
    labels = model.labels_.reindex(truth.index)
    has, right = labels.notna(), (labels == truth).fillna(False)
    return dict(seconds=seconds, peak_mb=peak, loaded_mb=before, rounds=getattr(model, "n_iter_", 1),
                accuracy=float(right.mean()), decided=float(has.mean()), precision=float(right[has].mean()))


def fitted(model):
    "The model with its labels made."
    assert model.labels_ is not None
    return model


def named(folder: Path) -> dict:
    "Sizes of a flora, and the share of its tasks on which somebody named the truth."
    import pandas as pd

    from crowdbook import Votes

    v, truth = Votes.read(folder / "votes.parquet"), pd.read_parquet(folder / "truth.parquet").label
    hit = (v.label == truth.to_numpy()[v.task]).nonzero()[0]
    return dict(votes=v.n_votes, ceiling=len(set(v.task[hit])) / v.n_tasks)


def rows_of(part: str, sizes: dict, seed: int, forms: dict, limit: float, gave_up=(), repeat: int = 1) -> list[dict]:
    "Fit the strategies of each form (name -> strategy) to one flora, except those given up on a smaller one."
    out = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write(folder, **sizes, seed=seed)
        more = named(folder)
        if "shards" in forms:
            from crowdbook.models.shards import write_shards

            split, _ = measure.timed(lambda: write_shards(folder / "votes.parquet", folder / "shards", SHARDS))
            more["split_seconds"] = split
        for form, names in forms.items():
            for name, strategy in names.items():
                if (form, name) in gave_up:
                    got = dict(seconds=None, note="not tried: given up with fewer species")
                else:
                    tries = [measure.run(__file__, form, strategy, folder, limit=limit)]
                    if (tries[0]["seconds"] or 10) < 10:
                        tries += [measure.run(__file__, form, strategy, folder) for _ in range(repeat - 1)]
                    got = min(tries, key=lambda r: r["seconds"] or float("inf"))
                out.append(dict(part=part, form=form, strategy=name, seed=seed, **sizes, **more, **got))
                told = f"{got['seconds']:8.2f} s {got['peak_mb']:7.0f} MB" if got["seconds"] else got["note"]
                print(f"{part:6} {sizes['species']:6,d} species, seed {seed}: {form:7}{name:9}{told}", flush=True)
    return out


def size(big: dict, seeds: int, limit: float) -> list[dict]:
    "Floras of one size; shards on the first."
    rows = []
    for seed in range(seeds):
        once = {"shards": {n: NAMED[n] for n in ("MV", "OneCoin", "DS")}}
        rows += rows_of("size", big, seed, {"named": NAMED} | (once if not seed else {}), limit)
    return rows


def growth(limit: float) -> list[dict]:
    "More and more species, and all else equal."
    rows = []
    for K in (10, 30, 100, 300, 1000, 3000, 10_000):
        gave_up = {(r["form"], r["strategy"]) for r in rows if r["seconds"] is None}
        sizes = dict(tasks=5000, workers=1000, species=K)
        rows += rows_of("growth", sizes, 0, {"named": FEW, "all": ALL}, limit, gave_up, repeat=2)
    return rows


def main(tasks, workers, species, seeds, limit, parts, output, table) -> None:
    "Run the parts; write the table and the report, which keep what was there of a part that was not run."
    import pandas as pd

    big = dict(tasks=tasks, workers=workers, species=species)
    rows = json.loads(output.read_text())["rows"] if output and output.exists() else []
    rows = [r for r in rows if r["part"] not in parts]
    rows += size(big, seeds, limit) if "size" in parts else []
    rows += growth(limit) if "growth" in parts else []
    where = measure.environment("crowdbook", "numpy", "scipy", "pandas", "pyarrow")
    print(where)
    if table:
        pd.DataFrame(rows).to_csv(table, index=False, float_format="%.5g")
    if output:
        output.write_text(json.dumps(dict(environment=where, sizes=big, seeds=seeds, rows=rows), indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(one(sys.argv[2], sys.argv[3], Path(sys.argv[4]))))
    else:
        parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--tasks", type=int, default=450_000, help="observations of the large flora")
        parser.add_argument("--workers", type=int, default=50_000, help="its users")
        parser.add_argument("--species", type=int, default=10_000, help="its species, K")
        parser.add_argument("--seeds", type=int, default=5, help="floras of that size")
        parser.add_argument("--limit", type=float, default=120, help="seconds after which a fit is given up")
        parser.add_argument("--parts", nargs="+", default=["size", "growth"], choices=["size", "growth"], help="to run")
        parser.add_argument("-o", "--output", type=Path, help="write the report here (json)")
        parser.add_argument("--table", type=Path, help="write the rows here (csv)")
        main(**vars(parser.parse_args()))
