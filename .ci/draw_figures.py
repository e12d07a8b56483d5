"""Draw the vector pictures of the article, nbs/figures/*.svg: plate diagrams, the pipeline, areas under the margin.

Each file carries its own background and follows the light or dark theme of the page that shows it. Lengths are in
pixels. With --check nothing is written, and the exit code is 1 where a file differs from what would be drawn.
"""
import sys
from math import exp, hypot
from pathlib import Path
from xml.sax.saxutils import escape

FOLDER = Path(__file__).resolve().parents[1] / "nbs" / "figures"
STYLE = """
  svg { --back: #ffffff; --ink: #1f2328; --soft: #57606a; --seen: #d5dce4; --line: #57606a; --blue: #0b5f94;
        --orange: #a8480b; --green: #0b6e54; --tint: #e8f1f8; --warm: #fbeee3; }
  @media (prefers-color-scheme: dark) {
    svg { --back: #1c2026; --ink: #e6eaef; --soft: #b3bcc6; --seen: #46515e; --line: #a4aeb9; --blue: #7cc0ee;
          --orange: #f3a56b; --green: #6fd0b2; --tint: #20303d; --warm: #3a2c22; }
  }
  .back { fill: var(--back); } .line { stroke: var(--line); stroke-width: 1.6; fill: none; }
  .node { stroke: var(--ink); stroke-width: 1.6; fill: var(--back); } .seen { fill: var(--seen); }
  .plate { stroke: var(--soft); stroke-width: 1.4; fill: none; }
  .box { stroke: var(--blue); stroke-width: 1.5; fill: var(--tint); }
  .end { stroke: var(--orange); stroke-width: 1.5; fill: var(--warm); }
  .head { fill: var(--line); } .dash { stroke-dasharray: 5 4; }
  text { fill: var(--ink); font: 15px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Arial, sans-serif; }
  .math { font: italic 19px "STIX Two Math", "Cambria Math", "Latin Modern Math", Georgia, "DejaVu Serif", serif; }
  .small { font-size: 13px; fill: var(--soft); } .strong { font-weight: 600; }
  .blue { stroke: var(--blue); } .orange { stroke: var(--orange); } .green { stroke: var(--green); }
  .fblue { fill: var(--blue); } .forange { fill: var(--orange); } .fgreen { fill: var(--green); }
  .area { opacity: 0.28; stroke: none; } .curve { fill: none; stroke-width: 2.2; }
"""


def text(x, y, words, kind="", anchor="middle"):
    "Words; a list of (piece, 'sub' | 'sup' | '') makes a formula whose index and exponent do not overlap."
    if isinstance(words, str):
        return f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>'
    out, level = "", 0
    for i, (piece, place) in enumerate(words):
        goal = {"": 0, "sub": 5, "sup": -8}[place]
        size = "" if not place else ' font-size="13"'
        back = f' dx="{-6 * len(words[i - 1][0])}"' if place == "sup" and i and words[i - 1][1] == "sub" else ""
        out += f'<tspan{back} dy="{goal - level}"{size}>{escape(piece)}</tspan>'
        level = goal
    return f'<text class="math {kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{out}</text>'


def formula(name, sub="", sup=""):
    "A letter with an index and an exponent, as `text` takes it."
    return [(name, "")] + [(sub, "sub")] * bool(sub) + [(sup, "sup")] * bool(sup)


def arrow(x0, y0, x1, y1, kind="", gap0=0, gap1=0):
    "A straight arrow, shortened by `gap0` and `gap1` at its ends."
    length = hypot(x1 - x0, y1 - y0)
    ux, uy = (x1 - x0) / length, (y1 - y0) / length
    x0, y0, x1, y1 = x0 + gap0 * ux, y0 + gap0 * uy, x1 - gap1 * ux, y1 - gap1 * uy
    bx, by = x1 - 9 * ux, y1 - 9 * uy
    points = f"{x1:.1f},{y1:.1f} {bx - 4.5 * uy:.1f},{by + 4.5 * ux:.1f} {bx + 4.5 * uy:.1f},{by - 4.5 * ux:.1f}"
    return (f'<path class="line {kind}" d="M{x0:.1f} {y0:.1f} L{bx:.1f} {by:.1f}"/>'
            f'<polygon class="head" points="{points}"/>')


def picture(name, width, height, title, desc, *parts):
    "Name and text of a whole file."
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" role="img" aria-labelledby="{name}-title {name}-desc">')
    lines = [head, f'<title id="{name}-title">{escape(title)}</title>',
             f'<desc id="{name}-desc">{escape(desc)}</desc>', f"<style>{STYLE}</style>",
             f'<rect class="back" width="{width}" height="{height}" rx="8"/>', *parts, "</svg>"]
    return name, "\n".join(lines) + "\n"


# ---- plate diagrams

RADIUS = 29


class Plates:
    "Nodes by name, edges between them, plates around them."

    def __init__(self):
        self.at, self.made, self.nodes, self.edges, self.plates = {}, set(), [], [], []

    def node(self, key, x, y, label, seen=False, made=False, note=""):
        "A random variable (circle, grey if observed), or a quantity that follows from others (`made`: a diamond)."
        self.at[key] = x, y
        self.made |= {key} if made else set()
        r = RADIUS + 6
        shape = (f'<polygon class="node" points="{x},{y - r} {x + r + 6},{y} {x},{y + r} {x - r - 6},{y}"/>' if made
                 else f'<circle class="node {"seen" if seen else ""}" cx="{x}" cy="{y}" r="{RADIUS}"/>')
        self.nodes.append(shape + text(x, y + 6, label) + (text(x, y - RADIUS - 9, note, "small") if note else ""))
        return self

    def edge(self, a, b):
        "An arrow from node `a` to node `b`, from border to border."
        (x0, y0), (x1, y1) = self.at[a], self.at[b]
        length = hypot(x1 - x0, y1 - y0)
        diamond = 1 / (abs(x1 - x0) / length / (RADIUS + 12) + abs(y1 - y0) / length / (RADIUS + 6))
        gap = {key: diamond if key in self.made else RADIUS for key in (a, b)}
        self.edges.append(arrow(x0, y0, x1, y1, gap0=gap[a], gap1=gap[b] + 2))
        return self

    def plate(self, x, y, w, h, words, side="left"):
        "A rectangle: what is inside is repeated."
        at, anchor = (x + 10, "start") if side == "left" else (x + w - 10, "end")
        self.plates.append(f'<rect class="plate" x="{x}" y="{y}" width="{w}" height="{h}" rx="10"/>'
                           + text(at, y + h - 10, words, "small", anchor))
        return self

    def parts(self):
        "Everything, in drawing order."
        return [*self.plates, *self.edges, *self.nodes]


VOTE, TRUE = formula("y", "i", "(j)"), formula("y", "i", "⋆")
TASKS, WORKERS = "tasks i", "workers j"


def plate_ds():
    p = Plates().plate(130, 22, 300, 176, TASKS).plate(290, 44, 320, 132, WORKERS, "right")
    p.node("rho", 66, 105, formula("ρ")).node("y", 200, 105, TRUE).node("v", 362, 105, VOTE, seen=True)
    p.node("pi", 530, 105, formula("π", "", "(j)")).edge("rho", "y").edge("y", "v").edge("pi", "v")
    return picture("plate-ds", 640, 220, "Plate diagram of the Dawid-Skene model",
                   "The prevalence rho points to the hidden true label of task i; the true label and the confusion "
                   "matrix of worker j point to the observed vote, which lies in both plates.", *p.parts())


def plate_glad():
    p = Plates().plate(60, 22, 340, 246, TASKS).plate(270, 44, 310, 132, WORKERS, "right")
    p.node("y", 130, 105, TRUE).node("b", 232, 208, formula("β", "i")).node("v", 336, 105, VOTE, seen=True)
    p.node("a", 500, 105, formula("α", "j")).edge("y", "v").edge("b", "v").edge("a", "v")
    return picture("plate-glad", 640, 290, "Plate diagram of GLAD",
                   "The hidden true label and the easiness beta of task i, and the ability alpha of worker j, point to "
                   "the observed vote, which lies in both plates.", *p.parts())


def plate_crowdlayer():
    p = Plates().plate(130, 22, 340, 246, TASKS).plate(350, 44, 310, 132, WORKERS, "right")
    p.node("t", 66, 105, formula("θ")).node("x", 230, 208, formula("x", "i"), seen=True)
    p.node("z", 230, 105, formula("z", "i"), made=True).node("v", 412, 105, VOTE, seen=True)
    p.node("pi", 580, 105, formula("π", "", "(j)"))
    p.edge("x", "z").edge("t", "z").edge("z", "v").edge("pi", "v")
    return picture("plate-crowdlayer", 690, 290, "Plate diagram of CrowdLayer",
                   "A network with weights theta turns the observed task into scores z; the scores and the matrix of "
                   "worker j point to the observed vote, which lies in both plates.", *p.parts())


def plate_conal():
    p = Plates().plate(130, 88, 400, 280, TASKS).plate(400, 110, 300, 236, WORKERS, "right")
    p.node("t", 66, 171, formula("θ")).node("x", 186, 274, formula("x", "i"), seen=True)
    p.node("z", 320, 171, formula("z", "i"), made=True).node("e", 320, 274, formula("v", "i"), made=True)
    p.node("v", 468, 171, VOTE, seen=True).node("w", 468, 274, formula("ω", "ij"), made=True)
    p.node("pi", 630, 171, formula("π", "", "(j)")).node("u", 630, 274, formula("u", "j"))
    p.node("g", 468, 46, formula("π", "", "g"))
    p.edge("x", "z").edge("t", "z").edge("x", "e").edge("e", "w").edge("u", "w").edge("w", "v")
    p.edge("z", "v").edge("pi", "v").edge("g", "v")
    return picture("plate-conal", 730, 390, "Plate diagram of CoNAL",
                   "Scores z and an embedding v follow from the observed task; the embedding of the task and that of "
                   "worker j give the weight omega of the common matrix. Scores, weight, the worker's own matrix and "
                   "the common matrix, which lies outside both plates, point to the observed vote.", *p.parts())


# ---- from votes to a classifier

def card(x, y, w, h, head, lines, kind="box"):
    "A box with a heading and lines below it."
    return (f'<rect class="{kind}" x="{x}" y="{y}" width="{w}" height="{h}" rx="8"/>'
            + text(x + w / 2, y + 24, head, "strong")
            + "".join(text(x + w / 2, y + 46 + 19 * i, line, "small") for i, line in enumerate(lines)))


def votes_card(x, y):
    "A small table of votes: three tasks, three workers, two classes, and gaps."
    cells = ["", "w₁", "w₂", "w₃", "x₁", "cat", "cat", "dog", "x₂", "dog", "", "dog", "x₃", "", "dog", "cat"]
    out = (f'<rect class="box" x="{x}" y="{y}" width="190" height="150" rx="8"/>'
           + text(x + 95, y + 24, "votes", "strong"))
    for i, word in enumerate(cells):
        row, col = divmod(i, 4)
        kind = "small" if not (row and col) else "fblue" if word == "cat" else "forange"
        out += text(x + 30 + 45 * col, y + 52 + 27 * row, word, kind) if word else ""
    return out


def pipeline():
    parts = [card(16, 92, 120, 88, "tasks", ["images, texts,", "sounds"]),
             votes_card(176, 60),
             card(416, 22, 186, 88, "aggregate", ["MV, DS, GLAD, ...", "labels, workers, tasks"]),
             card(416, 172, 186, 88, "learn end to end", ["CrowdLayer, CoNAL:", "network and workers"]),
             card(652, 22, 170, 88, "identify", ["ambiguous tasks,", "unreliable workers"]),
             card(652, 172, 170, 88, "classifier", ["predicts tasks that", "nobody has labelled"], "end"),
             arrow(136, 136, 174, 136), arrow(366, 112, 414, 76), arrow(366, 158, 414, 206),
             arrow(602, 66, 650, 66), arrow(602, 216, 650, 216), arrow(737, 110, 737, 170),
             text(748, 145, "prune, train", "small", "start"), arrow(602, 92, 664, 170),
             text(612, 142, "train", "small", "end"), '<path class="line dash" d="M76 180 L76 292 L737 292"/>',
             arrow(737, 292, 737, 262, "dash"), arrow(509, 292, 509, 262, "dash"),
             text(280, 284, "the tasks themselves", "small")]
    return picture("pipeline", 850, 306, "From votes to a classifier",
                   "Workers label tasks. Their votes are either aggregated into labels, from which ambiguous tasks "
                   "and unreliable workers can be identified and pruned before a classifier is trained, or they "
                   "train a network directly, together with a model of the workers.", *parts)


# ---- areas under the margin

def margin_panel(x, y, w, h, curve, tone, head, line):
    "A margin against the epochs, with the signed area under it."
    zero = y + h / 2
    points = [(x + w * t / 40, zero - h / 2 * curve(t / 40)) for t in range(41)]
    path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
    area = f'<polygon class="area f{tone}" points="{x},{zero} {path} {x + w},{zero}"/>'
    return (area + f'<path class="line" d="M{x} {y} L{x} {y + h} M{x} {zero} L{x + w} {zero}"/>'
            + f'<polyline class="curve {tone}" points="{path}"/>' + text(x + w / 2, y - 30, head, "strong")
            + text(x + w / 2, y - 11, line, "small") + text(x - 7, y + 6, "1", "small", "end")
            + text(x - 7, zero + 4, "0", "small", "end") + text(x - 7, y + h + 3, "−1", "small", "end"))


def waum():
    rise = lambda t: 0.95 * (1 - exp(-4 * t)) - 0.1
    never = lambda t: 0.12 - 0.9 * (1 - exp(-3 * t))
    late = lambda t: -0.25 + 0.55 * t ** 2
    y, h, w = 82, 130, 150
    panels = [margin_panel(70, y, w, h, rise, "blue", "a reliable worker", "answers cat"),
              margin_panel(290, y, w, h, never, "orange", "a careless worker", "answers dog"),
              margin_panel(510, y, w, h, late, "green", "another worker", "answers deer")]
    names = [text(x + w / 2, y + h + 30, [("AUM(", ""), ("x", ""), ("i", "sub"), (", ", ""), (word, ""), (")", "")])
             for x, word in ((70, "cat"), (290, "dog"), (510, "deer"))]
    bars = [f'<rect class="{kind}" x="{x}" y="{y + h + 52}" width="{width}" height="12" rx="3"/>'
            + text(x - 8, y + h + 63, formula("s", f"i{j}"), "", "end")
            for j, (x, width, kind) in enumerate([(105, 84, "fblue"), (325, 22, "forange"), (545, 56, "fgreen")], 1)]
    total = [("WAUM(", ""), ("x", ""), ("i", "sub"), (") = mean of the three areas, weighted by ", ""), ("s", ""),
             ("ij", "sub")]
    axis = [text(x + w, y + h + 3, "epochs", "small", "end") for x in (70, 290, 510)]
    y0 = y + h + 84
    arrows = [arrow(x + w / 2, y0 - 10, 365 + (x - 290) / 2.4, y0 + 26) for x in (70, 290, 510)]
    return picture("waum", 730, 372, "From the area under the margin to its weighted mean",
                   "One task with three votes. For each vote the margin of the voted class is followed over the "
                   "epochs: it rises for the first, falls for the second, hovers for the third. The mean of the three "
                   "areas, weighted by the trust in each worker on this task, is the WAUM.",
                   text(18, 22, "margin", "small", "start"), *panels, *axis, *names, *bars, *arrows,
                   text(365, y0 + 50, total))


def sign():
    "The sign of the site in the tab of a browser: three workers, two of whom agree."
    heads = [f'<circle class="f{tone}" cx="{x}" cy="{y}" r="7.5"/>' for x, y, tone in
             ((16, 8.5, "blue"), (8.5, 22.5, "blue"), (23.5, 22.5, "orange"))]
    return picture("sign", 32, 32, "crowdbook", "Three dots, two of one colour.", *heads)


PICTURES = [plate_ds, plate_glad, plate_crowdlayer, plate_conal, pipeline, waum, sign]

if __name__ == "__main__":
    drawn = {FOLDER / f"{name}.svg": svg for name, svg in (draw() for draw in PICTURES)}
    if "--check" in sys.argv[1:]:
        old = [p.name for p, svg in drawn.items() if not p.is_file() or p.read_text(encoding="utf-8") != svg]
        sys.exit(f"run python .ci/draw_figures.py; old: {', '.join(old)}" if old else 0)
    for path, svg in drawn.items():
        path.write_text(svg, encoding="utf-8")
