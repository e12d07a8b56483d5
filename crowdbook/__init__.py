"Learning from crowdsourced labels: `Votes`, `aggregate`, `simulate`, data sets and models, imported when first used."
__version__ = "0.1.0"

_HOME = {
    "votes.core": ["Votes"],
    "votes.files": ["read_labels"],
    "data.simulation": ["simulate"],
    "models.registry": ["aggregate", "compare", "strategies", "strategy", "summary"],
    "models.base": ["load_model"],
    "models.checks": ["check_strategy"],
    "models.majority": ["MajorityVote", "NaiveSoft", "WeightedMajority"],
    "models.dawid_skene": ["DawidSkene"],
    "models.glad": ["GLAD"],
    "data.sets": ["load_labelme", "load_cifar10h", "load_music", "load_votes"],
    "scores.ranking": ["identify", "identify_tasks", "identify_workers", "score"],
    "scores.page": ["write_report"],
    "learning.training": ["Tasks", "Recipe", "Classifier"],
    "learning.crowd_layers": ["CrowdLayer", "CoNAL", "crowd_model"],
    "learning.classifier_em": ["ClassifierEM"],
    "learning.margins": ["WAUM"],
}
_MODULE = {name: module for module, names in _HOME.items() for name in names}
__all__ = list(_MODULE)


def __getattr__(name):
    "Import the module of a public name when it is first used, so that importing the package stays fast."
    if name not in _MODULE:
        raise AttributeError(f"module 'crowdbook' has no attribute {name!r}")
    from importlib import import_module
    value = getattr(import_module(f"crowdbook.{_MODULE[name]}"), name)
    globals()[name] = _explained(value)
    return value


def _explained(thing):
    "The function or class, what its signature's comments say of parameters and results now also in its docstring."
    from dataclasses import is_dataclass
    from inspect import isclass, isfunction
    bases = [b for b in thing.__mro__ if b.__module__.startswith("crowdbook")] if isclass(thing) else []
    members = [getattr(m, "__func__", m) for b in bases for n, m in vars(b).items() if n[0] != "_"]
    members = [m for m in members if isfunction(m)]
    own = thing if is_dataclass(thing) else vars(thing).get("__init__", thing)
    for what, source in [(thing, own), *zip(members, members)]:
        _add_parameters(what, source)
    return thing


def _add_parameters(thing, source):
    "Append the section of parameters to the docstring of `thing`, once."
    from fastcore.docments import docments
    if "\n-------" in (thing.__doc__ or ""):
        return
    notes = {k: " ".join(str(v).split()) for k, v in docments(source, returns=True).items() if v and k != "self"}
    result = notes.pop("return", None)
    lines = ["Parameters", "----------", *(f"{k} : {v}" for k, v in notes.items())] if notes else []
    lines += ["", "Returns", "-------", result] if result else []
    thing.__doc__ = "\n".join([thing.__doc__ or "", "", *lines]).rstrip() if lines else thing.__doc__


def __dir__():
    return sorted({*globals(), *__all__})
