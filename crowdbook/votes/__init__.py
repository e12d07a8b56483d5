"Votes and the files they come from: `Votes` and the readers, imported when first used."
__all__ = ["Votes", "read_labels", "read_seconds", "read_weights"]


def __getattr__(name):
    "A public name of `core` or `files`, so that importing one small module stays fast."
    if name == "Votes":
        from .core import Votes
        return Votes
    if name in __all__:
        from . import files
        return getattr(files, name)
    raise AttributeError(f"module 'crowdbook.votes' has no attribute {name!r}")
