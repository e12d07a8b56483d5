"""Write README.md from nbs/index.ipynb: its prose, its code and its stored outputs, without Quarto.

Figures become files in nbs/figures/, named by their label, for README.md to show.
"""
import base64
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HIDDEN = re.compile(r"^#\|\s*(hide\b|default_exp\b|echo:\s*false|include:\s*false)", re.MULTILINE)
LINK = re.compile(r"(\]\()(?![a-z]+:|[#/])([^)\s]+\.(?:ipynb|qmd|svg)\b)")
PICTURE = re.compile(r'!\[[^\]]*\](\([^)]*\))\{fig-alt="([^"]*)"\}')


def options(source: str) -> dict:
    "The options `#| key: value` of a code cell."
    lines = re.findall(r"^#\|\s*([\w-]+):\s*(.*)$", source, re.MULTILINE)
    return {key: value.strip().strip("\"'") for key, value in lines}


def pictures(notebook: Path) -> dict:
    "Figures of the notebook: path from the folder of README.md -> bytes of the PNG file."
    found = {}
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        for data in (output.get("data", {}) for output in cell.get("outputs", [])):
            if "image/png" in data:
                label = options("".join(cell["source"]))["label"]
                found[f"nbs/figures/{label}.png"] = base64.b64decode("".join(data["image/png"]))
    return found


def render_output(output: dict, said: dict) -> str:
    "One stored output as markdown."
    if output["output_type"] == "stream":
        text = "".join(output["text"])
    elif "text/markdown" in output["data"]:
        return "".join(output["data"]["text/markdown"]).strip()
    elif "image/png" in output["data"]:
        return f"![{said['fig-alt']}](nbs/figures/{said['label']}.png)"
    else:
        text = "".join(output["data"]["text/plain"])
    return "\n".join(("    " + line).rstrip() for line in text.strip("\n").splitlines())


def render_cell(cell: dict) -> list[str]:
    "One cell as blocks of markdown; links between pages start from the folder of README.md."
    source = "".join(cell["source"]).strip()
    if cell["cell_type"] == "markdown":
        return [LINK.sub(r"\1nbs/\2", PICTURE.sub(r"![\2]\1", source))]
    if cell["cell_type"] != "code" or HIDDEN.search(source):
        return []
    code = re.sub(r"^#\|.*\n?", "", source, flags=re.MULTILINE).strip()
    return [f"```python\n{code}\n```", *(render_output(output, options(source)) for output in cell["outputs"])]


def render(notebook: Path) -> str:
    "The whole notebook as markdown."
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    note = "<!-- Written by .ci/make_readme.py from nbs/index.ipynb: edit that notebook. -->"
    return "\n\n".join([note, *(block for cell in cells for block in render_cell(cell) if block)]) + "\n"


if __name__ == "__main__":
    (ROOT / "README.md").write_text(render(ROOT / "nbs" / "index.ipynb"), encoding="utf-8")
    for name, data in pictures(ROOT / "nbs" / "index.ipynb").items():
        (ROOT / name).write_bytes(data)
