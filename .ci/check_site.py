"""Look through the built site (nbdev_docs writes _docs/): pages, references, links, and nothing from other servers.

    python .ci/check_site.py [_docs]
"""
import html
import re
import sys
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parents[1]
FETCHED = re.compile(r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\bsrc=["']((?:https?:)?//[^"']+)"""
                     r"""|<link\b[^>]*rel=["'](?:stylesheet|preload|preconnect|icon)["'][^>]*href=["']((?:https?:)?//[^"']+)""")


def expected() -> list[str]:
    "Pages of the sidebar, under the names that nbdev gives them."
    found = re.findall(r"nbs/[\w/-]+\.(?:ipynb|qmd)", (ROOT / "_quarto.yml").read_text(encoding="utf-8"))
    names = {re.sub(r"^\d+[a-zA-Z0-9]*_", "", Path(page).stem.lower()) for page in found}
    return sorted(names)


def complaints(folder: Path) -> list[str]:
    "What is wrong with the site in `folder`, a sentence each."
    pages = {path: path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.html"))}
    there = {path.stem for path in pages}
    found = [f"{name}.html was not built" for name in expected() if name not in there]
    for path, text in pages.items():
        name, prose = path.relative_to(folder), re.sub(r"<(pre|code|script)\b.*?</\1>", "", text, flags=re.DOTALL)
        found += [f"{name}: unresolved reference {ref}" for ref in re.findall(r"\?@[\w-]+", prose)]
        found += [f"{name}: a shortcode is left: {code}" for code in re.findall(r"\{\{&lt; \w+|\{\{< \w+", prose)]
        found += [f"{name}: fetches {a or b}" for a, b in FETCHED.findall(text)]
        for link in {html.unescape(h) for h in re.findall(r'<a\b[^>]*href="([^"#?]+)', prose)}:
            if not re.match(r"[a-z]+:|//|/", link) and not (path.parent / unquote(link)).exists():
                found.append(f"{name}: {link} does not exist")
    return found


if __name__ == "__main__":
    site = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "_docs")
    if not any(site.rglob("*.html")):
        sys.exit(f"{site}: no pages there; run nbdev_docs first")
    if wrong := complaints(site):
        sys.exit("\n".join(wrong))
    print(f"{len(list(site.rglob('*.html')))} pages, nothing amiss")
