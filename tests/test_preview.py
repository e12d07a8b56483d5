"The article as plain HTML: whole, readable on a telephone, in light and in dark."
import html
import json
import re
import runpy
import shutil
import subprocess

import pytest
from conftest import ROOT

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
         "--enable-logging=stderr", "--dump-dom", "--virtual-time-budget=4000", "--window-size=1300,900"]
PROBE = """
<pre id="result"></pre><iframe id="page" width="WIDTH" height="900" srcdoc="PAGE"></iframe>
<script>
const frame = document.getElementById("page");
const rgb = (c) => { const v = (c.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
                     return v.length < 4 ? [...v, 1] : v; };
const light = (c) => { const f = (x) => (x /= 255) <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
                       return 0.2126 * f(c[0]) + 0.7152 * f(c[1]) + 0.0722 * f(c[2]); };
frame.onload = () => {
  const w = frame.contentWindow, d = w.document, low = {}; let texts = 0, least = 21;
  const walk = d.createTreeWalker(d.body, NodeFilter.SHOW_TEXT);
  for (let n = walk.nextNode(); n; n = walk.nextNode()) {
    const e = n.parentElement;
    if (!n.data.trim() || ["STYLE", "SCRIPT", "ANNOTATION"].includes(e.tagName.toUpperCase())) continue;
    let b = e, back = [255, 255, 255, 1];
    for (; b; b = b.parentElement) {
      const c = rgb(w.getComputedStyle(b).backgroundColor);
      if (c[3] > 0) { back = c; break; }
    }
    const s = w.getComputedStyle(e), ink = light(rgb(s.color)), ground = light(back), size = parseFloat(s.fontSize);
    const ratio = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
    const need = size >= 24 || (size >= 18.66 && Number(s.fontWeight) >= 700) ? 3 : 4.5;
    texts += 1; least = Math.min(least, ratio);
    if (ratio < need) low[e.tagName + " " + e.className] = ratio.toFixed(2);
  }
  const lost = [...d.images].filter((i) => !i.complete || !i.naturalWidth).length;
  const wide = [...d.body.querySelectorAll("*")].filter((e) => {
    if (e.getBoundingClientRect().right <= w.innerWidth + 1) return false;
    for (let p = e; p; p = p.parentElement)
      if (/auto|scroll|hidden/.test(w.getComputedStyle(p).overflowX)) return false;
    return true; }).map((e) => e.tagName + " " + e.className).slice(0, 8);
  document.getElementById("result").textContent = JSON.stringify({ texts, least, low, lost, wide,
    images: d.images.length, dark: w.matchMedia("(prefers-color-scheme: dark)").matches, inner: w.innerWidth,
    scroll: d.documentElement.scrollWidth, back: w.getComputedStyle(d.body).backgroundColor });
};
</script>
"""


@pytest.fixture(scope="module")
def previews(tmp_path_factory):
    "A function that builds the preview of a page."
    build = runpy.run_path(str(ROOT / ".ci" / "preview.py"))["build"]
    return lambda name: build(ROOT / "nbs" / name, tmp_path_factory.mktemp("preview"))


@pytest.fixture(scope="module")
def article(previews):
    "The article's preview."
    return previews("article.qmd")


def test_article_is_whole(article):
    "Nothing dangles: references, embeds, citations, formulas, links into the page; nothing comes from elsewhere."
    page = article.read_text(encoding="utf-8")
    text = re.sub(r"<(?:annotation|pre|code).*?</(?:annotation|pre|code)>", "", page, flags=re.DOTALL)
    ids = set(re.findall(r'\bid="([^"]+)"', page))
    anchors = {html.unescape(a) for a in re.findall(r'href="#([^"]+)"', page)}
    assert not re.findall(r"lost: [\w-]+|\{\{<|\?\?|(?<![\w.])@(?:fig|tbl|eq|sec)-", text)
    assert not anchors - ids, sorted(anchors - ids)
    assert not re.findall(r'(?:src|srcset|data)="(?!data:)[^"]*"|<script|@import|url\(', page)
    assert 'role="doc-biblioref"' in page and "<math" in page and "data-number=" in page


def test_article_has_its_places(article):
    "Everything numbered is mentioned, and every picture says what it shows."
    page = article.read_text(encoding="utf-8")
    labels = re.findall(r'id="((?:fig|tbl)-[\w-]+)"', page)
    silent = [label for label in labels if page.count(f'href="#{label}"') < 2]  # its caption is one
    assert labels and not silent, f"never mentioned in the text: {silent}"
    assert not re.findall(r'<img(?![^>]*\balt="[^"]+")[^>]{0,80}', page)


def test_equations_are_apart(previews):
    "The frame of a numbered equation holds this equation alone, also where one without a number stands before it."
    page = previews("models/07_dawid_skene.ipynb").read_text(encoding="utf-8")
    frames = re.findall(r'<div id="eq-[^"]+" class="equation">(.*?)</div>', page, re.DOTALL)
    assert len(frames) > 5 and page.count('<math display="block"') > len(frames)
    assert {frame.count('<math display="block"') for frame in frames} == {1}


def look(article, tmp_path, width, dark):
    "What Chromium sees, and what it complains of."
    page = html.escape(article.read_text(encoding="utf-8"), quote=True)
    probe = tmp_path / "probe.html"
    frame = PROBE.replace("WIDTH", str(width)).replace("PAGE", page)
    probe.write_text(f'<!DOCTYPE html><meta charset="utf-8"><link rel="icon" href="data:,">{frame}', encoding="utf-8")
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    cmd = [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'user'}", scheme]
    done = subprocess.run([*cmd, probe.as_uri()], capture_output=True, text=True, timeout=120)
    found = re.search(r'<pre id="result">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found and found[1], done.stderr[-2000:]
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return json.loads(html.unescape(found[1])), complaints


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here to look at the preview with")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_article_in_a_browser(article, tmp_path, width, dark):
    "No console error, no lost picture, no horizontal scroll, contrast AA of every text."
    seen, complaints = look(article, tmp_path, width, dark)
    assert seen["dark"] == dark and seen["inner"] == width and seen["texts"] > 500
    assert not complaints, complaints
    assert not seen["lost"] and seen["images"] > 10
    assert seen["scroll"] <= width, f"{seen['scroll']} pixels wide: {seen['wide']}"
    assert not seen["low"], f"too little contrast: {seen['low']}"


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here to look at the preview with")
@pytest.mark.parametrize("name", ["index.ipynb", "models/07_dawid_skene.ipynb", "reference/api.ipynb", "gallery.qmd"])
def test_pages_in_a_browser(name, previews, tmp_path):
    "Other kinds of pages, on a telephone in the dark."
    seen, complaints = look(previews(name), tmp_path, 390, dark=True)
    assert not complaints and not seen["lost"] and not seen["low"], (complaints, seen)
    assert seen["scroll"] <= 390, f"{seen['scroll']} pixels wide: {seen['wide']}"


WIDTHS = """<div style="width: COLUMNpx; font: 17px system-ui, sans-serif">FORMULAS</div><pre id="result"></pre><script>
const wide = [...document.querySelectorAll("math")].filter((m) => {
  const parts = [...m.querySelectorAll("mtable, mrow, mi, mn, mo")];
  const right = Math.max(...parts.map((e) => e.getBoundingClientRect().right));
  return right > m.getBoundingClientRect().right + 4 || m.scrollWidth > m.clientWidth + 4; });
document.getElementById("result").textContent = JSON.stringify({ formulas: document.querySelectorAll("math").length,
  wide: wide.map((m) => m.querySelector("annotation").textContent.trim().slice(0, 90)) });
</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here to measure formulas with")
def test_formulas_fit(previews, tmp_path):
    "No displayed formula is wider than the site's column on a window of 1,200 pixels; in a narrow column some are."
    pages = [*sorted((ROOT / "nbs").rglob("*.ipynb")), *sorted((ROOT / "nbs").glob("*.qmd"))]
    text = "".join(previews(path.relative_to(ROOT / "nbs")).read_text(encoding="utf-8") for path in pages)
    formulas = re.findall(r'<math display="block".*?</math>', text, re.DOTALL)
    for column, fine in ((683, True), (120, False)):
        page = tmp_path / "formulas.html"
        body = WIDTHS.replace("COLUMN", str(column)).replace("FORMULAS", "".join(formulas))
        page.write_text(f'<!DOCTYPE html><meta charset="utf-8">{body}', encoding="utf-8")
        done = subprocess.run([CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'user'}", page.as_uri()],
                              capture_output=True, text=True, timeout=120)
        found = json.loads(html.unescape(re.search(r'<pre id="result">(.*?)</pre>', done.stdout, re.DOTALL)[1]))
        assert found["formulas"] == len(formulas) > 100
        assert (not found["wide"]) == fine, "too wide: " + "\n".join(found["wide"])


def luminance(color):
    "Relative luminance of #rrggbb."
    parts = [int(color[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= .04045 else ((c + .055) / 1.055) ** 2.4 for c in parts]
    return .2126 * linear[0] + .7152 * linear[1] + .0722 * linear[2]


def contrast(a, b):
    "Contrast of two colours."
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + .05) / (low + .05)


def test_vector_pictures():
    "Vector pictures are those of the script, speak for themselves, and are readable in both themes."
    draw = runpy.run_path(str(ROOT / ".ci" / "draw_figures.py"))
    drawn = dict(make() for make in draw["PICTURES"])
    assert {p.stem for p in (ROOT / "nbs" / "figures").glob("*.svg")} == set(drawn)
    for name, svg in drawn.items():
        there = (ROOT / "nbs" / "figures" / f"{name}.svg").read_text(encoding="utf-8")
        assert there == svg, f"run python .ci/draw_figures.py: {name} differs"
        assert "<title" in svg and "<desc" in svg and "http" not in svg.replace("http://www.w3.org/2000/svg", "")
    for theme in re.findall(r"svg \{(.*?)\}", draw["STYLE"], re.DOTALL):
        c = dict(re.findall(r"--(\w+): (#\w{6})", theme))
        pairs = [(ink, "back") for ink in ("ink", "soft", "blue", "orange", "green", "line")]
        pairs += [("ink", "seen"), ("ink", "tint"), ("ink", "warm"), ("soft", "tint"), ("soft", "warm"),
                  ("blue", "tint"), ("orange", "tint")]
        poor = {p: round(contrast(c[p[0]], c[p[1]]), 2) for p in pairs if contrast(c[p[0]], c[p[1]]) < 4.5}
        assert not poor, poor


def test_theme_colours():
    "Contrast AA of the site's own colours, as its theme files state them."
    light, dark = ((ROOT / name).read_text(encoding="utf-8") for name in ("theme.scss", "theme-dark.scss"))
    for text in (light, light + dark):
        colours = dict(re.findall(r"^\$([\w-]+): ([#$][\w-]+) ", text, re.MULTILINE))
        colours = {name: colours.get(value[1:], value) for name, value in colours.items()}
        pairs = [("body-color", "body-bg"), ("link-color", "body-bg"), ("code-color", "code-bg"),
                 ("code-color", "body-bg"), ("body-color", "code-block-bg"), ("pre-color", "body-bg"),
                 ("soft-color", "body-bg"), ("navbar-fg", "navbar-bg"),
                 ("navbar-hl", "navbar-bg")]
        poor = [(a, b) for a, b in pairs if contrast(colours[a], colours[b]) < 4.5]
        assert not poor, poor
