"""How long `crowdbook report` takes for 100,000 votes: wall clock and processor seconds, memory.

python benchmarks/report.py
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from crowdbook.data.simulation import simulate

CROWDS = {
    "10 votes a task, K=10": dict(n_task=10_000, n_worker=500, n_classes=10, feedback=10),
    "3 votes a task, K=8": dict(n_task=33_334, n_worker=2000, n_classes=8, feedback=3),
    "5 votes a task, K=2": dict(n_task=20_000, n_worker=1000, n_classes=2, feedback=5),
    "5 votes a task, K=50": dict(n_task=20_000, n_worker=1000, n_classes=50, feedback=5),
}


def main():
    with tempfile.TemporaryDirectory() as folder:
        for name, size in CROWDS.items():
            simulate(**size).votes.to_frame().to_csv(Path(folder) / "votes.csv", index=False)
            words = [sys.executable, "-c", "from crowdbook.cli import main; main()", "report", "votes.csv"]
            before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            subprocess.run(words, cwd=folder, check=True, stderr=subprocess.DEVNULL)
            wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            size = os.path.getsize(f"{folder}/report.html") / 1e6
            print(f"{name}: {wall:.1f} s ({cpu:.1f} s of processor), page of {size:.1f} MB, peak memory so far "
                  f"{after.ru_maxrss / 1024:.0f} MB, load of the machine {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
