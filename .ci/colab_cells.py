"""Make every chapter ready for Colab: its link, a hidden cell that installs the package, a GPU where it pays.

    python .ci/colab_cells.py            # writes into the notebooks, as often as one likes
    python .ci/colab_cells.py --check    # changes nothing; exit code 1 where a notebook is not ready

The package is installed from the repository's address in settings.ini, never by its name on an index. What a chapter
takes is measured by .ci/colab_run.py, which keeps it in .ci/colab_seconds.json; this script says it beside the link.
"""
import json
import os
import re
import sys
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SECONDS = Path(__file__).with_name("colab_seconds.json")
CONFIG = ConfigParser(delimiters=["="])
CONFIG.read(ROOT / "settings.ini", encoding="utf-8")
PROJECT = CONFIG["DEFAULT"]
COLAB = f"https://colab.research.google.com/github/{PROJECT['user']}/{PROJECT['repo']}/blob/{PROJECT['branch']}/nbs/"
INSTALL = f"""#| hide
#| notest
if "google.colab" in str(get_ipython()):
    %pip install --quiet "PACKAGE @ git+{PROJECT['git_url']}"
    %env CROWDBOOK_DOWNLOAD=1"""
LINK = re.compile(r"^\[Open in Colab\]\(([^)]*)\).*$", re.MULTILINE)
TRAINS = re.compile(r"^(?:from|import) crowdbook\.learning\b", re.MULTILINE)
PLAIN = {"index"}  # pages that are no chapters


def source(cell: dict) -> str:
    "The text of a cell."
    return "".join(cell["source"])


def duration(name: str) -> str:
    "What is known of the time that a chapter takes, in words."
    seconds = json.loads(SECONDS.read_text(encoding="utf-8")) if SECONDS.is_file() else {}
    if name not in seconds:
        return ""
    steps = [(20, "under half a minute"), (45, "under a minute"), (90, "about a minute"), (180, "a few minutes")]
    words = next((word for limit, word in steps if seconds[name] <= limit), f"about {seconds[name] / 60:.0f} minutes")
    return f" (takes {words} of one core, once the package is installed)"


def ready(name: str, book: dict) -> dict:
    "The notebook as it should be; ValueError where its link to Colab is missing."
    cells = [c for c in book["cells"] if not (c["cell_type"] == "code" and "google.colab" in source(c))]
    at = next((i for i, c in enumerate(cells) if c["cell_type"] == "markdown" and LINK.search(source(c))), None)
    if at is None:
        raise ValueError(f"nbs/{name}.ipynb has no line [Open in Colab]({COLAB}{name}.ipynb) below its title")
    link = f"[Open in Colab]({COLAB}{name}.ipynb){duration(name)}"
    text = LINK.sub(lambda _: link, source(cells[at])).splitlines(keepends=True)
    trains = any(c["cell_type"] == "code" and TRAINS.search(source(c)) for c in cells)
    install = INSTALL.replace("PACKAGE", "crowdbook[learn]" if trains else "crowdbook")
    hidden = dict(cell_type="code", execution_count=None, id="colab", metadata={}, outputs=[],
                  source=install.splitlines(keepends=True))
    cells = [*cells[:at], {**cells[at], "source": text}, hidden, *cells[at + 1:]]
    meta = {k: v for k, v in book["metadata"].items() if k not in ("accelerator", "colab")}
    meta |= dict(accelerator="GPU", colab=dict(gpuType="T4")) if trains else {}
    return {**book, "cells": cells, "metadata": meta}


def main(check: bool) -> int:
    "Go through all chapters."
    wrong = []
    for path in sorted((ROOT / "nbs").rglob("[!_.]*.ipynb")):
        name = path.relative_to(ROOT / "nbs").with_suffix("").as_posix()
        if path.stem in PLAIN:
            continue
        old = path.read_text(encoding="utf-8")
        book = ready(name, json.loads(old))
        new = json.dumps(book, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        if new != old:
            wrong.append(path.name)
        if new != old and not check:
            fresh = path.with_suffix(".tmp")
            fresh.write_text(new, encoding="utf-8")
            os.replace(fresh, path)
    print(f"{len(wrong)} chapters {'to change: run python .ci/colab_cells.py' if check else 'changed'}", *wrong)
    return 1 if check and wrong else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
