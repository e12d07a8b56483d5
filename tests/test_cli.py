"The command line as a shell calls it: published accuracies on real votes, files, JSON, errors, and what is imported."

import dataclasses
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crowdbook import Votes, __version__, cli, cli_options  # noqa: F401
from crowdbook.cli_options import COMMANDS
from crowdbook.models.registry import DEFAULT

MIRROR = Path(os.environ.get("CROWDBOOK_MIRROR", "nowhere"))
real = pytest.mark.skipif(not (MIRROR / "votes").is_dir(), reason="the real votes are not here: set CROWDBOOK_MIRROR")
RUN = [sys.executable, "-c", "from crowdbook.cli import main; main()"]


def crowdbook(*words, cwd=None, code=0):
    "Run the command line; return standard output, or standard error if it should fail."
    run = subprocess.run([*RUN, *map(str, words)], cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert run.returncode == code, run.stderr
    if code:
        assert run.stderr.count("\n") == 1 and "Traceback" not in run.stderr and not run.stdout
    return run.stderr if code else run.stdout


@pytest.fixture(scope="session")
def labelme(tmp_path_factory):
    "LabelMe as `crowdbook install` writes it."
    folder = tmp_path_factory.mktemp("sets") / "labelme"
    crowdbook("install", "labelme", "--to", folder)
    return folder


@real
def test_labelme(labelme):
    out = json.loads(
        crowdbook("aggregate", labelme, "-s", "DS", "-s", "GLAD", "--truth", labelme / "truth.csv", "--json")
    )
    assert out["DS"]["accuracy"] == pytest.approx(0.797, abs=0.003)
    assert out["GLAD"]["accuracy"] == pytest.approx(0.775, abs=0.003)


@real
@pytest.mark.parametrize(
    "name, strategy, accuracy",
    [
        ("bluebirds", "DS", 0.898),
        ("bluebirds", "MV", 0.759),
        ("rte", "DS", 0.928),
        ("dog", "DS", 0.843),
        ("temporal", "DS", 0.942),
    ],
)
def test_classic_sets(name, strategy, accuracy):
    folder = MIRROR / "votes" / name
    out = crowdbook("aggregate", folder / "votes.csv", "-s", strategy, "--truth", folder / "truth.csv", "--json")
    assert json.loads(out)[strategy]["accuracy"] == pytest.approx(accuracy, abs=0.003)


@real
def test_labels_follow_identifiers_not_positions(labelme, tmp_path):
    "Truth in another order and votes in another order give the same accuracy and the same file."
    votes = Votes.read(labelme).to_frame().sample(frac=1, random_state=0)
    votes.assign(task="photo-" + votes.task.astype(str)).to_csv(tmp_path / "votes.csv", index=False)
    truth = pd.read_csv(labelme / "truth.csv").sample(frac=1, random_state=1)
    truth.assign(task="photo-" + truth.task.astype(str)).to_csv(tmp_path / "truth.csv", index=False)
    words = ["-s", "GLAD", "--json", "--truth"]
    new = json.loads(crowdbook("aggregate", "votes.csv", *words, "truth.csv", "-o", "a.csv", cwd=tmp_path))
    old = json.loads(crowdbook("aggregate", labelme, *words, labelme / "truth.csv", "-o", tmp_path / "b.csv"))
    assert new["GLAD"]["accuracy"] == pytest.approx(old["GLAD"]["accuracy"], abs=0.005)  # ties are drawn by task order
    a, b = (
        pd.read_csv(tmp_path / n).assign(task=lambda d: d.task.astype(str).str.removeprefix("photo-")).set_index("task")
        for n in ("a.csv", "b.csv")
    )
    assert np.allclose(a.confidence, b.confidence.reindex(a.index))


@pytest.fixture
def folder(tmp_path):
    "A small crowd in files."
    (tmp_path / "votes.csv").write_text("task,worker,label\na,ann,cat\na,bob,cat\na,cy,dog\nb,ann,dog\nb,bob,dog\n")
    (tmp_path / "truth.csv").write_text("task,label\nb,dog\n")
    (tmp_path / "gold.csv").write_text("task,label\na,dog\n")
    (tmp_path / "weights.csv").write_text("worker,weight\nann,1\nbob,1\ncy,2.5\n")
    return tmp_path


def test_files(folder):
    crowdbook(
        "aggregate", "votes.csv", "-s", "DS", "-o", "labels.csv", "--probas", "p.csv", "--workers", "w.csv", cwd=folder
    )
    labels, probas, workers = (pd.read_csv(folder / f) for f in ("labels.csv", "p.csv", "w.csv"))
    assert list(labels.columns) == ["task", "label", "confidence"] and list(labels.label) == ["cat", "dog"]
    assert list(probas.columns) == ["task", "cat", "dog"] and np.allclose(probas[["cat", "dog"]].sum(axis=1), 1)
    assert list(workers.worker) == ["ann", "bob", "cy"] and list(workers.n_votes) == [2, 2, 1]
    crowdbook("aggregate", "votes.csv", "-s", "DS", "-s", "MV", "-o", "labels.csv", cwd=folder)
    assert list(pd.read_csv(folder / "labels.csv").columns) == ["strategy", "task", "label", "confidence"]
    assert sorted(p.name for p in folder.iterdir() if p.name.startswith(".")) == []


def test_gold_weights_all_and_default(folder):
    crowdbook("aggregate", "votes.csv", "--gold", "gold.csv", "-o", "labels.csv", cwd=folder)
    assert list(pd.read_csv(folder / "labels.csv").label) == ["dog", "dog"]
    crowdbook("aggregate", "votes.csv", "-s", "WMV", "--weights", "weights.csv", "-o", "labels.csv", cwd=folder)
    assert list(pd.read_csv(folder / "labels.csv").label) == ["dog", "dog"]
    every = list(json.loads(crowdbook("aggregate", "votes.csv", "-s", "all", "--json", cwd=folder)))
    assert {"MV", "NS", "DS", "GLAD"} < set(every) and "WMV" not in every
    assert list(json.loads(crowdbook("aggregate", "votes.csv", "--json", cwd=folder))) == [DEFAULT]
    table = crowdbook("aggregate", "votes.csv", "-s", "MV", "--truth", "truth.csv", cwd=folder)
    assert "AccTrain" in table and "1.000" in table


@pytest.mark.parametrize(
    "words, said",
    [
        (["aggregate", "votez.csv"], "votez.csv: there is no such file or folder"),
        (["aggregate", "votes.csv", "--task", "image"], "has no column 'image'"),
        (["aggregate", "votes.csv", "-s", "glat"], "did you mean GLAD?"),
        (["aggregate", "votes.csv", "-s", "DS[tol=-1]"], "tol must be a number above 0, not -1"),
        (["aggregate", "votes.csv", "--classes", "cat,cow"], "row 3: label 'dog' is not one of the classes"),
        (["aggregate", "votes.csv", "--truth", "weights.csv"], "weights.csv has no column 'task'"),
        (
            ["aggregate", "votes.csv", "--truth", "other.csv"],
            "other.csv: 1 of 1 tasks are not among the tasks of the votes",
        ),
        (["aggregate", "votes.csv", "--gold", "missing.csv"], "missing.csv: there is no such file"),
        (["aggregate", "votes.csv", "-s", "WMV"], "WMV needs --weights"),
        (["aggregate", "votes.csv", "-o", "x.csv", "--probas", "x.csv"], "two outputs have the same file name"),
        (["aggregate", "votes.csv", "--from", "excel"], "--from excel: not one of label-studio"),
        (["aggregate", "votes.csv", "--duplicates", "first"], "duplicates must be one of 'error', 'keep', 'last'"),
        (["aggregate", "votes.csv", "--jsn"], "No such option: --jsn"),
        (["simulate", "--folder", "."], "exists and is not empty"),
        (["simulate", "--folder", "s", "--n-task", "0"], "n_task must be a whole number of at least 1"),
        (["install", "labelmee"], "labelme"),
    ],
)
def test_one_sentence_each(folder, words, said):
    (folder / "other.csv").write_text("task,label\nz,cat\n")
    assert said in crowdbook(*words, cwd=folder, code=2)


ODD = {
    "v.csv": "task,worker,label\nt1,ann,cat\nt1,bob,cat\nt1,cy,dog\nt2,ann,dog\nt2,bob,dog\nt2,cy,dog\n",
    "open.csv": 'task,worker,label\nt1,ann,"cat\nt1,bob,cat\nt2,cy,dog\n',
    "header.csv": "task,label\n",
    "infinite.csv": "worker,weight\nann,inf\nbob,1\ncy,5\n",
    "zero.csv": "worker,weight\nann,0\nbob,0\ncy,0\n",
    "nobody.json": '{"t1": {}}',
}


@pytest.mark.parametrize(
    "words, said",
    [
        ("aggregate v.csv -s MV -o v.csv", "v.csv is read by this command and would be lost; name another output"),
        ("aggregate v.csv -s MV --truth header.csv -o header.csv", "header.csv is read by this command"),
        ("identify v.csv -o v.csv", "v.csv is read by this command"),
        ("report v.csv -o v.csv", "v.csv is read by this command"),
        ("aggregate open.csv", "open.csv, row 1: a quote is opened and never closed; close or remove it"),
        ("shards open.csv --to out", "open.csv, row 1: a quote is opened and never closed"),
        ("aggregate v.csv --truth header.csv", "header.csv holds no label"),
        ("identify v.csv -s traps --gold header.csv", "header.csv holds no label"),
        ("aggregate v.csv --truth .", ". is a folder; name a file in it"),
        ("aggregate v.csv -s WMV --weights infinite.csv", "infinite.csv, row 1: the weight must be"),
        ("aggregate v.csv -s WMV --weights zero.csv", "all workers with votes have the weight 0"),
        ("aggregate v.csv -s MV --weights zero.csv", "--weights is for the strategy WMV"),
        ("aggregate v.csv --classes cat,cat,dog", "'cat' is named twice"),
        ("aggregate v.csv --classes cat,,dog", "--classes cat,,dog: a name is missing"),
        ("aggregate v.csv --sep ;;", "sep must be one character, not ';;'"),
        ("shards v.csv --to out --sep ;;", "sep must be one character, not ';;'"),
        ("aggregate v.csv --encoding klingon", "encoding 'klingon' is not known"),
        ("shards v.csv --to out --worker task", "task, worker and label must be three columns"),
        ("aggregate nobody.json", "there are no votes and no classes"),
        ("aggregate v.csv --seed -1", "--seed must be at least 0, not -1"),
        ("aggregate v.csv --sparse", "No such option: --sparse"),
        ("aggregate v.csv -s DS[tols=1]", "strategy 'DS[tols=1]' has no parameter 'tols'; it has tol, max_iter"),
        ("aggregate v.csv -o labels.doc", "the ending '.doc' is not known; use .csv, .tsv, .json, .parquet"),
        ("aggregate v.csv --control label", "v.csv has no use for --control; leave it out"),
        ("aggregate v.csv --from toloka --worker who", "--from toloka has no use for --worker; leave it out"),
        ("modelinfo mlp[hidden=x]", "hidden must be an integer of at least 1, not 'x'"),
        ("modelinfo dens", "there is no network 'dens'; did you mean dense?"),
    ],
)
def test_odd_input_is_refused(tmp_path, words, said):
    "One sentence, and no file is touched."
    for name, text in ODD.items():
        (tmp_path / name).write_text(text)
    assert said in crowdbook(*words.split(), cwd=tmp_path, code=2)
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == ODD


@real
def test_overwriting_spares_what_is_not_ours(tmp_path):
    crowdbook("install", "barzan", "--to", "b", cwd=tmp_path)
    (tmp_path / "b" / "notes.txt").write_text("mine")
    again = ("install", "barzan", "--to", "b", "--overwrite")
    assert "'notes.txt', which would be lost" in crowdbook(*again, cwd=tmp_path, code=2)
    (tmp_path / "b" / "notes.txt").unlink()
    crowdbook(*again, cwd=tmp_path)


def test_shards(folder):
    "A folder of shards is recognised; its labels are those of the file."
    crowdbook("aggregate", "votes.csv", "-s", "NS", "-o", "whole.csv", cwd=folder)
    crowdbook("shards", "votes.csv", "--to", "pieces", "-n", 3, cwd=folder)
    crowdbook("aggregate", "pieces", "-s", "NS", "-o", "parts.csv", cwd=folder)
    whole, parts = (pd.read_csv(folder / f"{n}.csv").sort_values("task", ignore_index=True) for n in ("whole", "parts"))
    pd.testing.assert_frame_equal(whole, parts)
    out = crowdbook("aggregate", "pieces", "--json", "-s", "OneCoin", "-s", "MV", "--truth", "truth.csv",
                    "-o", "both.csv", "--workers", "who.csv", cwd=folder)
    out = json.loads(out)
    assert list(out) == ["OneCoin", "MV"] and out["MV"]["accuracy"] == 1
    assert list(pd.read_csv(folder / "both.csv").columns) == ["strategy", "task", "label", "confidence"]
    for words, said in (
        ("shards votes.csv --to pieces", "pieces exists; choose another folder"),
        ("shards votes.csv --to nowhere/pieces", "nowhere: there is no such folder"),
        ("shards lost.csv --to new", "lost.csv: there is no such file"),
        ("aggregate pieces --worker who", "has no column 'who'"),
        ("identify pieces", "a folder of shards is for aggregate and compare"),
    ):
        assert said in crowdbook(*words.split(), cwd=folder, code=2)
    assert not (folder / "new").exists()


@pytest.mark.parametrize("ending", ["csv", "tsv", "json", "parquet"])
def test_endings(folder, ending):
    "The format of a table is that of its ending."
    crowdbook("aggregate", "votes.csv", "-s", "MV", "-o", f"labels.{ending}", cwd=folder)
    read = dict(csv=pd.read_csv, tsv=lambda p: pd.read_csv(p, sep="\t"), json=pd.read_json, parquet=pd.read_parquet)
    table = read[ending](folder / f"labels.{ending}")
    assert list(table.columns) == ["task", "label", "confidence"] and list(table.label) == ["cat", "dog"]


def test_the_reading_options_apply_to_every_file(folder):
    "Truth, gold and weights in the columns and with the separator of the votes; or in their own."
    text = (folder / "votes.csv").read_text().replace("task,worker,label", "image,who,says")
    (folder / "odd.csv").write_text(text.replace(",", ";"))
    (folder / "truth2.csv").write_text("image;says\nb;dog\n")
    (folder / "weights2.csv").write_text("who;weight\nann;1\nbob;1\ncy;2.5\n")
    how = "--task image --worker who --label says --sep ;".split()
    for truth, weights in (("truth2.csv", "weights2.csv"), ("truth.csv", "weights.csv")):
        out = crowdbook("aggregate", "odd.csv", *how, "-s", "WMV", "--truth", truth, "--weights", weights, "--json",
                        "-o", "labels.csv", cwd=folder)
        assert json.loads(out)["WMV"]["accuracy"] == 1
        assert list(pd.read_csv(folder / "labels.csv").label) == ["dog", "dog"]
    (folder / "neither.csv").write_text("picture,is\nb,dog\n")
    said = crowdbook("aggregate", "odd.csv", *how, "--truth", "neither.csv", cwd=folder, code=2)
    assert "neither.csv: the header is one cell" in said


MARKUP = ["[/]", "[red]x[/red]", "[bold", ":smile:", "[link=x]y[/link]"]


@pytest.mark.parametrize("name", MARKUP)
def test_names_are_printed_word_for_word(tmp_path, name):
    "Neither a class, nor a task, nor a worker is markup."
    rows = [(f"{name} t", f"{name} w", name), (f"{name} t", "bob", name), ("t2", "bob", "other")]
    pd.DataFrame(rows, columns=["task", "worker", "label"]).to_csv(tmp_path / "v.csv", index=False)
    table = crowdbook("aggregate", "v.csv", "-s", "MV", cwd=tmp_path)
    assert re.search(rf"^{re.escape(name)} t +{re.escape(name)} +1.000", table, re.MULTILINE)
    assert f"{name} w" in crowdbook("identify", "v.csv", "-s", "agreement", cwd=tmp_path)
    out = json.loads(crowdbook("aggregate", "v.csv", "-s", "MV", "--json", cwd=tmp_path))
    assert out["MV"]["first_labels"][0] == dict(task=f"{name} t", label=name, confidence=1.0)


@pytest.mark.parametrize("strategies", [["DS"], ["DS", "NS"]])
def test_classes_named_as_columns(tmp_path, strategies):
    "Classes called task and strategy keep columns of their own, and training reads them back."
    from crowdbook.cli_learning import read_probas
    classes = ["class task", "strategy", "task"]
    rows = [(f"t{i}", f"w{j}", classes[(i + (j == 2)) % 3]) for i in range(6) for j in range(3)]
    pd.DataFrame(rows, columns=["task", "worker", "label"]).to_csv(tmp_path / "v.csv", index=False)
    chosen = [w for s in strategies for w in ("-s", s)]
    crowdbook("aggregate", "v.csv", *chosen, "--probas", "p.csv", cwd=tmp_path)
    with open(tmp_path / "p.csv") as f:
        columns = f.readline().strip().split(",")
    keys = ["strategy", "task"][2 - len(strategies):]
    assert columns == keys + [f"class {c}" for c in classes]
    if len(strategies) == 1:
        votes = Votes.read(tmp_path / "v.csv")
        read = read_probas(tmp_path / "p.csv", votes)
        assert list(read.columns) == classes and (read.idxmax(axis=1) == [classes[i % 3] for i in range(6)]).all()


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "json"])
@pytest.mark.parametrize("tasks", [["007", "008"], ["1.0", "1e3"], ["1", "2"]])
def test_probabilities_come_back(tmp_path, tasks, ending):
    "What aggregate --probas writes is read back, whatever the tasks are called."
    from crowdbook.cli_learning import read_probas
    rows = [(t, w, "xy"[i]) for i, t in enumerate(tasks) for w in "ab"]
    pd.DataFrame(rows, columns=["task", "worker", "label"]).to_csv(tmp_path / "v.csv", index=False)
    crowdbook("aggregate", "v.csv", "-s", "NS", "--probas", f"p.{ending}", cwd=tmp_path)
    read = read_probas(tmp_path / f"p.{ending}", Votes.read(tmp_path / "v.csv"))
    assert [str(t) for t in read.index] == tasks and read.to_numpy().tolist() == [[1, 0], [0, 1]]


def test_nothing_is_written_when_something_fails(folder):
    before = sorted(p.name for p in folder.iterdir())
    crowdbook("aggregate", "votes.csv", "-s", "WMV", "-o", "labels.csv", cwd=folder, code=2)
    assert sorted(p.name for p in folder.iterdir()) == before


def test_simulate_then_aggregate(tmp_path):
    crowdbook(
        "simulate",
        "--strategy",
        "independent-confusion",
        "--n-worker",
        "30",
        "--n-task",
        "200",
        "--n-classes",
        "5",
        "--feedback",
        "10",
        "--seed",
        "0",
        "--folder",
        tmp_path / "simus" / "independent",
    )
    folder = tmp_path / "simus" / "independent"
    for truth in ("truth.csv", "ground_truth.npy"):
        out = json.loads(crowdbook("aggregate", folder, "-s", "DS", "--truth", folder / truth, "--json"))
        assert round(out["DS"]["accuracy"], 3) == 0.890  # published
    assert np.load(folder / "matrices.npy").shape == (30, 5, 5)


def test_demo(tmp_path):
    out = json.loads(crowdbook("demo", "--json", cwd=tmp_path))
    acc = {k: v["accuracy"] for k, v in out["strategies"].items()}
    assert list(acc) == ["MV", "NS", "DS", "GLAD"] and acc["DS"] > acc["MV"] > 0.5
    spammers = [w["worker"] for w in out["worst_workers"] if w["worker"] >= 25]
    assert len(spammers) == 5
    made = {p.name for p in (tmp_path / "crowdbook-demo").iterdir()}
    assert made == {
        "accuracy.png",
        "votes.png",
        "workers.png",
        "confusions.png",
        "votes.csv",
        "truth.csv",
        "labels.csv",
    }


@pytest.mark.parametrize(
    "words, heavy",
    [
        (["--help"], {"torch", "pandas", "scipy", "numpy", "matplotlib"}),
        (["aggregate", "--help"], {"torch", "pandas", "scipy", "numpy", "matplotlib"}),
        (["aggregate", "votes.csv", "-s", "MV", "-s", "DS"], {"torch", "matplotlib", "sklearn", "IPython"}),
    ],
)
def test_imports_stay_light(folder, words, heavy):
    "Help imports nothing that computes; aggregating never imports torch or a plotting library."
    code = (
        "import sys\nfrom crowdbook.cli import main\ntry: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "print('|'.join(m for m in sys.modules if '.' not in m), file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code, *words], cwd=folder, capture_output=True, text=True)
    assert not heavy & set(run.stderr.strip().splitlines()[-1].split("|"))


def test_import_in_a_plain_session():
    "`import crowdbook` is light, and `crowdbook.aggregate` is the function in whatever order things are imported."
    code = (
        "import crowdbook, sys; assert not {'torch', 'pandas'} & set(sys.modules)\n"
        "from crowdbook.models.registry import strategies\nimport crowdbook.models.registry\n"
        "print(crowdbook.aggregate({'t': {'a': 'x'}}, 'MV').labels_['t'], 'DS' in strategies())\n"
        "from crowdbook import aggregate, Votes\nassert callable(aggregate) and 'torch' not in sys.modules"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (out.stdout, out.returncode) == ("x True\n", 0), out.stderr


def test_version_and_console_script():
    assert crowdbook("--version").strip() == f"crowdbook {__version__}"
    script = Path(sys.executable).parent / "crowdbook"
    assert not script.exists() or subprocess.run([script, "--version"], capture_output=True, text=True).stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command(name):
    "Each argument and option has one line that says what it is; nothing that computes is imported."
    code = ("import sys\nfrom crowdbook.cli import main\ntry: main(sys.argv[1:])\nexcept SystemExit: pass\n"
            "assert not {'torch', 'pandas', 'numpy'} & set(sys.modules)")
    run = subprocess.run([sys.executable, "-c", code, name, "--help"], capture_output=True, text=True,
                         env={**os.environ, "COLUMNS": "160"})
    assert run.returncode == 0, run.stderr
    lines = run.stdout.split("Options:")[1].strip().splitlines()
    written = [cli_options._flags(COMMANDS[name], *p)[0] for p in COMMANDS[name].parameters]
    assert len(lines) == sum(flag.startswith("-") for flag in written) + 1  # and --help
    assert all(re.match(r" *-\S.*(  |\n)\S", line) for line in lines), lines


GROUPS = {(name, p.name): p.annotation for name, c in COMMANDS.items()
          for p in inspect.signature(c.function).parameters.values() if isinstance(p.annotation, cli_options.Options)}


def real_parameters(group):
    "Name -> default of the parameters of the functions behind a group of options, as Python sees them."
    module, out = importlib.import_module(f"crowdbook.{group.module}"), {}
    for name in group.names.split():
        thing = getattr(module, name, None) or getattr(Votes, name)
        if dataclasses.is_dataclass(thing):
            found = {f.name: f.default for f in dataclasses.fields(thing)}
        else:
            found = {n: p.default for n, p in inspect.signature(thing).parameters.items()}
        for n, default in found.items():
            out[n] = default if out.get(n, default) == default else None
    more = real_parameters(group.more) if group.more else {}
    return {n: d for n, d in out.items() if n not in group.hide.split()} | more


@pytest.mark.parametrize("key", GROUPS, ids=" ".join)
def test_options_are_the_parameters_of_the_functions(key):
    "No parameter is missing, none is invented, none has another default, and each says what it is."
    group = GROUPS[key]
    if "learning" in group.module:
        pytest.importorskip("torch")
    options = {p.name: p for p in group.parameters}
    wanted = real_parameters(group)
    assert options.keys() == wanted.keys()
    for name, p in options.items():
        assert p.kind is not None and p.about, name
        assert p.default == (... if wanted[name] in (inspect.Parameter.empty, dataclasses.MISSING) else wanted[name])


def answers(words, monkeypatch):
    "What a command hands to the printer: data for programs, pieces for people."
    kept = []
    monkeypatch.setattr(cli_options, "_show", lambda answer, as_json: kept.append(answer))
    with pytest.raises(SystemExit) as stop:
        cli_options.main(words.split())
    assert stop.value.code == 0
    return kept[0][0], kept[0][1:]


def leaves(data):
    "Every key and value of nested dictionaries and lists, as text."
    if isinstance(data, dict):
        return set().union(*(({str(k)} | leaves(v)) for k, v in data.items()))
    if isinstance(data, list):
        return set().union(*map(leaves, data))
    return {str(data)}


@pytest.mark.parametrize("words", [
    "aggregate votes.csv -s DS -s MV --truth truth.csv", "compare votes.csv -s MV -s GLAD", "strategies", "scores",
    "identify votes.csv", "verify crowd", "demo --folder demo", "install", "simulate --folder other --n-task 20",
    "report votes.csv", "shards votes.csv --to parts -n 2",
])
def test_json_holds_what_a_person_sees(folder, monkeypatch, words):
    "Every cell of the tables, and every number in the lines above them."
    monkeypatch.chdir(folder)
    answers("simulate --folder crowd --n-task 20", monkeypatch)
    data, pieces = answers(words, monkeypatch)
    held = leaves(json.loads(json.dumps(cli_options._plain(data))))
    for piece in pieces:
        if isinstance(piece, str):
            cells = [w.replace(",", "") for w in re.findall(r"(?<![\w.-])\d[\d,]*(?=[ ,:.)])", piece)]
        else:
            cells = [str(cli_options._plain(v)) for row in piece.itertuples(index=False) for v in row]
        lost = {c for c in cells if c not in held and c.removesuffix(" (default)") not in held}
        assert not {c for c in lost if not set(c.split(", ")) <= held and c}, (lost, piece)


def test_warnings_are_in_the_json(tmp_path):
    "What is said on standard error as a warning is also told to programs."
    crowdbook("simulate", *"--strategy correlated --correlation .95 --n-family 2 --folder crowd".split(), cwd=tmp_path)
    run = subprocess.run([*RUN, *"aggregate crowd -s DS --json".split()], cwd=tmp_path, capture_output=True, text=True)
    said = [line.removeprefix("crowdbook: warning: ") for line in run.stderr.splitlines()]
    assert said and json.loads(run.stdout)["DS"]["warnings"] == said


def test_debug_and_a_missing_extra(folder):
    "--debug shows the traceback; a command whose extra is not installed names it."
    run = subprocess.run([*RUN, "aggregate", "lost.csv", "--debug"], cwd=folder, capture_output=True, text=True)
    assert run.returncode and "Traceback" in run.stderr and "lost.csv: there is no such file" in run.stderr
    code = "import sys; sys.modules['torch'] = None; from crowdbook.cli import main; main(sys.argv[1:])"
    for words in (["modelinfo", "dense"], ["identify", "votes.csv", "-s", "WAUM", "--features", "truth.csv"]):
        run = subprocess.run([sys.executable, "-c", code, *words], cwd=folder, capture_output=True, text=True)
        assert (run.returncode, run.stdout) == (2, "") and run.stderr.count("\n") == 1
        assert 'install it with pip install "crowdbook[learn]"' in run.stderr


def test_a_command_is_registered_once():
    "However often its cell is run."
    before = dict(COMMANDS)
    try:
        for _ in range(2):
            cli_options.command("demo")(COMMANDS["demo"].function)
        assert list(COMMANDS) == list(before)
    finally:
        COMMANDS.update(before)
