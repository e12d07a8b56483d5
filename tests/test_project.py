"The project is in order: exported, clean, documented, well formed, and it packs into a sound wheel."
import ast
import importlib
import inspect
import pkgutil
import re
import runpy
import sys
import textwrap
import types
import typing
import zipfile
from configparser import ConfigParser
from dataclasses import is_dataclass
from functools import cached_property

import numpy as np
import pytest
from conftest import ROOT, copy_tree, project_files, run, tracked
from execnb.nbio import read_nb
from fastcore.docments import docments
from nbdev.process import extract_directives

NOTEBOOKS = sorted((ROOT / "nbs").rglob("[!_.]*.ipynb"))
TOP = {"nbs", "crowdbook", "tests", "benchmarks", "_quarto.yml", "settings.ini", "setup.py", "pyproject.toml",
       "references.bib", "README.md", "LICENSE", "CONTRIBUTING.md"}
LAYERS = {"votes", "data", "models", "learning", "scores"}
MODULES = [m.name for m in pkgutil.walk_packages([str(ROOT / "crowdbook")], "crowdbook.") if "_modidx" not in m.name]


def listing(found):
    "A failure's message: how many, then one a line."
    return f"{len(found)} found:\n  " + "\n  ".join(found)


def code_cells(path):
    "The code cells of a notebook: (number from 1, source, directives, outputs)."
    cells = [c for c in read_nb(path).cells if c.cell_type == "code"]
    return [(c.idx_ + 1, c.source, extract_directives(c, remove=False), c.outputs) for c in cells]


# ---- what is generated is up to date

def changed(tree, suffix):
    "Files of the project that differ in `tree`, or are new there."
    names = set(project_files()) | {str(p.relative_to(tree)) for p in (tree / "crowdbook").rglob("*.py")}
    read = lambda path: path.read_bytes() if path.is_file() else None
    return [n for n in sorted(names) if n.endswith(suffix) and read(ROOT / n) != read(tree / n)]


def test_export_is_current(tree):
    found = [name for name in changed(tree, ".py") if name.startswith("crowdbook/")]
    made = {flags["default_exp"][0] for p in NOTEBOOKS for _, _, flags, _ in code_cells(p) if "default_exp" in flags}
    found += [f"{m} has no notebook" for m in MODULES if m.removeprefix("crowdbook.") not in made | LAYERS]
    assert not found, "run nbdev_export; " + listing(found)


def test_notebooks_are_clean(tree):
    found = changed(tree, ".ipynb")
    assert not found, "run nbdev_clean; " + listing(found)


def test_readme_is_current():
    make = runpy.run_path(str(ROOT / ".ci" / "make_readme.py"))
    fresh, wanted = make["render"](ROOT / "nbs" / "index.ipynb"), "run python .ci/make_readme.py"
    assert (ROOT / "README.md").read_text(encoding="utf-8") == fresh, wanted
    for name, data in make["pictures"](ROOT / "nbs" / "index.ipynb").items():
        assert (ROOT / name).read_bytes() == data, wanted


# ---- files

def test_ruff():
    paths = [p for p in ("nbs", "tests", "benchmarks", "setup.py", ".ci") if (ROOT / p).exists()]
    shipped = run(sys.executable, "-m", "ruff", "check", "--no-cache", "--isolated", "--select=F",
                  "--output-format=concise", "crowdbook", cwd=ROOT)  # a name that only the chapter knows
    assert shipped.returncode == 0, shipped.stdout
    res = run(sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format=concise", *paths, cwd=ROOT)
    assert res.returncode == 0, res.stdout + res.stderr


def test_top_level():
    names = tracked()
    if not names:
        pytest.skip("no git checkout")
    top = {name.split("/")[0] for name in names}
    extra = {n for n in top - TOP if not n.startswith(".") and not re.fullmatch(r"theme[\w-]*\.scss", n)}
    assert not extra and not TOP - top, f"unexpected: {sorted(extra)}; missing: {sorted(TOP - top)}"


def test_no_machine_paths():
    "Paths of one machine help nobody; the data mirror is named where it is set and explained, not elsewhere."
    path = re.compile(r"(?<![\w.<])[/](work|tmp|home|root|Users)/\w")
    mirror = re.compile(r"(?<!\w)shared[/]")
    found = []
    for name in project_files():
        try:
            lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        free = name in (".ci/run", "CONTRIBUTING.md")
        for i, line in enumerate(lines, 1):
            line = re.sub(r'"image/\w+": ".*', "", line).strip()
            if path.search(line) or (mirror.search(line) and not free):
                found.append(f"{name}:{i}: {line[:100]}")
    assert not found, listing(found)


# ---- documentation

def members(overrides=True):
    "Every public function, class, method and property: (name, object); an override may leave its words to its base."
    for module in map(importlib.import_module, MODULES):
        for name in getattr(module, "__all__", []):
            obj = getattr(module, name)
            if inspect.isfunction(obj) or inspect.isclass(obj):
                yield f"{module.__name__}.{name}", obj
            if inspect.isclass(obj):
                for key, member in vars(obj).items():
                    member = getattr(member, "__func__", member)  # of a class method
                    if not overrides and any(key in vars(base) for base in obj.__mro__[1:]):
                        continue
                    if not key.startswith("_") and isinstance(member, (types.FunctionType, property, cached_property)):
                        yield f"{module.__name__}.{name}.{key}", member


def missing_comments(obj):
    "Parameters of `obj` that say nothing of themselves."
    if not callable(obj) or (inspect.isclass(obj) and not is_dataclass(obj) and "__init__" not in vars(obj)):
        return []
    func = inspect.unwrap(obj.__init__ if inspect.isclass(obj) and not is_dataclass(obj) else obj)
    hints = {} if is_dataclass(func) else typing.get_type_hints(func, include_extras=True)
    told = {n for n, h in hints.items() if any(getattr(m, "help", None) for m in getattr(h, "__metadata__", ()))}
    notes = docments(func, returns=False)
    return [n for n, p in inspect.signature(func).parameters.items()
            if not (n in ("self", "cls") or n.startswith("_") or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
                    or n in told or notes.get(n))]


def test_docstrings():
    "A dataclass without a docstring gets its signature for one, which does not count."
    found = [name for name, obj in members() if not obj.__doc__ or obj.__doc__.startswith(name.split(".")[-1] + "(")]
    assert not found, "names without a docstring: " + listing(found)


def test_help_is_legible():
    "What `help` shows: no marks of the site, and every parameter of the most used names with what it means."
    found = [name for name, obj in members() if re.search(r"@(?:eq|tbl|fig|sec)-|\[@", obj.__doc__ or "")]
    assert not found, "marks of the site in docstrings: " + listing(found)
    import crowdbook as cb

    for name in cb.__all__:
        thing = getattr(cb, name)
        func = thing if is_dataclass(thing) or not inspect.isclass(thing) else vars(thing).get("__init__", thing)
        for parameter, note in docments(func, returns=False).items():
            assert not note or f"{parameter} : " in inspect.getdoc(thing), (name, parameter)


def test_names_are_what_they_say():
    "No module is called like what it exports, and the functions of the package are functions whatever was imported."
    found = [m for m in MODULES if m.split(".")[-1] in getattr(importlib.import_module(m), "__all__", [])]
    assert not found, listing(found)
    import crowdbook as cb
    from crowdbook.data.simulation import Crowd

    assert isinstance(cb.simulate(n_task=5, seed=0), Crowd) and inspect.isfunction(cb.aggregate)
    assert list(inspect.signature(cb.aggregate).parameters)[:2] == ["votes", "strategy"]


def test_parameters_are_explained():
    found = [f"{name}: {', '.join(miss)}" for name, obj in members(overrides=False) if (miss := missing_comments(obj))]
    assert not found, "parameters without a comment on their line: " + listing(found)


def test_comments_are_plain():
    "The site shows them in a block of code, where a name in backticks would become the text of a link."
    found = [f"{name}: {p}" for name, func in functions() for p, note in docments(func).items()
             if isinstance(note, str) and "`" in note]
    assert not found, "comments of parameters with backticks: " + listing(found)


def gives_back(node):
    "Does a function return (or yield) anything but None and itself?"
    todo = list(ast.iter_child_nodes(node))
    while todo:
        child = todo.pop()
        if isinstance(child, (ast.Yield, ast.YieldFrom)):
            return True
        if isinstance(child, ast.Return) and child.value is not None:
            if not (isinstance(child.value, ast.Constant) and child.value.value is None
                    or isinstance(child.value, ast.Name) and child.value.id == "self"):
                return True
        if not isinstance(child, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            todo += ast.iter_child_nodes(child)
    return False


def definition(func):
    "Source lines of a function up to its body, and its syntax tree."
    lines, _ = inspect.getsourcelines(inspect.unwrap(func))
    node = ast.parse(textwrap.dedent("".join(lines))).body[0]
    return lines[:node.body[0].lineno - 1], node


def functions():
    "Every public function and method that is no property: (name, function)."
    return [(name, obj) for name, obj in members(overrides=False) if inspect.isfunction(obj)]


def test_results_are_explained():
    "What comes back is said on the last line of the signature, or in the docstring of a method without parameters."
    found = []
    for name, func in functions():
        head, node = definition(func)
        if "#" not in head[-1] and gives_back(node) and len(inspect.signature(func).parameters) > 1:
            found.append(name)
    assert not found, "results without a comment: " + listing(found)


def test_arrays_have_shapes():
    "Of an array one knows the shape, or of what each entry is."
    found = []
    for name, func in functions():
        notes = docments(func, returns=False)
        for p in inspect.signature(func).parameters.values():
            if p.annotation in (np.ndarray, "np.ndarray") and not re.search(r"shape|\beach\b", notes.get(p.name) or ""):
                found.append(f"{name}: {p.name}")
    assert not found, "arrays without a shape: " + listing(found)


def test_errors_are_named():
    "A function that raises says which error, in its docstring or beside a parameter."
    found = []
    for name, func in functions():
        head, node = definition(func)
        said = (func.__doc__ or "") + "".join(head)
        raises = [n for n in ast.walk(node) if isinstance(n, ast.Raise) and isinstance(n.exc, ast.Call)]
        if raises and not re.search(r"Error|error|refus", said) and not name.startswith("crowdbook.cli."):
            found.append(name)
    assert not found, "errors that the docstring does not name: " + listing(found)


def test_models_name_their_source():
    "Each chapter that builds a strategy cites where it comes from."
    from crowdbook.models.registry import STRATEGIES

    books = {flags["default_exp"][0]: path for path in NOTEBOOKS for _, _, flags, _ in code_cells(path)
             if "default_exp" in flags}
    found = []
    for name, model in STRATEGIES.items():
        text = books[model.__module__.removeprefix("crowdbook.")].read_text(encoding="utf-8")
        if not re.search(r"\[-?@\w+", text) and name not in ("MV", "NS", "WMV"):  # nobody invented counting
            found.append(name)
    assert not found, "strategies whose chapter cites nothing: " + listing(found)


def test_documentation_is_counted(record_property):
    "How much is documented, for the record; the tests above say what is missing."
    names = [name for name, _ in members()]
    record_property("public names", len(names))
    assert len(names) == len(set(names)) > 100


# ---- notebooks

@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_cells(path):
    "Short cells, no stored error, something shown, figures with a text for those who cannot see them."
    cells, found = code_cells(path), []
    for i, source, flags, outputs in cells:
        lines = [line for line in source.splitlines() if line.strip()]
        if len(lines) > 40:
            found.append(f"cell {i} has {len(lines)} lines, more than 40")
        if any(len(line) > 120 for line in lines if not line.startswith("#|")):
            found.append(f"cell {i} has a line of more than 120 characters")
        if any(o.output_type == "error" for o in outputs):
            found.append(f"cell {i} holds an error")
        if any(k.startswith("image/") for o in outputs for k in o.get("data", {})) and "fig-alt:" not in flags:
            found.append(f"cell {i} draws a figure without fig-alt")
    if not any(outputs for *_, outputs in cells):
        found.append("no stored output: run python .ci/save_outputs.py")
    assert not found, f"{path.name}: " + listing(found)


def shown(cell):
    "Does a reader of the site see anything of this cell? Of exported code only what is public or in `exports`."
    if cell.cell_type != "code":
        return True
    flags = extract_directives(cell, remove=False)
    if {"hide", "default_exp"} & set(flags):
        return False
    code = "" if "exports" in flags or "export" not in flags else re.sub("^#.*", "", cell.source, flags=re.MULTILINE)
    return not code or any(isinstance(n, ast.FunctionDef | ast.ClassDef) and n.name[0] != "_"
                           for n in ast.parse(code).body)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_promises_are_kept(path):
    "After a colon or a heading the site shows something; where the code that is meant is hidden, write `exports`."
    cells, found = read_nb(path).cells, []
    for cell, after in zip(cells, cells[1:]):
        visible = next((c for c in cells[cell.idx_ + 1:] if shown(c)), None)
        last = cell.source.rstrip().split("\n")[-1]
        if cell.cell_type == "markdown" and (last.endswith(":") or last.startswith("#")) and not shown(after):
            if visible is None or visible.cell_type == "markdown":
                found.append(f"nothing is seen after {last!r}")
    assert not found, f"{path.name}: " + listing(found)


# ---- the package

def test_wheel(tmp_path_factory):
    "The wheel holds all modules, the stored results, templates, lists of data sets, the command and nothing else."
    copy, out = copy_tree(tmp_path_factory.mktemp("source")), tmp_path_factory.mktemp("wheel")
    cmd = ["-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(out)]
    res = run(sys.executable, *cmd, cwd=copy)
    assert res.returncode == 0, res.stdout + res.stderr
    (wheel,) = out.glob("crowdbook-*.whl")
    with zipfile.ZipFile(wheel) as z:
        names = {n for n in z.namelist() if ".dist-info/" not in n}
        points = ConfigParser()
        points.read_string(next(z.read(n).decode() for n in z.namelist() if n.endswith("entry_points.txt")))
    wanted = {n for n in project_files() if n.startswith("crowdbook/") and n.endswith(".py")}
    stored = {n.replace("nbs/", "crowdbook/", 1) for n in project_files() if re.fullmatch(r"nbs/results/.*\.csv", n)}
    template = {f"crowdbook/scores/templates/{n}" for n in ("report.html.jinja", "charts.svg.jinja", "report.css")}
    lists = {f"crowdbook/data/{n}.csv" for n in ("cards", "files")}
    assert names == wanted | stored | template | lists
    assert points["console_scripts"]["crowdbook"] == "crowdbook.cli:main"
    assert callable(importlib.import_module("crowdbook.cli").main)
