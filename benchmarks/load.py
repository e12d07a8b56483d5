"""Seconds and peak memory to load five million votes from a Parquet file, and to build the vote matrix.

    python benchmarks/load.py

Identifiers are strings (500,000 tasks, 20,000 workers, 10 classes), which is the hard case.
"""

import json
import sys
import tempfile
from pathlib import Path

import measure


def write(path: Path, n: int = 5_000_000) -> None:
    "Votes with string identifiers, in random order, each pair of task and worker once."
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    rng = np.random.default_rng(0)
    pairs = rng.permutation(np.unique(rng.integers(500_000 * 20_000, size=n + n // 500))[:n])
    task, worker = np.divmod(pairs, 20_000)
    columns = dict(
        task=("task", task, 500_000), worker=("worker", worker, 20_000), label=("class", rng.integers(10, size=n), 10)
    )
    table = {
        c: pa.DictionaryArray.from_arrays(pa.array(codes.astype("int32")), [f"{word}-{i}" for i in range(size)]).cast(
            pa.string()
        )
        for c, (word, codes, size) in columns.items()
    }
    parquet.write_table(pa.table(table), path)


def one(path: Path) -> dict:
    "Load, then build the matrix."
    from crowdbook import Votes

    load, votes = measure.timed(lambda: Votes.read(path))
    loaded = measure.resident_mb("VmHWM")
    matrix, _ = measure.timed(lambda: votes.matrix)
    return dict(
        votes=len(votes),
        load_seconds=load,
        peak_mb=loaded,
        matrix_seconds=matrix,
        peak_mb_with_matrix=measure.resident_mb("VmHWM"),
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(one(Path(sys.argv[2]))))
    else:
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder) / "votes.parquet")
            for key, value in measure.run(__file__, Path(folder) / "votes.parquet").items():
                print(f"{key:22}{value:12,.2f}")
            print(measure.environment("crowdbook", "numpy", "pandas", "pyarrow"))
