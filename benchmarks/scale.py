"""Ten thousand species and more than a million votes: accuracy, seconds and peak memory; and growth with the classes.

    python benchmarks/scale.py -o benchmarks/scale.json --table nbs/results/scale.csv     # some minutes on one core
    python benchmarks/scale.py --tasks 20000 --workers 2000 --species 1000 --seeds 2      # a small one

Floras of `crowdbook.scale.large_flora`. Every fit has a process of its own, which reads the votes from Parquet; seconds
are the fit with all labels, peak MB is that of the whole process. `shards` reads a folder of 32 files in each round.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import measure

SPARSE = {"MV": "MV", "WAWA": "WAWA", "PlantNet": "PlantNet", "OneCoin": "OneCoin[right=2, wrong=1]",
          "SparseDS": "SparseDS"}
DENSE = {"MV": "MV", "PlantNet": "PlantNet", "OneCoin": "OneCoin", "SparseDS": "DS[tol=1e-6]"}  # of the same kind
SHARDS = 32


def write(folder: Path, tasks: int, workers: int, species: int, seed: int) -> None:
    "A flora on disk."
    from crowdbook.scale import large_flora

    flora = large_flora(tasks, workers, species, seed=seed)
    flora.votes.write(folder / "votes.parquet")
    flora.truth.rename("label").rename_axis("task").to_frame().to_parquet(folder / "truth.parquet")


def one(form: str, name: str, folder: Path) -> dict:
    "Fit one strategy in one form and report."
    import warnings

    import pandas as pd

    from crowdbook import Votes, aggregate

    warnings.simplefilter("ignore")
    votes = folder / "shards" if form == "shards" else Votes.read(folder / "votes.parquet")
    before = measure.resident_mb()
    more = dict(sparse=True) if form != "dense" else dict(warn=False)
    names = DENSE if form == "dense" else SPARSE
    try:
        seconds, model = measure.timed(lambda: fitted(aggregate(votes, names[name], **more)))
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


def rows_of(part: str, sizes: dict, seed: int, forms: dict, limit: float, gave_up=()) -> list[dict]:
    "Fit the strategies of each form to one flora, except those given up on a smaller one."
    out = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write(folder, **sizes, seed=seed)
        more = named(folder)
        if "shards" in forms:
            from crowdbook.scale import write_shards

            split, _ = measure.timed(lambda: write_shards(folder / "votes.parquet", folder / "shards", SHARDS))
            more["split_seconds"] = split
        for form, names in forms.items():
            for name in names:
                if (form, name) in gave_up:
                    got = dict(seconds=None, note="not tried: given up with fewer species")
                else:
                    got = measure.run(__file__, form, name, folder, limit=limit)
                out.append(dict(part=part, form=form, strategy=name, seed=seed, **sizes, **more, **got))
                told = f"{got['seconds']:8.2f} s {got['peak_mb']:7.0f} MB" if got["seconds"] else got["note"]
                print(f"{part:6} {sizes['species']:6,d} species, seed {seed}: {form:7}{name:9}{told}", flush=True)
    return out


def main(tasks, workers, species, seeds, limit, output, table) -> None:
    "Run everything; write the table and the report."
    import pandas as pd

    rows, big = [], dict(tasks=tasks, workers=workers, species=species)
    for seed in range(seeds):
        once = {"shards": ["OneCoin", "SparseDS"], "dense": ["MV", "OneCoin"]}
        forms = {"sparse": SPARSE} | (once if not seed else {})
        rows += rows_of("size", big, seed, forms, limit)
    for K in (10, 30, 100, 300, 1000, 3000, 10_000):
        gave_up = {(r["form"], r["strategy"]) for r in rows if r["part"] == "growth" and r["seconds"] is None}
        sizes = dict(tasks=5000, workers=1000, species=K)
        rows += rows_of("growth", sizes, 0, {"sparse": DENSE, "dense": DENSE}, limit, gave_up)
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
        parser.add_argument("-o", "--output", type=Path, help="write the report here (json)")
        parser.add_argument("--table", type=Path, help="write the rows here (csv)")
        main(**vars(parser.parse_args()))
