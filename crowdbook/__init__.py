"Learning from crowdsourced labels: `Votes`, `aggregate`, `simulate`, data sets and models, imported when first used."
__version__ = "0.1.0"

_HOME = {
    "votes.core": ["Votes", "read_labels"],
    "data.simulation": ["simulate"],
    "models.registry": ["aggregate", "compare", "strategies", "summary"],
    "models.majority": ["MajorityVote", "NaiveSoft", "WeightedMajority"],
    "models.dawid_skene": ["DawidSkene"],
    "models.glad": ["GLAD"],
    "data.sets": ["load_labelme", "load_cifar10h", "load_music", "load_votes"],
    "scores.ranking": ["identify", "identify_tasks", "identify_workers"],
    "scores.page": ["write_report"],
    "learning.training": ["Tasks", "Recipe", "Classifier"],
    "learning.crowdlayer": ["CrowdLayer"],
    "learning.conal": ["CoNAL", "crowd_model"],
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
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
