"""Write README.md from nbs/index.ipynb: its prose, its code and its stored outputs, without Quarto."""
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HIDDEN = re.compile(r"^#\|\s*(hide\b|default_exp\b|echo:\s*false|include:\s*false)", re.MULTILINE)
LINK = re.compile(r"(\]\()(?![a-z]+:|[#/])([^)\s]+\.(?:ipynb|qmd)\b)")


def render_output(output: dict) -> str:
    "One stored output as markdown."
    if output["output_type"] == "stream":
        text = "".join(output["text"])
    elif "text/markdown" in output["data"]:
        return "".join(output["data"]["text/markdown"]).strip()
    elif any(kind.startswith("image/") for kind in output["data"]):
        raise ValueError("nbs/index.ipynb holds a figure, and README.md has no folder for one: show it in a chapter.")
    else:
        text = "".join(output["data"]["text/plain"])
    return "\n".join(("    " + line).rstrip() for line in text.strip("\n").splitlines())


def render_cell(cell: dict) -> list[str]:
    "One cell as blocks of markdown; links between pages start from the folder of README.md."
    source = "".join(cell["source"]).strip()
    if cell["cell_type"] == "markdown":
        return [LINK.sub(r"\1nbs/\2", source)]
    if cell["cell_type"] != "code" or HIDDEN.search(source):
        return []
    code = re.sub(r"^#\|.*\n?", "", source, flags=re.MULTILINE).strip()
    return [f"```python\n{code}\n```", *map(render_output, cell["outputs"])]


def render(notebook: Path) -> str:
    "The whole notebook as markdown."
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    note = "<!-- Written by .ci/make_readme.py from nbs/index.ipynb: edit that notebook. -->"
    return "\n\n".join([note, *(block for cell in cells for block in render_cell(cell) if block)]) + "\n"


if __name__ == "__main__":
    (ROOT / "README.md").write_text(render(ROOT / "nbs" / "index.ipynb"), encoding="utf-8")
