"The report: one page that stands alone, escapes what it is given, warns, and is called from the command line."

import base64
import inspect
import io
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crowdbook import Votes
from crowdbook.data.simulation import simulate
from crowdbook.scores.page import facts, report, report_warnings, write_report

MIRROR = Path(os.environ.get("CROWDBOOK_MIRROR", "nowhere"))
real = pytest.mark.skipif(not (MIRROR / "labelme").is_dir(), reason="LabelMe is not here: set CROWDBOOK_MIRROR")
RUN = [sys.executable, "-c", "from crowdbook.cli import main; main()"]
EVIL = "\"'><script src=https://evil.example/x.js>alert(1)</script><img src=x onerror=alert(1)>&amp;{{7*7}}"
PAIRS = ("fg bg", "fg panel", "fg warn", "fg heat", "soft bg", "soft panel", "link bg", "link panel", "a bg", "b bg")
VOID = {"meta", "img", "br", "line", "rect", "circle"}


def crowdbook(*words, cwd=None, code=0):
    "Run the command line; return standard error."
    run = subprocess.run([*RUN, *map(str, words)], cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert run.returncode == code, run.stderr
    assert "Traceback" not in run.stderr and not run.stdout
    return run.stderr


class Page(HTMLParser):
    "Tags, attributes and text of a page; refuses tags that are not closed."

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.ids, self.text = [], set(), [], [], ""
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(tag, *a) for a in attrs]
        self.ids += [v for k, v in attrs if k == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def crowd():
    return simulate("hammer-spammer", n_task=200, n_worker=25, n_classes=4, feedback=6, ratio=0.2, seed=1)


def contrast(a, b):
    "Contrast ratio of two colours written #rrggbb."

    def light(c):
        v = np.array([int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]

    low, high = sorted((light(a), light(b)))
    return (high + 0.05) / (low + 0.05)


def test_text_stands_out(crowd):
    "From its background by a ratio of 4.5 at least, in both palettes (level AA of the accessibility guidelines)."
    assert contrast("#ffffff", "#000000") == pytest.approx(21) and contrast("#777777", "#ffffff") < 4.5
    style = re.search("<style>(.*?)</style>", report(crowd.votes), re.DOTALL)[1]
    colours = re.findall(r"--(\w+): (#\w{6});", style)
    light, dark = dict(colours[: len(colours) // 2]), dict(colours[len(colours) // 2 :])
    assert light.keys() == dark.keys() and light != dark
    for palette in (light, dark):
        for ink, paper in map(str.split, PAIRS):
            assert contrast(palette[ink], palette[paper]) >= 4.5, (ink, paper)


def check_alone(text):
    "No script, no handler, nothing from elsewhere; every link leads inside."
    page = Page(text)
    assert not page.tags & {"script", "iframe", "object", "embed", "link", "form", "base", "video", "audio"}
    for tag, name, value in page.attributes:
        assert not name.startswith("on"), (tag, name)
        if name in ("src", "href", "xlink:href", "action", "srcset", "poster"):
            assert value.startswith("data:") or value[0] == "#" and value[1:] in page.ids, value[:80]
    assert not re.search(r"@import|url\(", text) and len(page.ids) == len(set(page.ids))
    assert "default-src 'none'" in text
    return page


def test_stands_alone(crowd):
    page = check_alone(report(crowd.votes, truth=crowd.truth, gold=crowd.truth.iloc[:30]))
    for heading in (
        "Read this first",
        "Labels",
        "Compared with the known labels",
        "Class balance",
        "Workers",
        "What is taken for what",
        "Ambiguous tasks",
        "Agreement",
        "Who did the work",
    ):
        assert heading in page.text, heading
    assert "On 170 tasks the right class is known" in page.text  # the thirty gold labels are not counted


@pytest.mark.parametrize("strategy", [None, "MV", "DS", "GLAD", "WAWA"])
def test_strategies(crowd, strategy):
    assert check_alone(report(crowd.votes, strategy)).text.count("All workers together") == 2  # heading and title


def test_escapes():
    votes = Votes.from_dict({EVIL: {EVIL: EVIL, "b": "c", "d": "c"}, "t": {EVIL: "c", "b": EVIL, "d": EVIL}})
    text = report(votes, title=EVIL, class_names=[EVIL, "c"], notes=[EVIL], truth={EVIL: EVIL, "t": "c"})
    page = check_alone(text)
    assert "img" not in page.tags and EVIL in page.text and "evil.example/x.js>" not in text


@pytest.mark.parametrize(
    "votes",
    [
        {"a": {"w": "x"}},
        {"a": {"w": "x", "v": "y"}, "b": {"w": "x"}},
        {i: {j: "yes" for j in range(4)} for i in range(6)},
    ],
    ids=["one vote", "three votes", "one class"],
)
def test_tiny(votes):
    check_alone(report(votes))


def test_wide_vocabularies():
    "Tasks and workers without votes, classes nobody chose, ids of every type."
    votes = Votes.from_frame(
        pd.DataFrame(dict(task=[1, 1, 2], worker=["a", "b", "a"], label=[True, False, True])),
        tasks=[1, 2, 3],
        workers=["a", "b", "idle"],
        classes=[False, True, "other"],
    )
    said = " ".join(report_warnings(facts(votes)))
    assert "1 task has no vote" in said and "1 class was never chosen: other" in said and "1 worker is listed" in said
    check_alone(report(votes))


def test_lists_of_tasks():
    "Least sure and ambiguous tasks are those that somebody would pick by hand, with their votes and the truth."
    votes = {i: {w: "cat" for w in "abcd"} for i in range(8)}
    votes |= {"split": {"a": "cat", "b": "dog", "c": "cat", "d": "dog"}, "alone": {"a": "cat"}}
    text = report(votes, "MV", truth={"split": "emu", 0: "cat"})
    sections = dict(re.findall(r'<section id="(\w+)">(.*?)</section>', text, re.DOTALL))
    cards = re.findall(r"<li>\s*<strong>(.*?)</strong><br>(.*?)<br>", sections["tasks"])
    assert cards == [("split", "2 cat, 2 dog")] and "known: a class without votes" in sections["tasks"]
    assert re.findall(r"<tr><td>(.*?)</td>", sections["labels"])[0] == "split"


def test_large_file_is_left_out(crowd, monkeypatch):
    monkeypatch.setattr("crowdbook.scores.page._file", lambda frame: None)
    page = check_alone(report(crowd.votes))
    assert "labels.csv would be too large for this page" in page.text and "Download" not in page.text


def test_options_are_known(crowd):
    "The signatures name every option, and a wrong one is refused."
    assert {"images", "truth", "gold", "class_names", "title", "random_state", "notes"} <= set(
        inspect.signature(write_report).parameters
    )
    with pytest.raises(TypeError, match="imagse"):
        report(crowd.votes, imagse="pics")


def test_no_vote():
    with pytest.raises(ValueError, match="no vote"):
        report(Votes.from_frame(pd.DataFrame(dict(task=[], worker=[], label=[])), tasks=[1], workers=[1], classes=[1]))


def test_warnings(crowd):
    said = " ".join(report_warnings(facts(crowd.votes)))
    spam = crowd.votes.workers[crowd.confusions.diagonal(axis1=1, axis2=2).mean(axis=1) < 0.5]
    assert f"{len(spam)} workers answer as if without looking" in said and all(str(w) in said for w in spam)
    good = simulate("hammer-spammer", n_task=300, n_worker=20, n_classes=4, feedback=6, ratio=0, seed=2)
    assert report_warnings(facts(good.votes)) == [] and "Nothing stands out" in report(good.votes)
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=(400, 1))
    common = np.where(rng.random((400, 1)) < 0.7, y, (y + 1) % 3)
    said = np.where(rng.random((400, 9)) < 0.8, common, np.where(rng.random((400, 9)) < 0.7, y, (y + 1) % 3))
    votes = Votes.from_matrix(said, classes=range(3))
    assert "err together" in report_warnings(facts(votes, truth=dict(enumerate(y[:200, 0]))))[0]


def test_same_worker_twice():
    frame = pd.DataFrame(dict(task=[1, 1, 1, 2], worker=["a", "a", "b", "b"], label=[0, 1, 1, 0]))
    assert "1 vote is a repeated vote" in " ".join(report_warnings(facts(Votes.from_frame(frame, duplicates="keep"))))


def test_labels_inside_are_the_labels(crowd):
    text = report(crowd.votes, "DS", truth=crowd.truth)
    inside = dict(re.findall(r'download="([\w.]+)" href="data:text/csv;charset=utf-8;base64,([^"]+)"', text))
    labels = pd.read_csv(io.BytesIO(base64.b64decode(inside["labels.csv"])))
    model = facts(crowd.votes, "DS").model
    assert list(labels.columns) == ["task", "label", "confidence"] and list(labels.label) == list(model.labels_)
    workers = pd.read_csv(io.BytesIO(base64.b64decode(inside["workers.csv"])))
    assert (
        list(workers.votes) == list(crowd.votes.workload) and ((workers.low <= workers.high) | workers.low.isna()).all()
    )


def test_same_page_twice(crowd):
    assert report(crowd.votes) == report(crowd.votes)


def test_large_default_is_bounded_and_says_so():
    votes = simulate(n_task=20_000, n_worker=2000, n_classes=8, feedback=3).votes
    said = facts(votes).notes
    assert len(said) == 1 and "for a quick report" in said[0]


# ---- the command line


@pytest.fixture
def folder(tmp_path):
    "A crowd in files, with three images."
    from PIL import Image

    (tmp_path / "votes.csv").write_text(
        "task,worker,label\na,ann,cat\na,bob,cat\na,cy,dog\nb,ann,dog\nb,bob,cat\nc,cy,dog\n"
    )
    (tmp_path / "truth.csv").write_text("task,label\nb,dog\na,cat\n")
    (tmp_path / "gold.csv").write_text("task,label\na,dog\n")
    (tmp_path / "pics" / "deep").mkdir(parents=True)
    Image.new("RGB", (900, 500), "green").save(tmp_path / "pics" / "a.jpg")
    Image.new("RGBA", (32, 32), "red").save(tmp_path / "pics" / "deep" / "image-b.png")
    (tmp_path / "pics" / "c.jpg").write_bytes(b"no image")
    return tmp_path


def test_command(folder):
    said = crowdbook(
        "report",
        "votes.csv",
        "--images",
        "pics",
        "--truth",
        "truth.csv",
        "--gold",
        "gold.csv",
        "-s",
        "DS",
        "-o",
        "page.html",
        cwd=folder,
    )
    assert said == "wrote page.html\n"
    text = (folder / "page.html").read_text(encoding="utf-8")
    page = check_alone(text)
    pictures = [v for t, k, v in page.attributes if (t, k) == ("img", "src")]
    assert [p[:15] for p in sorted(pictures)] == ["data:image/jpeg", "data:image/png;"] and len(text) < 100_000
    assert "votes" in page.text and "replaces" in crowdbook("report", "votes.csv", "-o", "page.html", cwd=folder)
    assert sorted(p.name for p in folder.iterdir() if p.name.startswith(".")) == []


def test_command_default(folder):
    crowdbook("report", "votes.csv", "--title", "Birds & <bees>", cwd=folder)
    assert "<h1>Birds &amp; &lt;bees&gt;</h1>" in (folder / "report.html").read_text(encoding="utf-8")


def test_unreadable_image(folder):
    text = report(folder / "votes.csv", images=folder / "pics")
    assert text.count("<img") == 2
    (folder / "pics" / "a.jpg").write_bytes(b"no image")
    assert "The image cannot be read." in report(folder / "votes.csv", images=folder / "pics")


@pytest.mark.parametrize(
    "words, said",
    [
        (["votez.csv"], "votez.csv: there is no such file or folder"),
        (["votes.csv", "--images", "pix"], "pix: there is no such folder of images"),
        (["votes.csv", "--images", "empty"], "none of its 0 images is named after a task"),
        (["votes.csv", "--truth", "nowhere.csv"], "nowhere.csv: there is no such file"),
        (["votes.csv", "--truth", "other.csv"], "other.csv: 1 of 1 tasks are not among the tasks of the votes"),
        (["votes.csv", "-s", "glat"], "did you mean GLAD?"),
        (["votes.csv", "-s", "DS[tol=-1]"], "tol must be a number above 0"),
        (["votes.csv", "-o", "nowhere/page.html"], "there is no folder nowhere"),
        (["votes.csv", "-o", "pics"], "pics is a folder"),
        (["votes.csv", "--imagse", "pics"], "No such option: --imagse"),
        (["votes.csv", "--task", "image"], "has no column 'image'"),
        (["votes.csv", "--duplicates", "first"], "duplicates must be one of"),
    ],
)
def test_one_sentence_each(folder, words, said):
    (folder / "other.csv").write_text("task,label\nz,cat\n")
    (folder / "empty").mkdir()
    (folder / "report.html").write_text("the old one")
    out = crowdbook("report", *words, cwd=folder, code=2)
    assert said in out and out.count("\n") == 1
    assert (folder / "report.html").read_text() == "the old one"
    assert sorted(p.name for p in folder.iterdir() if p.name.startswith(".")) == []


def test_no_torch_no_matplotlib(folder):
    code = (
        "import sys; from crowdbook.cli import main\ntry: main(['report', 'votes.csv'])\nexcept SystemExit: pass\n"
        "assert not {'torch', 'matplotlib'} & set(sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


@real
def test_labelme(tmp_path):
    from crowdbook.data.sets import load_labelme

    data = load_labelme()
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for task, path in data.images.items():
        (pictures / f"{task}.jpg").symlink_to(path)
    page = write_report(
        tmp_path / "r.html", data.votes, images=pictures, truth=data.truth, class_names=data.class_names
    )
    text = page.read_text(encoding="utf-8")
    seen = check_alone(text)
    assert text.count("<img") == 18 and len(text) < 1_500_000 and "mountain" in seen.text and "1,000" in seen.text
