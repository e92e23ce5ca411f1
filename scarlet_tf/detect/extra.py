"""The packages that only detection needs."""

from importlib.util import find_spec

from scarlet_tf.errors import InputError

_PACKAGES = {"keras_hub": "keras-hub", "pycocotools": "pycocotools"}


def check_extra() -> None:
    """Raises InputError where a package of the extra `detection` is not installed. Imports none of them."""
    for module, package in _PACKAGES.items():
        if find_spec(module) is None:
            raise InputError(f'Detection needs {package}, which is not installed: pip install "scarlet-tf[detection]".')
