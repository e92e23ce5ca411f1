"""The search spaces that come with the package, and reading one from a file."""

import json
from pathlib import Path

from scarlet_tf.arch.space import SearchSpace
from scarlet_tf.arch.spec import SKIP, Choice, Conv, Head, Slot, Stem
from scarlet_tf.errors import InputError

_PLAIN = tuple(Choice(expansion, kernel) for expansion in (3, 6) for kernel in (3, 5, 7))
_SQUEEZED = tuple(Choice(choice.expansion, choice.kernel, se=True) for choice in _PLAIN)

_MOBILE_STEM = Stem(filters=32, stride=2, separable_filters=16)  # 224 -> 112
_MOBILE_SLOTS = (
    Slot(32, stride=2),  # 112 -> 56
    Slot(32),
    Slot(40, stride=2),  # 56 -> 28
    *[Slot(40)] * 3,
    Slot(80, stride=2),  # 28 -> 14
    *[Slot(80)] * 3,
    *[Slot(96)] * 4,
    Slot(192, stride=2),  # 14 -> 7
    *[Slot(192)] * 3,
    Slot(320),
)

S1 = SearchSpace("s1", _MOBILE_STEM, _MOBILE_SLOTS, (*_PLAIN, SKIP), Head(1280))
"""Paper section 4.1: expansion {3, 6} x kernel {3, 5, 7}, and skip. 7^19 networks."""

S2 = SearchSpace("s2", _MOBILE_STEM, _MOBILE_SLOTS, (*_PLAIN, *_SQUEEZED, SKIP), Head(1280))
"""S1 with squeeze-excite as a choice. 13^19 networks."""

SMALL = SearchSpace(
    "small",
    Stem(filters=16, stride=2, separable_filters=8, activation="relu"),  # 28 -> 14
    (
        *[Slot(16)] * 2,
        Slot(32, stride=2),  # 14 -> 7
        Slot(32),
        Slot(64, stride=2),  # 7 -> 4
        *[Slot(64)] * 2,
    ),
    (Choice(3, 3), Choice(3, 5), Choice(6, 3), Choice(6, 5), Choice(6, 3, se=True), SKIP),
    Head(256, activation="relu"),
    activation="relu",  # several times cheaper to train on a CPU than hard-swish
)
"""For images of 28 to 32 pixels on a CPU. 6^7 networks."""

NAS_BENCH_MACRO = SearchSpace(
    "nas_bench_macro",
    Stem(filters=32, stride=1, activation="relu"),  # 32 -> 32
    (
        Slot(64, stride=2),  # 32 -> 16
        Slot(64),
        Slot(128, stride=2),  # 16 -> 8
        *[Slot(128)] * 2,
        Slot(256, stride=2),  # 8 -> 4
        *[Slot(256)] * 2,
    ),
    (SKIP, Choice(3, 3), Choice(6, 5)),
    Head(1280, activation="relu"),
    activation="relu",
    stage_skip="projection",
)
"""NAS-Bench-Macro (Su et al. 2021, arXiv 2103.11922), for CIFAR-10: each of its 3^8 networks was trained alone by its
authors, so that a ranking can be compared with the truth."""

_CELL_REST = 4  # slots of a cell after its first one, which has the entry

NAS_BENCH_101_CHAINS = SearchSpace(
    "nas_bench_101_chains",
    Stem(filters=128, stride=1, activation="relu"),  # 32 -> 32
    (
        *[Slot(128, entry=True), *[Slot(128)] * _CELL_REST] * 3,
        *[Slot(256, stride=2, entry=True), *[Slot(256)] * _CELL_REST],  # 32 -> 16
        *[Slot(256, entry=True), *[Slot(256)] * _CELL_REST] * 2,
        *[Slot(512, stride=2, entry=True), *[Slot(512)] * _CELL_REST],  # 16 -> 8
        *[Slot(512, entry=True), *[Slot(512)] * _CELL_REST] * 2,
    ),
    (Conv(1), Conv(3), SKIP),
    Head(None),
    activation="relu",
)
"""Nine cells that are chains of at most 5 convolutions, for CIFAR-10 (paper section 6.2). Where all nine are the same,
the network is one of 63 chains of NAS-Bench-101 (Ying et al. 2019, arXiv 1902.09635), whose authors trained each."""

SPACES = {space.name: space for space in (S1, S2, SMALL, NAS_BENCH_MACRO, NAS_BENCH_101_CHAINS)}


def get_space(name: str) -> SearchSpace:
    """The space of that name, or the one described by a JSON file at that path (`SearchSpace.to_dict`).

    Raises InputError where there is neither, or where the file does not hold a space.
    """
    if name in SPACES:
        return SPACES[name]
    if not name.endswith(".json"):
        raise InputError(f"A space is one of {', '.join(SPACES)} or a .json file. Received: {name!r}.")
    try:
        data = json.loads(Path(name).read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"Cannot read a search space from {name}: {error}. Give a JSON file.") from error
    return space_from_data(data, name)


def space_from_data(data: object, where: str) -> SearchSpace:
    """The space that `data` names or describes; `where` is named in the InputError raised otherwise."""
    if isinstance(data, str) and data in SPACES:
        return SPACES[data]
    if not isinstance(data, dict):
        expected = f"one of {', '.join(SPACES)} or an object with a space's fields"
        raise InputError(f"{where}: a space must be {expected}. Received: {data!r}.")
    try:
        return SearchSpace.from_dict(data)
    except ValueError as error:
        raise InputError(f"{where}: {error}") from error


def space_to_data(space: SearchSpace) -> str | dict:
    """The name of a space that comes with the package; the whole description of any other."""
    return space.name if SPACES.get(space.name) == space else space.to_dict()
