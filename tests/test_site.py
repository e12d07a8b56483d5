"The site is whole, as far as that shows without Quarto: pages, links, labels, references, citations and maths."
import html
import posixpath
import re
import runpy
import subprocess
from types import SimpleNamespace
from urllib.parse import unquote

import pypandoc
import pytest
import yaml
from conftest import ROOT
from execnb.nbio import read_nb

KIND = r"(?:fig|tbl|eq|sec|lst|thm)"
REF = re.compile(rf"(?<![\w\\@])@({KIND}-[\w-]*\w)")
EMBED = re.compile(r"\{\{<\s*embed\s+([^\s#>]+)(?:#([\w-]+))?.*?>\}\}")
CODE = re.compile(r"^(`{3,}|~{3,}).*?^\1|`[^`\n]+`", re.MULTILINE | re.DOTALL)
SITE = yaml.safe_load((ROOT / "_quarto.yml").read_text(encoding="utf-8"))
HOME = SITE["website"]["site-url"].rstrip("/") + "/"


def sidebar(node):
    "Pages named anywhere in a part of _quarto.yml."
    if isinstance(node, str):
        return [node] if node.endswith((".ipynb", ".qmd")) else []
    parts = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    return [page for part in parts for page in sidebar(part)]


PAGES = sidebar(SITE["website"]["sidebar"]["contents"])


def options(source):
    "The options `#| key: value` of a code cell."
    lines = re.findall(r"^#\|\s*([\w-]+):\s*(.*)$", source, re.MULTILINE)
    return {key: value.strip().strip("\"'") for key, value in lines}


def read_page(path):
    "A staged page as one markdown text, the options of its code cells, and the HTML that those put out."
    if path.suffix == ".qmd":
        return re.sub(r"\A---\n.*?\n---\n", "", path.read_text(encoding="utf-8"), flags=re.DOTALL), [], ""
    text, cells, raw = [], [], []
    for cell in read_nb(path).cells:
        if cell.cell_type == "raw":
            front = yaml.safe_load(cell.source.strip().strip("-"))
            text += [str(front.get(key, "")) for key in ("title", "description")]
        elif cell.cell_type == "markdown":
            text.append(cell.source)
        else:
            cells.append(options(cell.source))
            text += [cells[-1].get(key, "") for key in ("fig-cap", "tbl-cap")]
            for data in (o.get("data", {}) for o in cell.outputs):
                text.append("".join(data.get("text/markdown", "")))
                raw.append("".join(data.get("text/html", "")))
    return "\n\n".join(text), cells, "\n".join(raw)


def compile_page(path):
    "Everything the tests ask of one page; pandoc reads it once."
    text, cells, raw = read_page(path)
    plain = re.sub(r"(\$\$)\s*\{#eq-[\w-]+\}", r"\1", REF.sub("ref", EMBED.sub("", text)))
    cmd = [pypandoc.get_pandoc_path(), "--from=markdown", "--to=html", "--mathml", "--citeproc", "--fail-if-warnings",
           f"--bibliography={ROOT / 'references.bib'}"]
    done = subprocess.run(cmd, input=plain, capture_output=True, text=True, encoding="utf-8")
    prose = CODE.sub("", text)
    labels = re.findall(rf"\{{[^}}\n]*#({KIND}-[\w-]+)", EMBED.sub("", prose))
    labels += [c["label"] for c in cells if "label" in c]
    ids = {html.unescape(i) for i in re.findall(r'\bid="([^"]+)"', done.stdout)} | set(labels)
    return SimpleNamespace(done=done, cells=cells, labels=labels, ids=ids, refs=set(REF.findall(prose)),
                           embeds=EMBED.findall(text), html=done.stdout + raw)


@pytest.fixture(scope="module")
def pages(staged):
    "Every page of the sidebar that exists, compiled."
    folder, _ = staged
    return {page: compile_page(folder / page) for page in PAGES if (folder / page).is_file()}


def dangling(pages, folder, page, target, anchor):
    "What is wrong with a link, or None."
    if target not in pages and not (folder / target).is_file():
        return f"{target} does not exist"
    if anchor and target in pages and pages[target].done.returncode == 0 and anchor not in pages[target].ids:
        return f"{target} has no #{anchor}"


def test_sidebar(staged):
    "Pages exist, each is named once, and no notebook is left out."
    folder, _ = staged
    lost = sorted(p for p in set(sidebar(SITE["website"])) if not (folder / p).is_file())
    there = {str(p.relative_to(folder)) for p in (folder / "nbs").rglob("*") if p.suffix in (".ipynb", ".qmd")}
    hidden = sorted(there - set(PAGES))
    assert not lost, f"_quarto.yml names pages that do not exist: {lost}"
    assert not hidden, f"the sidebar leaves out {hidden}"
    assert len(PAGES) == len(set(PAGES))


def test_nothing_lost_in_staging(staged):
    "nbdev makes a page's head from the first cell and drops it: it holds the title and a one-line subtitle, no more."
    first = {p.name: read_nb(p).cells[0].source for p in (ROOT / "nbs").rglob("[!_.]*.ipynb")}
    bad = sorted(n for n, s in first.items() if not re.fullmatch(r"# .+\n+> .+", s.strip()))
    assert not bad, f"the first cell is not a title and a one-line subtitle alone in {bad}"
    assert "Found cells containing imports" not in staged[1], staged[1]  # building the site runs these cells


def test_bibliography():
    "Each key of references.bib is there once."
    keys = re.findall(r"^@\w+\{\s*([^,\s]+)", (ROOT / "references.bib").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(keys) == len(set(keys)), sorted({key for key in keys if keys.count(key) > 1})


def test_no_external_resource(pages):
    "A page needs no other server: no content network, no web font."
    outside = re.compile(r"""<(?:img|script|iframe|source|video|audio|embed)\b[^>]*\bsrc=["']?(?:https?:)?//[^>]*"""
                         r"""|<link\b[^>]*href=["']?(?:https?:)?//[^>]*""")
    found = [f"{name}: {hit}" for name, page in pages.items() for hit in outside.findall(page.html)]
    styles = {p.name: p.read_text(encoding="utf-8") for p in ROOT.glob("theme*.scss")}
    found += [f"{name}: {hit}" for name, s in styles.items() for hit in re.findall(r"(?:@import|url\().*//.*", s)]
    assert not found, found
    assert SITE["format"]["html"]["html-math-method"] == "mathml"


def test_site_is_finished(tmp_path):
    "Scripts from other servers and the mark of a wrong link go after rendering; the rest of a page stays."
    script = SITE["project"]["post-render"]
    assert script == "../.ci/finish_site.py"     # nbdev_docs renders in a folder of the project
    added = [f'<script src="https://cdn.jsdelivr.net/npm/{name}.min.js" integrity="sha384-x"></script>'
             for name in ("requirejs@2.3.6/require", "jquery@3.5.1/dist/jquery")]
    added += ["<script type=\"a\">define('jquery', [],function() {return window.jQuery;})</script>"]
    ours = '<head><script src="site_libs/quarto-nav/quarto-nav.js"></script>\n{}</head><p>jquery@3 is a name</p>{}'
    here = '<a class="nav-link active" href="../nbs/votes.html" aria-current="page">'
    wrong, right = here.replace("votes", "index"), '<a class="nav-link" href="../nbs/index.html">'
    page = tmp_path / "nbs" / "votes.html"
    page.parent.mkdir()
    page.write_text(ours.format("\n".join(added) + "\n", wrong + here), encoding="utf-8")
    clean = runpy.run_path(str(ROOT / ".ci" / "finish_site.py"))["clean"]
    assert (clean(tmp_path), clean(tmp_path)) == (1, 0)
    assert page.read_text(encoding="utf-8") == ours.format("", right + here)


def test_labels_are_unique(pages):
    "Over the whole book, for pages embed one another's figures."
    where = [(label, name) for name, page in pages.items() for label in page.labels]
    seen = [label for label, _ in where]
    assert len(seen) == len(set(seen)), sorted((lab, name) for lab, name in where if seen.count(lab) > 1)


@pytest.fixture(params=PAGES)
def page(request, pages):
    "One page's name; `test_sidebar` complains where it does not exist."
    return request.param if request.param in pages else pytest.skip("the page does not exist")


def test_compiles(page, pages):
    "Every citation is in references.bib, and pandoc reads all the TeX."
    assert pages[page].done.returncode == 0, pages[page].done.stderr


def test_references(page, pages):
    "References stay on their page; what is embedded exists; figures and tables say what they show."
    this = pages[page]
    there = set(this.labels) | {label for _, label in this.embeds}
    assert this.refs <= there, f"no label for {sorted(this.refs - there)}"
    for target, label in this.embeds:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
        assert target in pages and (not label or label in pages[target].labels), f"nothing to embed: {target}#{label}"
    for cell in this.cells:
        kind = cell.get("label", "").split("-")[0]
        needs = {"fig": ["fig-cap", "fig-alt"], "tbl": ["tbl-cap"]}.get(kind, [])
        assert all(cell.get(key) for key in needs), f"{cell['label']} needs {' and '.join(needs)}"


def test_pictures(page, pages, staged):
    "Pictures of the prose are files of the project, and say what they show."
    folder, _ = staged
    for img in re.findall(r"<img\b[^>]*>|<embed\b[^>]*>", re.sub(r"<img\b[^>]*data:[^>]*>", "", pages[page].html)):
        src, alt = re.search(r'src="([^"]*)"', img), re.search(r'(?:fig-)?alt="([^"]+)"', img)
        assert src and (folder / posixpath.dirname(page) / unquote(src[1])).is_file(), f"no file for {img[:200]}"
        assert alt, f"no alternative text in {img[:200]}"


def test_links(page, pages, staged):
    "Links inside the site lead to a page, and to a heading of it."
    folder, _ = staged
    names = {re.sub(r"^\d+[a-zA-Z0-9]*_", "", posixpath.basename(p)).rsplit(".", 1)[0].lower() for p in pages}
    found = []
    for link in {html.unescape(h) for h in re.findall(r'<a\b[^>]*href="([^"]*)"', pages[page].html)}:
        target, _, anchor = link.partition("#")
        if link.startswith(HOME):  # made by nbdev from `name`; methods have no heading of their own everywhere
            ok = target == HOME or posixpath.basename(target).removesuffix(".html") in names
            found += [] if ok else [f"{link}: no such page"]
        elif not re.match(r"[a-z]+:|//", link):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(page), unquote(target))) if target else page
            wrong = dangling(pages, folder, page, target, unquote(anchor))
            found += [f"{link}: {wrong}"] if wrong else []
    assert not found, found
