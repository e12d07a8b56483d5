"""What the WAUM costs at CIFAR-10H's size: an epoch of it, of ordinary training, and of the stack of votes.

    python benchmarks/waum.py -o benchmarks/waum.json

9,500 tasks, 2,571 workers, K=10, 486,000 votes of workers with independent confusion matrices; tasks are random
pixels of 32 x 32 images, or 512 random features, for a cost depends on sizes alone. Three trainings of the same
network on one thread, in turns, best of `--repeat`: ordinary (hard labels, nothing recorded), WAUM (all votes,
margins recorded), WAUM with an evaluation pass after each epoch. What an epoch costs is the difference between a
run of 1 + `--epochs` epochs and one of a single epoch, divided by `--epochs`; what is left of the latter ("once": the
last forward over all tasks, the tables of votes and tasks) is paid once a run. The version that makes a forward a
vote is timed on the first `--votes` votes and scaled up to 486,000: that column is an extrapolation. Seconds are
processor seconds of the process, which other programs on the machine disturb less than a clock.
"""

import argparse
import json
import time
from pathlib import Path

import measure
import numpy as np
import torch
from torch import nn

from crowdbook import Votes, simulate
from crowdbook.learning.margins import WAUM, margin
from crowdbook.learning.training import Recipe, Tasks, cross_entropy, network, optimise

N, VOTES = 9_500, 486_000


def crowd() -> Votes:
    "Fifty-two votes a task, thinned at random to 486,000."
    made = simulate("independent-confusion", n_worker=2571, n_task=N, n_classes=10, feedback=52, seed=0)
    frame = made.votes.to_frame()
    keep = np.sort(np.random.default_rng(0).permutation(len(frame))[:VOTES])
    v = made.votes
    return Votes.from_frame(frame.iloc[keep], tasks=v.tasks, workers=v.workers, classes=v.classes)


def conv(n_classes, like):
    "A small convolutional network."
    layers = []
    for n_in, n_out in ((3, 32), (32, 64), (64, 128)):
        layers += [nn.Conv2d(n_in, n_out, 3, 2, 1), nn.BatchNorm2d(n_out), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(512, n_classes))


def dense(n_classes, like):
    "The head that learns from frozen features."
    return network("dense", n_classes, like)


def seconds(f) -> float:
    "Processor seconds of f()."
    start = time.process_time()
    f()
    return time.process_time() - start


def costs(train, epochs, repeat):
    "Processor seconds of an epoch, and of what comes once a run; `train` takes a recipe."
    one, many = (Recipe(epochs=e, device="cpu", seed=0) for e in (1, 1 + epochs))
    took = [(seconds(lambda: train(one)), seconds(lambda: train(many))) for _ in range(repeat)]
    short, long = (min(t) for t in zip(*took))
    return (long - short) / epochs, short - (long - short) / epochs


def ordinary(net, tasks, labels, recipe, index=None, note=None):
    "Train on hard labels; `index` gives the task of each row, `note` sees the logits."
    torch.manual_seed(0)
    model, labels = net(10, tasks), torch.as_tensor(labels.astype(np.int64))
    index = torch.arange(len(labels)) if index is None else torch.as_tensor(index.astype(np.int64))

    def loss(rows):
        z = model(tasks.batch(index[rows]))
        if note:
            note(rows, z)
        return cross_entropy(z, labels[rows]).mean()

    optimise(model, loss, len(labels), recipe)


def per_vote(net, tasks, votes, recipe, n):
    "The literal version on the first n votes: a row a vote, and its margin noted."
    total, label = torch.zeros(n), torch.as_tensor(votes.label[:n].astype(np.int64))

    @torch.no_grad()
    def note(rows, z):
        total[rows] += margin(z.softmax(1))[torch.arange(len(rows)), label[rows]]

    ordinary(net, tasks, votes.label[:n], recipe, votes.task[:n], note)


def one(name, net, tasks, votes, args) -> dict:
    "All versions with one network; each row is the best of the repeats."
    from crowdbook import aggregate

    ds, majority = aggregate(votes, "DS"), votes.counts.argmax(axis=1)
    versions = {
        "ordinary": lambda recipe: ordinary(net, tasks, majority, recipe),
        "waum": lambda recipe: WAUM(net, recipe, ds).fit(tasks, votes),
        "waum, evaluation": lambda recipe: WAUM(net, recipe, ds, record="evaluation").fit(tasks, votes),
    }
    both = {k: costs(f, args.epochs, args.repeat) for k, f in versions.items()}
    best, once = {k: v[0] for k, v in both.items()}, {k: round(v[1], 3) for k, v in both.items()}
    part = seconds(lambda: per_vote(net, tasks, votes, Recipe(epochs=1, device="cpu", seed=0), args.votes))
    best["per vote, extrapolated"] = part * votes.n_votes / args.votes
    row = {k: round(v, 3) for k, v in best.items()}
    ratio = {k: round(v / best["ordinary"], 2) for k, v in best.items()}
    print(name, row, ratio, flush=True)
    return dict(seconds_per_epoch=row, times_ordinary=ratio, seconds_once=once)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--epochs", type=int, default=4)
    p.add_argument("--repeat", type=int, default=2)
    p.add_argument("--votes", type=int, default=9_500, help="votes on which the version a forward a vote is timed")
    p.add_argument("-o", "--output", type=Path)
    args = p.parse_args()
    torch.set_num_threads(1)
    votes, rng = crowd(), np.random.default_rng(0)
    assert (votes.n_tasks, votes.n_votes) == (N, VOTES)
    images = Tasks(rng.integers(0, 256, (N, 32, 32, 3), dtype=np.uint8), votes.tasks)
    features = Tasks(rng.standard_normal((N, 512)).astype(np.float32), votes.tasks)
    table = {
        "conv, 32 x 32 images": one("conv", conv, images, votes, args),
        "dense, 512 features": one("dense", dense, features, votes, args),
    }
    report = dict(tasks=N, votes=VOTES, timed_votes=args.votes, epochs=args.epochs, repeat=args.repeat, table=table,
                  peak_mb=round(measure.resident_mb("VmHWM")), **measure.environment("crowdbook", "torch"))
    print(json.dumps(report, indent=1))
    if args.output:
        args.output.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
