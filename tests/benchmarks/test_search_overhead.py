"""What the benchmark of a search's overhead leaves out of its times."""

import os

import numpy as np
import pytest

from benchmarks.search_overhead import Stopwatch, made_up_accuracy, measure
from scarlet_tf.search import SearchConfig, read_journal


def test_a_stopwatch_adds_up_the_time_of_all_calls():
    watch = Stopwatch(iter([1.0, 4.0, 10.0, 10.5]).__next__)
    timed = watch.around(lambda value: value + 1)
    assert (timed(1), timed(2)) == (2, 3)
    assert watch.seconds == 3.5


def test_made_up_accuracies_are_accuracies_that_tell_networks_apart(known):
    accuracies = made_up_accuracy(known.space, 32, 10)(known.genotypes)
    assert 0 < min(accuracies) < max(accuracies) < 1
    assert len(set(accuracies)) == 81


@pytest.mark.parametrize("journal", [False, True])
def test_every_generation_is_timed_and_fsync_where_there_is_a_journal(known, tmp_path, journal):
    config = SearchConfig(population=6, generations=5, image_size=32, num_classes=10)
    fsync = os.fsync
    found = measure(known.space, config, tmp_path / "journal.jsonl" if journal else None)
    assert os.fsync is fsync
    assert len(found.generations) == len(found.fsync) == 5
    assert len(found.evaluated) == len(set(found.evaluated))
    if journal:
        assert (found.fsync > 0).all()
        assert [one.genotype for one in read_journal(tmp_path / "journal.jsonl")[1]] == found.evaluated
    else:
        np.testing.assert_array_equal(found.fsync, 0)
