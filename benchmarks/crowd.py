"""An epoch of CrowdLayer with few and with many workers and the same number of votes, and the usual dense layer.

    python benchmarks/crowd.py                            # 4,000 tasks, five votes each, 59 and 2,571 workers
    python benchmarks/crowd.py --feedback 51 --limit 600  # as many votes a task as CIFAR-10H

Seconds are the best epoch of some, on one thread, each setting in a process of its own, settings in turn; `ratio` is
the time with the most workers over that with the fewest. The dense layer is the one found in most programs: the answers
of all workers to all tasks of the batch, shape (batch, K, n_workers), of which a mask leaves those that exist. It gets
the same network, optimiser and votes.
"""

import argparse
import json
import time
from pathlib import Path

import measure


def data(n_workers: int, n_tasks: int, feedback: int, K: int = 10):
    "Features, and random votes in long format: the time of a step does not depend on what they say."
    import numpy as np
    import pandas as pd

    from crowdbook import Votes
    from crowdbook.learning.training import Tasks

    rng = np.random.default_rng(0)
    worker = np.concatenate([rng.choice(n_workers, feedback, replace=False) for _ in range(n_tasks)])
    frame = pd.DataFrame(
        dict(task=np.repeat(np.arange(n_tasks), feedback), worker=worker, label=rng.integers(K, size=len(worker)))
    )
    votes = Votes.from_frame(frame, workers=range(n_workers), classes=range(K), tasks=range(n_tasks))
    return Tasks(rng.normal(size=(n_tasks, 512)).astype("float32")), votes


def dense_epoch(tasks, votes, recipe) -> list[float]:
    "Seconds of each epoch of the dense crowd layer."
    import numpy as np
    import torch
    from torch.nn import functional as F

    from crowdbook.learning.training import network

    K, J = votes.n_classes, votes.n_workers
    answers = torch.as_tensor(np.asarray(votes.to_matrix(missing=-1)).astype("int64"))  # (n_tasks, n_workers)
    net, W = network("dense", K, tasks), torch.nn.Parameter(torch.eye(K).repeat(J, 1, 1))
    optimiser = torch.optim.Adam([*net.parameters(), W], lr=recipe.lr, fused=True)
    seconds = []
    for _ in range(recipe.epochs):
        start = time.perf_counter()
        for index in torch.randperm(len(tasks)).split(recipe.batch_size):
            scores = torch.einsum("ik,jkl->ilj", net(tasks.batch(index)).softmax(1), W)
            loss = F.cross_entropy(scores, answers[index], ignore_index=-1)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
        seconds.append(time.perf_counter() - start)
    return seconds


def one(kind: str, n_workers: int, n_tasks: int, feedback: int, epochs: int) -> dict:
    "Train some epochs and report the fastest."
    import torch

    from crowdbook.learning.crowd_layers import CrowdLayer
    from crowdbook.learning.training import Recipe

    torch.set_num_threads(1)
    tasks, votes = data(n_workers, n_tasks, feedback)
    recipe = Recipe(epochs=epochs, device="cpu", keep="last")
    if kind == "dense":
        seconds = dense_epoch(tasks, votes, recipe)
    else:
        seconds = CrowdLayer("dense", recipe).fit(tasks, votes).history_.seconds
    return dict(seconds=float(min(seconds)), peak_mb=measure.resident_mb("VmHWM"), votes=votes.n_votes)


def main(workers: list[int], tasks: int, feedback: int, repeat: int, limit: float, output: Path | None) -> None:
    "Run all settings in turn, and print a table."
    best: dict = {}
    for turn in range(repeat):
        for kind in ("crowdbook", "dense"):
            for n in workers:
                epochs = 8 if kind == "crowdbook" else 2
                if turn and kind == "dense":
                    continue
                got = measure.run(__file__, kind, n, tasks, feedback, epochs, limit=limit)
                if (kind, n) not in best or (got["seconds"] or 1e9) < (best[kind, n]["seconds"] or 1e9):
                    best[kind, n] = got
    rows = [dict(layer=kind, workers=n, **got) for (kind, n), got in best.items()]
    for row in rows:
        took = f"{row['seconds']:8.3f} s an epoch, peak {row['peak_mb']:6.0f} MB" if row["seconds"] else row["note"]
        print(f"{row['layer']:10s} {row['workers']:6,d} workers  {took}")
    report = dict(rows=rows, tasks=tasks, feedback=feedback, **measure.environment("crowdbook", "torch"))
    most, fewest = max(workers), min(workers)
    for kind in ("crowdbook", "dense"):
        a, b = best[kind, most]["seconds"], best[kind, fewest]["seconds"]
        report[f"ratio_{kind}"] = a / b if a and b else None
        told = f"{most:,} workers take {a / b:.2f} times as long as {fewest}" if a and b else "no ratio"
        print(f"{kind}: {told}")
    if output:
        output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[59, 2571], help="numbers of workers")
    parser.add_argument("--tasks", type=int, default=4000, help="number of tasks")
    parser.add_argument("--feedback", type=int, default=5, help="votes on each task")
    parser.add_argument("--repeat", type=int, default=2, help="processes for each setting; the best counts")
    parser.add_argument("--limit", type=float, default=300, help="seconds after which a process is given up")
    parser.add_argument("-o", "--output", type=Path, help="write the figures to this JSON file")
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(one(args.one[0], *map(int, args.one[1:]))))
    else:
        main(args.workers, args.tasks, args.feedback, args.repeat, args.limit, args.output)
