"""What the benchmark of a search's throughput takes from a journal, and what its contestants answer."""

import json

import numpy as np
import pytest

from benchmarks.prefix_sharing import PathCosts, blocks_saved
from benchmarks.search_contest import CONTESTANTS, OURS, PYTORCH, Generation, Setting, Timing, _check_same, measure
from benchmarks.search_throughput import SearchTime, born, evenly_spaced
from scarlet_tf.arch import count, get_space
from scarlet_tf.errors import InputError, RunError
from scarlet_tf.search.replay import PastSearch


def test_what_begins_alike_is_saved_once_more_each_time():
    genotypes = [(0, 1, 2), (0, 1, 1), (0, 2, 1), (1, 1, 2)]
    # 12 blocks; needed are 0, 1, then 01, 02, 11, then the four ends
    assert blocks_saved(genotypes) == 1 - 9 / 12
    assert blocks_saved(genotypes[:1]) == 0


@pytest.mark.parametrize("name", ["s1", "s2"])
def test_madds_of_one_are_those_of_its_path_in_the_supernet(name):
    space, rng = get_space(name), np.random.default_rng(0)
    costs = PathCosts(space, 100, 7)  # an odd size along the way
    for genotype in [space.sample(rng) for _ in range(20)]:
        assert costs.alone(genotype) == count(space.decode(genotype), 100, 7, stabilizers=True).madds


def test_madds_of_what_two_begin_alike_count_once(known):
    costs = PathCosts(known.space, 32, 10)
    one, other = (0, 1, 2, 0), (0, 1, 0, 1)
    stem = 16 * 16 * (9 * 3 * 4)
    slot_0 = 16 * 16 * 4 * 12 + 8 * 8 * (9 * 12 + 12 * 6)  # E3 K3 of 4 channels, stride 2
    slot_1 = 8 * 8 * (6 * 36 + 25 * 36 + 36 * 6)  # E6 K5 of 6 channels
    saved = stem + slot_0 + slot_1
    assert costs.together([one, other]) == costs.alone(one) + costs.alone(other) - saved
    assert costs.saved([one, other]) == pytest.approx(saved / (costs.alone(one) + costs.alone(other)))


def test_those_evaluated_alone_cost_as_all_do():
    genotypes = [(number,) for number in range(7)]
    # by cost every third: of 1, 2, 3, 4, 5, 6, 100 with mean 17.3 either 1 and 4, or 2 and 5, or 3 and 6
    assert evenly_spaced(genotypes, [100, 6, 5, 4, 3, 2, 1], 2) == ((4,), (1,))
    # of 1 to 7 with mean 4 those are 2.5, 3.5 and 4.5: the first of the two that are as close
    assert evenly_spaced(genotypes, [1, 2, 3, 4, 5, 6, 7], 2) == ((1,), (4,))
    assert evenly_spaced(genotypes, [1, 2, 3, 4, 5, 6, 7], 8) == tuple(genotypes)


@pytest.fixture
def journal(tmp_path):
    """Writes a journal of a search of S1 with places for two, in which so many were born in each generation."""

    def write(*born_in_generations):
        from scarlet_tf.search import SearchConfig, journal_header

        space, rng = get_space("s1"), np.random.default_rng(0)
        header = journal_header(space, SearchConfig(population=2), {"images": "5 of made_up validation"})
        lines = [{"journal": 2, **header}]
        for generation, born_then in enumerate(born_in_generations):
            for number in range(born_then):
                lines.append(
                    {
                        "genotype": space.sample(rng),
                        "generation": generation,
                        "operator": "sample",
                        "parents": [],
                        "measures": {"acc": 0.5, "madds": 1e8, "params": 1e6},
                        "violated": [],
                        "seconds": generation + number / 4,
                    }
                )
            lines.append({"after_generation": generation, "rejected": {}, "survivors": [], "hypervolume": 0.1})
        path = tmp_path / "journal.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"genotype": [1')
        return path

    return write


def test_the_late_generation_is_the_last_that_evaluated_a_whole_population(journal):
    past = PastSearch.read(journal(2, 2, 3, 1))
    generations = born(past)
    genotypes = [one.genotype for one in past.individuals]
    assert generations == {0: tuple(genotypes[:2]), 2: tuple(genotypes[4:7])}


def test_a_search_without_a_late_generation_is_refused(journal):
    with pytest.raises(InputError, match=r"that evaluated 2 networks anew. Received: \{0: 2, 1: 1\}"):
        born(PastSearch.read(journal(2, 1)))


def test_the_time_of_a_search_is_that_of_its_individuals(journal):
    time = SearchTime.read(journal(2, 2, 1))
    assert time.generations_s == (0.25, 2.25, 2.0)
    assert time.candidate_s == 4.5 / 5
    assert "3 generations: 2.00 s each (median; longest 2.25), 0.9000 s a candidate (mean)" in str(time)


def test_the_time_of_8400_models_is_told_from_20_generations_on(journal):
    assert "too few" in str(SearchTime.read(journal(*[1] * 19)))
    assert "8,400 models at that mean: 22.17 h" in str(SearchTime.read(journal(*[1] * 20)))  # 9.5 s each


def test_candidates_a_second_are_of_the_timed_turns():
    timing = Timing(6, 100.0, (2.0, 3.0), (3.0, 5.0))
    np.testing.assert_array_equal(timing.per_second, [3.0, 2.0])
    assert timing.cores == 8 / 5


def test_batches_hold_the_same_images_whatever_their_size():
    setting = Setting("s1", 32, 10, images=5, batch_size=2, torch_batch_size=5, threads=1)
    pieces, (whole,) = list(setting.batches(2)), setting.batches(5)
    assert [len(labels) for _, labels in pieces] == [2, 2, 1]
    for part, expected in zip(zip(*pieces, strict=True), whole, strict=True):
        np.testing.assert_array_equal(np.concatenate(part), expected)
    assert whole[0].shape == (5, 32, 32, 3)
    assert (whole[0].dtype, whole[1].dtype) == (np.float32, np.int32)


def test_a_candidate_with_another_accuracy_among_others_is_an_error():
    _check_same({(0,): 0.5, (1,): 0.25}, {(1,): 0.25})
    with pytest.raises(RunError, match=r"\(1,\) has accuracy 0.25 among others, 0.5 alone"):
        _check_same({(0,): 0.5, (1,): 0.25}, {(1,): 0.5})


def test_pytorch_counts_what_is_right_of_each_candidate(monkeypatch):
    torch = pytest.importorskip("torch")

    class Pixel(torch.nn.Module):
        """The logits are the channels of the pixel that the path names."""

        def __init__(self, space, num_classes):
            super().__init__()

        def forward(self, images, path):
            assert torch.is_inference_mode_enabled()
            assert not self.training
            return images[:, :, path[0], path[1]]

    monkeypatch.setattr("benchmarks.torch_supernet.TorchSupernet", Pixel)
    setting = Setting("s1", 8, 3, images=40, batch_size=40, torch_batch_size=16, threads=torch.get_num_threads())
    paths = [(2, 5), (5, 2), (0, 0)]
    found = CONTESTANTS[PYTORCH](setting)(paths)
    ((images, labels),) = setting.batches(40)
    assert found == [float(np.mean(images[:, row, column].argmax(1) == labels)) for row, column in paths]
    assert len(set(found)) > 1


def test_each_takes_its_turns_in_a_process_of_its_own():
    pytest.importorskip("torch")
    setting = Setting("s1", 32, 10, images=4, batch_size=2, torch_batch_size=4, threads=1)
    generation = Generation(((0,) * 19, (0,) * 18 + (1,), (1,) * 19), ((1,) * 19,))
    timings, memory = measure(setting, {3: generation}, turns=2)
    assert {name: timing.count for name, timing in timings[3].items()} == {
        name: 3 if name == OURS else 1 for name in CONTESTANTS
    }
    for timing in timings[3].values():
        assert len(timing.turns_s) == len(timing.turns_cpu_s) == 2
        assert min(timing.turns_s) > 0
    assert list(memory) == list(CONTESTANTS)
