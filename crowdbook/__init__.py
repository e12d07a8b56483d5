"Learning from crowdsourced labels: `Votes`, `aggregate`, `simulate`, data sets and models, imported when first used."
__version__ = "0.1.0"

_HOME = {
    "votes": ["Votes", "read_labels"],
    "simulate": ["simulate"],
    "aggregate": ["aggregate", "compare", "strategies", "summary"],
    "majority": ["MajorityVote", "NaiveSoft", "WeightedMajority"],
    "dawid_skene": ["DawidSkene"],
    "glad": ["GLAD"],
    "datasets": ["load_labelme", "load_cifar10h", "load_music", "load_votes"],
    "identify": ["identify", "identify_tasks", "identify_workers"],
    "report": ["write_report"],
    "learn": ["Tasks", "Recipe", "Classifier"],
    "crowdlayer": ["CrowdLayer"],
    "conal": ["CoNAL", "crowd_model"],
    "classifier_em": ["ClassifierEM"],
    "waum": ["WAUM"],
}
_MODULE = {name: module for module, names in _HOME.items() for name in names}
__all__ = list(_MODULE)


def __getattr__(name):
    "Import the module of a public name when it is first used, so that importing the package stays fast."
    if name not in _MODULE:
        raise AttributeError(f"module 'crowdbook' has no attribute {name!r}")
    from importlib import import_module
    value = getattr(import_module(f"crowdbook.{_MODULE[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
