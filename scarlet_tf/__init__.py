"""One-shot neural architecture search of mobile networks of variable depth (SCARLET-NAS, arXiv 1908.06022).

`scarlet_tf.arch` needs no TensorFlow; all names below import it when they are first used.
"""

import importlib

import wrapt

_APPLICATIONS = (
    "SCARLET_A",
    "SCARLET_A2",
    "SCARLET_A4",
    "SCARLET_B",
    "SCARLET_C",
    "decode_predictions",
    "preprocess_input",
)
_LAZY = {
    **dict.fromkeys(_APPLICATIONS, "scarlet_tf.applications"),
    "build_model": "scarlet_tf.nets.standalone",
    "build_supernet": "scarlet_tf.nets.supernet",
    "extract": "scarlet_tf.export.extract",
}
__all__ = list(_LAZY)
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)


@wrapt.when_imported("keras")
def _register_layers(_keras: object) -> None:
    """Makes `keras.models.load_model` know our layers, whichever of the two packages is imported first."""
    importlib.import_module("scarlet_tf.nets")
