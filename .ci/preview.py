"""A plain HTML preview of pages of nbs/, from their sources and stored outputs, with pandoc: no Quarto, no server.

    python .ci/preview.py [nbs/article.qmd ...] [--out _preview]

It resolves embeds, numbers sections, figures, tables and equations, links the references to them, and writes one file
a page with everything inside. The site looks different; words, formulas, figures and links are the same.
"""
import argparse
import base64
import html
import json
import re
import subprocess
from functools import partial
from pathlib import Path

import pypandoc
import yaml

ROOT = Path(__file__).resolve().parents[1]
SITE = yaml.safe_load((ROOT / "_quarto.yml").read_text(encoding="utf-8"))["website"]["site-url"].rstrip("/") + "/"
EMBED = re.compile(r"^\{\{<\s*embed\s+([^\s#>]+)#([\w-]+)([^>]*)>\}\}\s*$", re.MULTILINE)
IMAGE = re.compile(r"^!\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)\{#(fig-[\w-]+)([^}]*)\}\s*$", re.MULTILINE)
EQUATION = re.compile(r"^\$\$\s*\{#(eq-[\w-]+)\}", re.MULTILINE)
SECTION = re.compile(r"^(#{1,4}) (.*?)\s*(?:\{([^}]*)\})?\s*$", re.MULTILINE)
FENCE = re.compile(r"^(`{3,}).*?^\1`*\s*$", re.MULTILINE | re.DOTALL)
REF = re.compile(r"(?<![\w\\@])@((fig|tbl|eq|sec)-[\w-]*\w)")
KINDS = {"fig": "Figure", "tbl": "Table", "eq": "Equation", "sec": "Section"}

CSS = """
:root { color-scheme: light; --back: #ffffff; --ink: #1f2328; --soft: #57606a; --link: #1d5a94; --code: #7a2f05;
        --panel: #f5f6f8; --line: #d0d7de; }
@media (prefers-color-scheme: dark) {
  :root { color-scheme: dark; --back: #171a1f; --ink: #dfe3e8; --soft: #a9b3be; --link: #8fb8de; --code: #f0b48a;
          --panel: #20252c; --line: #3a424c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.2rem; max-width: 50rem; background: var(--back); color: var(--ink);
       font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Arial, sans-serif;
       overflow-wrap: anywhere; }
a { color: var(--link); } h1, h2, h3 { line-height: 1.25; text-wrap: balance; }
h2 { border-bottom: 1px solid var(--line); }
header p, figcaption, .caption, summary, #TOC { color: var(--soft); } .abstract { border-left: 3px solid var(--line);
       padding-left: 1rem; } code { color: var(--code); font-size: 0.9em; }
pre { background: var(--panel); padding: 0.7rem; overflow-x: auto; } pre code { color: inherit; }
.figure { margin: 1.6rem 0; } img { max-width: 100%; height: auto; } .stored img { background: #ffffff;
       border-radius: 4px; padding: 4px; } .scroll { overflow-x: auto; }
.scroll table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums;
       white-space: nowrap; }
table { display: block; overflow-x: auto; }
th, td { padding: 0.15rem 0.6rem; border-bottom: 1px solid var(--line); text-align: left; overflow-wrap: normal; }
.scroll :is(td, th):not(:first-child) { text-align: right; }
.equation { display: flex; align-items: center; gap: 1rem; } .equation > p { margin: 0.6rem 0; }
.equation > p:first-child { flex: 1; min-width: 0; overflow-x: auto; overflow-y: hidden; }
math[display="block"] { margin: 0.3rem 0; }
@media (max-width: 600px) { main p { overflow-x: auto; overflow-y: hidden; } } /* long formulas in a line of text */
"""
TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title-meta$</title>
<link rel="icon" href="data:,">
<style>$css$</style>
</head>
<body>
<header>
<h1>$title$</h1>
$if(subtitle)$<p>$subtitle$</p>$endif$
$if(byline)$<p>$byline$, $date$</p>$endif$
$if(abstract)$<div class="abstract">$abstract$</div>$endif$
$if(keywords)$<p>Keywords: $for(keywords)$$keywords$$sep$, $endfor$.</p>$endif$
</header>
$if(table-of-contents)$<nav id="TOC" aria-label="Contents">$table-of-contents$</nav>$endif$
<main>
$body$
</main>
</body>
</html>
"""


def page_address(here: Path, m) -> str:
    "A link on page `here` to a notebook or qmd page as one to the site, where nbdev takes the number off the name."
    page = (here.parent / m[2]).resolve().relative_to(ROOT)
    return f"{m[1]}{SITE}{page.parent.as_posix()}/{re.sub(r'^[0-9]+[a-zA-Z0-9]*_', '', page.name.lower())}.html"


def options(source: str) -> dict:
    "The options `#| key: value` of a code cell."
    lines = re.findall(r"^#\|\s*([\w-]+)(?::\s*(.*))?$", source, re.MULTILINE)
    return {key: value.strip().strip("\"'") for key, value in lines}


def labelled(path: Path) -> dict:
    "Cells of a notebook by label."
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return {options("".join(c["source"])).get("label"): c for c in cells if c["cell_type"] == "code"}


def data_uri(path: Path) -> str:
    "A picture's file as an address that holds it."
    kind = {".svg": "svg+xml", ".jpg": "jpeg"}.get(path.suffix, path.suffix[1:])
    return f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def outputs(cell: dict) -> str:
    "Stored outputs of a cell as blocks of markdown and raw HTML."
    alt, out = html.escape(options("".join(cell["source"])).get("fig-alt", ""), quote=True), []
    for o in cell["outputs"]:
        data = {k: "".join(v) for k, v in o.get("data", {"text/plain": o.get("text", "")}).items()}
        if "image/png" in data:
            src = "data:image/png;base64," + data["image/png"].strip().replace("\n", "")
            out.append(f'```{{=html}}\n<p class="stored"><img alt="{alt}" src="{src}"></p>\n```')
        elif "text/markdown" in data:
            out.append(data["text/markdown"])
        elif "text/html" in data:
            table = re.sub(r"<style.*?</style>| border=\"1\"| style=\"[^\"]*\"", "", data["text/html"], flags=re.DOTALL)
            out.append(f'```{{=html}}\n<div class="scroll">{table}</div>\n```')
        else:
            out.append(f"````text\n{data['text/plain'].rstrip()}\n````")
    return "\n\n".join(out)


def code(cell: dict, fold: bool) -> str:
    "Source of a cell without its options, folded or not."
    lines = re.sub(r"^#\|.*\n?", "", "".join(cell["source"]), flags=re.MULTILINE).strip()
    block = f"````python\n{lines}\n````" if lines else ""
    return f"<details><summary>Show the code</summary>\n\n{block}\n\n</details>" if fold and lines else block


def block(label: str, cell: dict, echo: bool) -> str:
    "A labelled cell as a numbered figure or table."
    caption = options("".join(cell["source"])).get(f"{label[:3]}-cap", "")
    shown, said = outputs(cell), f"[@{label}: {caption}]{{.caption}}"
    parts = [code(cell, fold=True) if echo else "", *([said, shown] if label.startswith("tbl") else [shown, said])]
    return f":::: {{#{label} .figure}}\n" + "\n\n".join(part for part in parts if part) + "\n::::"


def notebook(path: Path) -> str:
    "A whole notebook in the form of a qmd file."
    out = []
    for i, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
        source, said = "".join(cell["source"]), {}
        if cell["cell_type"] == "code":
            said = options(source)
        if i == 0:
            title, _, subtitle = source.partition("\n")
            front = dict(title=title[2:], subtitle=subtitle.strip("> \n"), toc=True)
            out.append(f"---\n{yaml.safe_dump(front)}---")
        elif cell["cell_type"] == "markdown":
            out.append(source)
        elif not {"hide", "default_exp"} & said.keys() and said.get("include") != "false":
            shown = "" if said.get("echo") == "false" or "export" in said else code(cell, fold=False)
            label = said.get("label", "")
            out += [shown, block(label, cell, False) if label[:4] in ("fig-", "tbl-") else outputs(cell)]
    return "\n\n".join(part for part in out if part)


def number(text: str) -> dict:
    "label -> number, in the order of the page."
    plain, numbers, count, parts = FENCE.sub(lambda m: "\n" * m[0].count("\n"), text), {}, {}, [0, 0, 0]
    marks = [(m.start(), label) for m in re.finditer(r"^::::? \{#((?:fig|tbl)-[\w-]+)", plain, re.MULTILINE)
             for label in [m[1]]] + [(m.start(), m[1]) for m in EQUATION.finditer(plain)]
    for _, label in sorted(marks):
        kind = label.split("-")[0]
        count[kind] = numbers[label] = count.get(kind, 0) + 1
    for m in SECTION.finditer(plain):
        level, said = len(m[1]) - 2, m[3] or ""
        if 0 <= level <= 2 and ".unnumbered" not in said:
            parts[level:] = [parts[level] + 1] + [0] * (2 - level)
            if label := re.search(r"#(sec-[\w-]+)", said):
                numbers[label[1]] = ".".join(map(str, parts[:level + 1]))
    return numbers


def resolve(path: Path) -> str:
    "The page as pandoc's markdown: embeds in place, everything numbered, references as links."
    text = notebook(path) if path.suffix == ".ipynb" else path.read_text(encoding="utf-8")
    text = re.sub(r"<!-- .*? -->", "", text, flags=re.DOTALL)
    books = {}

    def embedded(m):
        target = path.parent / m[1]
        book = books.setdefault(target, labelled(target))
        if m[2] not in book:
            raise KeyError(f"{path.name} embeds {m[1]}#{m[2]}, which is not there")
        return block(m[2], book[m[2]], "echo=true" in m[3])

    def drawn(m):
        alt = re.search(r'fig-alt="([^"]*)"', m[4])
        img = f'<p><img alt="{html.escape(alt[1]) if alt else ""}" src="{data_uri(path.parent / m[2])}"></p>'
        return f"::: {{#{m[3]} .figure}}\n```{{=html}}\n{img}\n```\n\n[@{m[3]}: {m[1]}]{{.caption}}\n:::"

    text = IMAGE.sub(drawn, EMBED.sub(embedded, text))
    numbers = number(text)

    def refer(m):
        return f"[{KINDS[m[2]]}\N{NO-BREAK SPACE}{numbers[m[1]]}](#{m[1]})" if m[1] in numbers else f"**lost: {m[1]}**"

    def equation(m):
        return f"::: {{#{m[2]} .equation}}\n$$ {m[1].strip()} $$\n\n[({numbers[m[2]]})]{{.number}}\n:::"

    pieces, at = [], 0
    for fence in [*FENCE.finditer(text), None]:  # code and raw blocks stay as they are
        prose = text[at:fence.start() if fence else len(text)]
        display = r"^\$\$\s*\n((?:(?!\$\$).)*?)\n\$\$\s*\{#(eq-[\w-]+)\}"
        prose = re.sub(display, equation, prose, flags=re.MULTILINE | re.DOTALL)
        prose = REF.sub(refer, prose)
        prose = re.sub(r"(\]\()(?![a-z]+:|[#/])([\w./-]+)\.(?:ipynb|qmd)", partial(page_address, path), prose)
        pieces.append(re.sub(r"(?<=\]\()[\w./-]+\.(?:svg|png)(?=\))", lambda m: data_uri(path.parent / m[0]), prose))
        if fence:
            pieces.append(fence[0])
            at = fence.end()
    return "".join(pieces)


def build(path: Path, folder: Path) -> Path:
    "Write the preview of one page and return where."
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "template.html").write_text(TEMPLATE.replace("$css$", CSS.replace("$", "$$")), encoding="utf-8")
    text, out = resolve(path), folder / f"{path.stem}.html"
    front = yaml.safe_load(text.split("---")[1]) if text.startswith("---") else {}
    front |= (front.get("format") or {}).get("html") or {}
    byline = ", ".join(a["name"] for a in front.get("author", []))
    cmd = [pypandoc.get_pandoc_path(), "--from=markdown", "--to=html5", "--standalone", "--mathml", "--citeproc",
           "--no-highlight", f"--bibliography={ROOT / 'references.bib'}",
           "--metadata=link-citations:true", f"--template={folder / 'template.html'}", "--metadata=lang:en",
           *(["--number-sections"] if front.get("number-sections") else []),
           *([f"--metadata=byline:{byline}"] if byline else []),
           *(["--toc", "--toc-depth=3"] if front.get("toc") else [])]
    done = subprocess.run(cmd, input=text, capture_output=True, text=True, encoding="utf-8")
    warnings = [w for w in done.stderr.splitlines() if "--no-highlight" not in w and "--syntax-highlighting" not in w]
    if done.returncode or warnings:
        raise ValueError(f"pandoc on {path.name}: {done.stderr}")
    out.write_text(done.stdout, encoding="utf-8")
    (folder / "template.html").unlink()
    return out


if __name__ == "__main__":
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("paths", nargs="*", type=Path, default=[ROOT / "nbs" / "article.qmd"], help="pages of nbs/")
    args.add_argument("--out", type=Path, default=ROOT / "_preview", help="folder to write to")
    args = args.parse_args()
    for page in args.paths:
        print(build(page.resolve(), args.out))
