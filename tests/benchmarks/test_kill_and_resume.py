"""What the benchmark of kills compares."""

import shutil

import numpy as np

from benchmarks.kill_and_resume import CHECKPOINTS_PER_KILL, Moment, differing_tensors, named_step, unfinished


def test_a_tensor_that_moved_is_named(tmp_path, mini_network):
    count, different = differing_tensors(mini_network, mini_network)
    assert count > 50
    assert different == []
    shutil.copytree(mini_network, tmp_path / "other")
    state = tmp_path / "other" / "checkpoints" / "checkpoint"
    state.write_text(state.read_text().replace("160", "120"))
    assert (named_step(mini_network), named_step(tmp_path / "other")) == (160, 120)
    assert "optimizer/0/.ATTRIBUTES/VARIABLE_VALUE" in differing_tensors(mini_network, tmp_path / "other")[1]


def test_tensors_of_one_alone_are_named(mini_network, mini_supernet):
    count, different = differing_tensors(mini_network, mini_supernet)
    assert len(different) > count


def test_files_after_the_last_finished_checkpoint_are_unfinished(tmp_path, mini_network):
    shutil.copytree(mini_network / "checkpoints", tmp_path / "checkpoints")
    assert unfinished(tmp_path) == []
    (tmp_path / "checkpoints" / "step-200_temp").mkdir()
    (tmp_path / "checkpoints" / "step-180.index").touch()
    assert sorted(unfinished(tmp_path)) == ["step-180.index", "step-200_temp"]
    assert unfinished(tmp_path / "nowhere") == []


def test_moments_are_a_function_of_the_seed():
    first, again, other = (
        [Moment.draw(rng, number) for rng in [np.random.default_rng(seed)] for number in range(20)]
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other
    assert [moment.in_writing for moment in first] == [True, False] * 10
    assert {moment.checkpoints for moment in first} == set(range(CHECKPOINTS_PER_KILL + 1))
