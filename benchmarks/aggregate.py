"""Every strategy, those of crowd-kit beside their peer, on the same simulated votes of CIFAR-10H's size, in one run.

    pip install -e ".[bench]"
    python benchmarks/aggregate.py                     # a peer's fit is given up after 60 s
    python benchmarks/aggregate.py --only MV DS GLAD --limit 900
    python benchmarks/aggregate.py -o benchmarks/aggregate.json --table nbs/results/speed.csv     # what the book shows

10,000 tasks x 2,571 workers, K=10, 511,400 votes of workers with independent confusion matrices (seed 0). Every fit
has a process of its own. Seconds are the fit and its labels, to convergence with default parameters (crowd-kit: its
default number of iterations), best of `--repeat` for ours and crowd-kit's alike; peak MB is that of the whole process,
with the votes read in.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import measure

PEERS = {
    "MV": "MajorityVote",
    "WAWA": "Wawa",
    "ZBS": "ZeroBasedSkill",
    "DS": "DawidSkene",
    "OneCoin": "OneCoinDawidSkene",
    "GLAD": "GLAD",
    "MACE": "MACE",
    "MMSR": "MMSR",
}


def votes_file(folder: Path) -> Path:
    "The votes as Parquet: fifty-two a task, thinned at random to 511,400."
    import numpy as np

    from crowdbook import Votes, simulate

    crowd = simulate("independent-confusion", n_worker=2571, n_task=10_000, n_classes=10, feedback=52, seed=0)
    frame = crowd.votes.to_frame()
    keep = np.sort(np.random.default_rng(0).permutation(len(frame))[:511_400])
    v = crowd.votes
    Votes.from_frame(frame.iloc[keep], tasks=v.tasks, workers=v.workers, classes=v.classes).write(
        folder / "votes.parquet"
    )
    crowd.truth.to_frame().to_parquet(folder / "truth.parquet")
    return folder / "votes.parquet"


def one(library: str, name: str, path: Path) -> dict:
    "Fit one strategy of one library and report."
    if library == "crowdbook":
        from crowdbook import Votes, aggregate

        def labelled():
            model = aggregate(votes, name)
            return model, model.labels_  # which are chosen when they are asked for

        votes = Votes.read(path)
        seconds, (model, labels) = measure.timed(labelled)
        rounds = getattr(model, "n_iter_", 1)
        assert getattr(model, "converged_", True)
    else:
        import pandas as pd
        from crowdkit import aggregation

        frame = pd.read_parquet(path)
        model = getattr(aggregation, PEERS[name])()
        seconds, labels = measure.timed(lambda: model.fit_predict(frame))
        rounds = len(getattr(model, "loss_history_", [])) or 1
    peak = measure.resident_mb("VmHWM")
    import pandas as pd

    truth = pd.read_parquet(path.parent / "truth.parquet").label
    return dict(
        seconds=seconds,
        peak_mb=peak,
        rounds=rounds,
        accuracy=float((labels.reindex(truth.index) == truth).fillna(False).mean()),
    )


def sizes(path: Path) -> dict:
    "How many tasks, workers, classes and votes there are."
    from crowdbook import Votes

    v = Votes.read(path)
    return dict(tasks=v.n_tasks, workers=v.n_workers, classes=v.n_classes, votes=len(v.label))


def write_table(rows: dict, crowd: dict, where: dict, path: Path) -> None:
    "A row a strategy: seconds and peak MB of ours and of crowd-kit's; empty where crowd-kit took longer or failed."
    import pandas as pd

    ours = {k.split()[1]: r for k, r in rows.items() if k.startswith("crowdbook")}
    table = []
    for name, r in ours.items():
        peer = rows.get(f"crowd-kit {name}", {})
        note = "" if not peer or peer["seconds"] else peer["note"]
        table.append(dict(strategy=name, seconds=r["seconds"], peak_mb=r["peak_mb"], peer_seconds=peer.get("seconds"),
                          peer_peak_mb=peer.get("peak_mb"), peer_note=note, crowd_kit=where["crowd-kit"],
                          **crowd))
    pd.DataFrame(table).to_csv(path, index=False, float_format="%.4g")


def main(limit: float, repeat: int, output: Path | None, table: Path | None, only: list[str] | None) -> None:
    "Run everything and print a table."
    from crowdbook.models.registry import STRATEGIES

    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        path = votes_file(Path(folder))
        crowd = sizes(path)
        for name in only or [n for n in STRATEGIES if n not in ("WMV", "KOS")]:
            for library in ("crowdbook", "crowd-kit") if name in PEERS else ("crowdbook",):
                tries = [measure.run(__file__, library, name, path, limit=limit)]
                if tries[0]["seconds"] is not None and tries[0]["seconds"] < 30:
                    tries += [measure.run(__file__, library, name, path) for _ in range(repeat - 1)]
                rows[f"{library} {name}"] = min(tries, key=lambda r: r["seconds"] or float("inf"))
    print(f"{'':16}{'seconds':>9}{'peak MB':>9}{'rounds':>8}{'accuracy':>10}{'ratio':>8}")
    for key, r in rows.items():
        ours = rows["crowdbook " + key.split()[1]]["seconds"]
        if r["seconds"] is None:
            print(f"{key:16}{r['note']:>20}")
        else:
            what = f"{key:16}{r['seconds']:9.3f}{r['peak_mb']:9.0f}{r['rounds']:8d}{r['accuracy']:10.4f}"
            print(f"{what}{r['seconds'] / ours:8.1f}")
    where = measure.environment("crowdbook", "crowd-kit", "numpy", "scipy", "pandas")
    print(where)
    if table:
        write_table(rows, crowd, where, table)
    if output:
        output.write_text(json.dumps(dict(environment=where, crowd=crowd, results=rows), indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(one(sys.argv[2], sys.argv[3], Path(sys.argv[4]))))
    else:
        args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        args.add_argument("--limit", type=float, default=60, help="seconds after which a fit is given up")
        args.add_argument("--repeat", type=int, default=3, help="runs of each fit that takes under 30 s")
        args.add_argument("--only", nargs="+", help="strategies to run; all if not given")
        args.add_argument("-o", "--output", type=Path, help="also write the results here (json)")
        args.add_argument("--table", type=Path, help="also write a row a strategy here (csv)")
        main(**vars(args.parse_args()))
