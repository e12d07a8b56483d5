"""Two things that Quarto does to the rendered site and that cannot be turned off are undone here.

Quarto runs it after rendering (`post-render` in _quarto.yml). Quarto takes every page with a table for one with widgets
and adds RequireJS and jQuery from a content delivery network; nothing on our pages uses them, and no page of the site
may ask another host for anything. And it marks the first link of the navigation bar that also stands in the sidebar as
the current page, on every page.
"""

import os
import re
import sys
from pathlib import Path

WIDGETS = re.compile(
    r'[ \t]*<script[^>]*src="https://cdn\.jsdelivr\.net/npm/(?:requirejs|jquery)@[^>]*></script>\n?'
    r"|[ \t]*<script[^>]*>define\('jquery',.*?</script>\n?",
    re.DOTALL,
)
CURRENT = re.compile(r'<a class="nav-link active" href="([^"]*)" aria-current="page">')


def finished(text: str, name: str) -> str:
    "A page as it should be; `name` is that of its file."
    def link(found):
        return found[0] if found[1].rpartition("/")[2] == name else f'<a class="nav-link" href="{found[1]}">'

    return CURRENT.sub(link, WIDGETS.sub("", text))


def clean(folder: Path) -> int:
    "Rewrite the pages that need it; how many there were."
    changed = 0
    for path in sorted(folder.rglob("*.html")):
        old = path.read_text(encoding="utf-8")
        new = finished(old, path.name)
        if new != old:
            draft = path.with_suffix(".tmp")
            draft.write_text(new, encoding="utf-8")
            os.replace(draft, path)
            changed += 1
    return changed


if __name__ == "__main__":
    where = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("QUARTO_PROJECT_OUTPUT_DIR", "")
    if not Path(where or "no folder").is_dir():
        sys.exit(f"{where or 'no folder given'}: not a folder; name the folder of the rendered site")
    print(f"{clean(Path(where))} pages without what Quarto adds")
