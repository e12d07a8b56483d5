"""Take out of the rendered site the scripts that Quarto adds to pages with tables, because it takes these for widgets.

Quarto runs it after rendering (`post-render` in _quarto.yml). RequireJS and jQuery come from a content delivery network
and nothing on our pages uses them; no page of the site may ask another host for anything.
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


def clean(folder: Path) -> int:
    "Rewrite the pages that hold such scripts; how many there were."
    changed = 0
    for path in sorted(folder.rglob("*.html")):
        old = path.read_text(encoding="utf-8")
        new = WIDGETS.sub("", old)
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
    print(f"{clean(Path(where))} pages without the scripts of widgets that they do not have")
