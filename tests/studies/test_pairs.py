"""Supernets given to a study that compares pairs: which belong together, and which are refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from scarlet_tf.errors import InputError
from scarlet_tf.studies.pairs import paired_supernets
from scarlet_tf.studies.supernets import StudySupernet, planned_supernets
from scarlet_tf.train.config import TrainConfig


@pytest.fixture
def base(mini_space):
    return TrainConfig("synthetic", 16, space=mini_space, batch_size=50)


def test_a_pair_a_seed_in_order_of_the_seeds(base):
    planned = planned_supernets(base, "work", ("skip", "els"), ["fair"], [3, 1])
    pairs = paired_supernets(planned)
    assert [pair.seed for pair in pairs] == [1, 3]
    for pair in pairs:
        assert (pair.skip.config.stabilizer, pair.els.config.stabilizer) == ("skip", "els")
        assert pair.skip.config == replace(pair.els.config, stabilizer="skip")


def test_a_missing_partner_is_named(base):
    planned = planned_supernets(base, "work", ("skip", "els"), ["fair"], [0, 5])
    with pytest.raises(InputError, match=r"--supernets .* Received: work/fair_skip_5 of seed 5, without one with els"):
        paired_supernets(planned[:-1])


@pytest.mark.parametrize(
    ("changed", "named"),
    [({"epochs": 3}, "epochs 60, and .* with 3"), ({"method": "spos"}, "method fair"), ({"batch_size": 9}, "size 50")],
)
def test_trainings_that_differ_otherwise_are_refused(base, changed, named):
    skip = StudySupernet(Path("one"), replace(base, stabilizer="skip"))
    els = StudySupernet(Path("other"), replace(base, **changed))
    with pytest.raises(InputError, match=named):
        paired_supernets([skip, els])


def test_where_and_how_it_was_looked_at_may_differ(base):
    skip = StudySupernet(Path("one"), replace(base, stabilizer="skip", probe_epochs=1, probe_paths=5, strategy="cpu"))
    els = StudySupernet(Path("other"), replace(base, data_dir="elsewhere"))
    (pair,) = paired_supernets([skip, els])
    assert (pair.skip, pair.els) == (skip, els)
