"""What ImageNet's classes are called."""

from functools import cache
from importlib.resources import files


@cache
def imagenet_classes() -> tuple[tuple[str, str], ...]:
    """ImageNet's 1,000 classes in the order of networks' outputs, as (WordNet id, name)."""
    text = files("scarlet_tf.data").joinpath("imagenet_classes.txt").read_text()
    return tuple(tuple(line.split(" ", 1)) for line in text.splitlines())
