"""A space of 81 networks with a table of accuracies made up by hand."""

import json

import pytest

from benchmarks.known_space import KnownSpace
from scarlet_tf.arch import SKIP, Choice, Head, SearchSpace, Slot, Stem


@pytest.fixture(scope="session")
def known(tmp_path_factory):
    """4 slots of 3 choices, the last of them a skip: 0.9 without a skip, and 0.2 less for each."""
    slots = (Slot(6, stride=2), Slot(6), Slot(8, stride=2), Slot(8))
    space = SearchSpace("tiny", Stem(4), slots, (Choice(3, 3), Choice(6, 5), SKIP), Head(16))
    path = tmp_path_factory.mktemp("known") / "table.json"
    texts = (f"{a}{b}{c}{d}" for a in range(3) for b in range(3) for c in range(3) for d in range(3))
    path.write_text(json.dumps({text: round(0.9 - 0.2 * text.count("2"), 1) for text in texts}))
    return KnownSpace(path, space, 32, 10)
