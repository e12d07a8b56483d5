"The house: layers import downwards only, and what a stranger sees of it stays small."
import ast
import json
from collections import defaultdict
from pathlib import Path
from statistics import median

import pytest
from conftest import ROOT

PACKAGE = ROOT / "crowdbook"
LAYERS = ["votes", "data", "models", "learning", "scores", "cli"]     # an import points to the left, or stays
TOP = {"plot": "votes", "cli_options": "cli", "cli_learning": "cli"}   # modules beside the folders
FREE = {"crowdbook"}                                                  # the front door, which leads everywhere


def modules():
    "Modules by name, with their trees."
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name != "_modidx.py":
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            yield name, path.name == "__init__.py", ast.parse(path.read_text(encoding="utf-8"))


def imports(name, is_folder, tree):
    "Modules of the package that a module imports, with the names it takes; those inside functions included."
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((a.name, None) for a in node.names if a.name.split(".")[0] == "crowdbook")
        if isinstance(node, ast.ImportFrom):
            base = name.split(".") if is_folder else name.split(".")[:-1]
            start = base[:len(base) - node.level + 1] if node.level else []
            target = ".".join([*start, *([node.module] if node.module else [])])
            if target.split(".")[0] == "crowdbook":
                yield from ((target, a.name) for a in node.names)


def layer(module):
    "The layer of a module."
    part = module.split(".")[1] if "." in module else ""
    return TOP.get(part, part)


GRAPH = {name: list(imports(name, folder, tree)) for name, folder, tree in modules()}


def edges():
    "From module to module; a name that is itself a module counts as this module."
    for name, taken in GRAPH.items():
        for target, what in taken:
            whole = f"{target}.{what}"
            yield name, whole if whole in GRAPH else target


def test_imports_point_down():
    wrong = [f"{a} imports {b}" for a, b in edges() if a not in FREE and layer(b) and layer(a)
             and LAYERS.index(layer(b)) > LAYERS.index(layer(a))]
    assert not wrong, wrong


def test_models_and_data_are_siblings():
    "Both stand on votes; neither needs the other, but for the simulated crowds of no model."
    wrong = [f"{a} imports {b}" for a, b in edges() if layer(a) == "data" and layer(b) == "models"]
    assert not wrong, wrong


def test_no_cycle():
    graph, done, path = defaultdict(set), set(), []
    for a, b in edges():
        if a != b and a not in FREE and b not in FREE:
            graph[a].add(b)

    def visit(node):
        if node in path:
            raise AssertionError(" -> ".join([*path[path.index(node):], node]))
        if node not in done:
            path.append(node)
            for child in sorted(graph[node]):
                visit(child)
            path.pop()
            done.add(node)

    for node in sorted(graph):
        visit(node)


def test_no_private_name_crosses_folders():
    wrong = [f"{a} takes {what} of {b}" for a, taken in GRAPH.items() for b, what in taken
             if what and what.startswith("_") and not what.startswith("__") and layer(a) != layer(b)]
    assert not wrong, wrong


def test_no_import_by_string():
    "But for the front door, which imports a module when its name is first used."
    wrong = [name for name, folder, tree in modules() if name not in FREE for node in ast.walk(tree)
             if isinstance(node, ast.Name | ast.Attribute)
             and getattr(node, "id", getattr(node, "attr", "")) in ("import_module", "__import__")]
    assert not wrong, wrong


def test_no_module_patches_a_class_of_another():
    "`@patch` is for the classes of one's own module."
    wrong = []
    for name, _, tree in modules():
        own = {n.name for n in tree.body if isinstance(n, ast.ClassDef)}
        for f in (n for n in tree.body if isinstance(n, ast.FunctionDef)):
            marks = [getattr(d.func if isinstance(d, ast.Call) else d, "id", "") for d in f.decorator_list]
            if "patch" in marks and f.args.args:
                kind = ast.unparse(f.args.args[0].annotation) if f.args.args[0].annotation else ""
                wrong += [f"{name} patches {kind}.{f.name}"] if kind.strip("'\"") not in own else []
    assert not wrong, wrong


def test_torch_is_an_extra():
    "No module outside learning imports torch when it is imported."
    wrong = [name for name, _, tree in modules() if layer(name) != "learning" for node in tree.body
             if isinstance(node, ast.Import | ast.ImportFrom)
             and "torch" in (getattr(node, "module", None) or node.names[0].name).split(".")[0]]
    assert not wrong, wrong


def test_nothing_is_lost():
    "Strategies, scores, commands, importers and names of the front door that the flat package had still answer."
    import crowdbook as cb
    import crowdbook.cli  # noqa: F401  (it fills the table of commands)
    from crowdbook.cli_options import COMMANDS
    from crowdbook.scores.ranking import registered_scores
    from crowdbook.votes.importers import IMPORTERS
    old = """DS DSS DSWC EBCC FDS GLAD IWMV KOS LA MACE MAP MMSR MV NS OneCoin Panel PlantNet Shapley TwoThird WAWA WDS
        WMV ZBS AUM AUMC WAUM entropy gain glad margin ability accuracy agreement spam_score time trace_confusion traps
        fleiss gwet krippendorff aggregate shards report identify scores strategies install simulate demo train
        aggregate-deep modelinfo label-studio mturk prodigy toloka zooniverse Votes read_labels compare summary
        MajorityVote NaiveSoft WeightedMajority DawidSkene load_labelme load_cifar10h load_music load_votes
        identify_tasks identify_workers write_report Tasks Recipe Classifier CrowdLayer CoNAL crowd_model
        ClassifierEM""".split()
    assert set(old) <= {*cb.strategies(), *registered_scores(), *COMMANDS, *IMPORTERS, *cb.__all__}
    assert all(callable(getattr(cb, name)) for name in cb.__all__)


def code_cells(path):
    "Sizes of the code cells of a chapter, in lines that are not blank."
    cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
    return [sum(bool(line.strip()) for line in "".join(c["source"]).splitlines())
            for c in cells if c["cell_type"] == "code"]


NOTEBOOKS = sorted(path.relative_to(ROOT / "nbs").as_posix() for path in (ROOT / "nbs").rglob("[!_.]*.ipynb"))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_small_steps(name):
    "No long cell anywhere, and half of the cells of a chapter have at most seven lines."
    sizes = code_cells(ROOT / "nbs" / name)
    assert median(sizes) <= 7, sorted(sizes)
    assert max(sizes) <= 20, max(sizes)
