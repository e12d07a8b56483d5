"""What the benchmarks share: a task runs in a process of its own, which reports its seconds and its peak memory."""

import json
import os
import platform
import subprocess
import sys
import time
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version


def run(script: str, *words, limit: float | None = None):
    "Run `script --one WORDS` in a fresh process; its JSON report, or a time-out after `limit` seconds."
    try:
        out = subprocess.run(
            [sys.executable, script, "--one", *map(str, words)], capture_output=True, text=True, timeout=limit
        )
    except subprocess.TimeoutExpired:
        return dict(seconds=None, note=f"more than {limit:.0f} s")
    if out.returncode and "crowdbook" in words:
        raise SystemExit(out.stderr)
    if out.returncode:
        return dict(seconds=None, note="fails: " + out.stderr.strip().splitlines()[-1][:60])
    return json.loads(out.stdout.splitlines()[-1])


def resident_mb(field: str = "VmRSS") -> float:
    "Memory of this process in MB: VmRSS at present, VmHWM at its peak (Linux)."
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(field + ":")) / 1024


def timed(f):
    "Seconds of f() by the wall clock, and what it returned."
    start = time.perf_counter()
    result = f()
    return time.perf_counter() - start, result


def environment(*packages) -> dict:
    "Versions and machine, for a table that others can judge."
    found = {}
    for p in packages:
        try:
            found[p] = import_module(p).__version__ if p == "crowdbook" else version(p)
        except PackageNotFoundError:
            found[p] = "not installed"
    return dict(python=platform.python_version(), machine=platform.machine(), cores=os.cpu_count(), **found)
