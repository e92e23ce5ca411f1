"""The published networks, against the paper's figure written as text."""

import pytest

from scarlet_tf.arch import Skip, get_arch, get_space, scale
from scarlet_tf.errors import InputError

PUBLISHED = {
    "scarlet_a": "37 65 35 37s 63s 35s 63s 33 37s 37 35 37s 33 37s 63s 65s 33s 63s 67s",
    "scarlet_b": "33s 35s 33s 67s 33 35 67s 33s - 35 33s 33s 67s 33s 65s 65s - 67s 65s",
    "scarlet_c": "35s 33s 35s - - 33 67s 33s 33s 35 37s 37 33s 37s 33s - 63s 67s 65s",
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_rows_are_those_of_the_paper(name):
    rows = get_arch(name).blocks
    text = ["-" if isinstance(row, Skip) else f"{row.expansion}{row.kernel}{'s' * row.se}" for row in rows]
    assert " ".join(text) == PUBLISHED[name]


@pytest.mark.parametrize("name", PUBLISHED)
def test_networks_are_members_of_s2(name):
    s2 = get_space("s2")
    assert s2.decode(s2.encode(get_arch(name)), name) == get_arch(name)


@pytest.mark.parametrize(("name", "width", "depth"), [("scarlet_a2", 1.4, 1.0), ("scarlet_a4", 1.4, 2.0)])
def test_scaled_networks_are_scarlet_a(name, width, depth):
    assert get_arch(name) == scale(get_arch("scarlet_a"), width, depth, name)


def test_unknown_network():
    with pytest.raises(InputError, match=r"one of scarlet_a, scarlet_b, scarlet_c.*Received: 'scarlet_z'"):
        get_arch("scarlet_z")
