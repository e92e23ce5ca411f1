"""One-shot neural architecture search of mobile networks of variable depth (SCARLET-NAS, arXiv 1908.06022).

`scarlet_tf.arch` needs no TensorFlow; `build_model`, `build_supernet` and `extract` import it when first used.
"""

import importlib

_LAZY = {
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
