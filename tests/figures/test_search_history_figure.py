"""The picture of a search's generations: what is drawn where, and text that can be read."""

from dataclasses import dataclass

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.image import imread

from scarlet_tf.arch import SKIP, Choice, Head, SearchSpace, Slot, Stem, get_space
from scarlet_tf.figures import plot_search_history, search_history_figure
from scarlet_tf.figures.search_history import choice_shares, skip_ratios


@dataclass(frozen=True)
class Candidate:
    genotype: tuple[int, ...]
    accuracy: float
    madds: int
    params: int


@dataclass(frozen=True)
class Generation:
    generation: int
    survivors: tuple[int, ...]
    hypervolume: float


@dataclass(frozen=True)
class Searched:
    evaluated: tuple[Candidate, ...]
    history: tuple[Generation, ...]


def searched(space: SearchSpace, generations: int, population: int) -> Searched:
    rng = np.random.default_rng(5)
    evaluated = tuple(
        Candidate(
            space.sample(rng), float(rng.uniform(0.3, 0.8)), int(rng.integers(50e6, 500e6)), int(rng.integers(2e6, 7e6))
        )
        for _ in range(generations * population)
    )
    history = tuple(
        Generation(number, tuple(range(number, number + population)), 0.3 + 0.2 * (1 - 0.9**number))
        for number in range(generations)
    )
    return Searched(evaluated, history)


BY_HAND = Searched(
    (
        Candidate((2, 2, 0), 0.50, 100_000_000, 1_000_000),
        Candidate((0, 1, 0), 0.60, 200_000_000, 1_000_000),
        Candidate((2, 1, 2), 0.55, 250_000_000, 9_000_000),
        Candidate((2, 2, 2), 0.70, 300_000_000, 1_000_000),
    ),
    (Generation(0, (0, 1), 0.25), Generation(1, (1, 2, 3), 0.5)),
)


def test_skip_ratios_and_choice_shares_are_those_counted_by_hand():
    np.testing.assert_allclose(skip_ratios(BY_HAND.evaluated, 2), [2 / 3, 0, 2 / 3, 1])
    np.testing.assert_allclose(choice_shares(BY_HAND.evaluated, 3), [[0.25, 0, 0.5], [0, 0.5, 0], [0.75, 0.5, 0.5]])


def test_each_panel_draws_its_numbers(mini_space):
    fronts, skips, hypervolume, choices = search_history_figure(mini_space, BY_HAND).axes[:4]
    # the third network is beaten in accuracy by a cheaper one, so the line of its generation passes it by
    assert [line.get_xydata().tolist() for line in fronts.lines] == [[[100, 0.5], [200, 0.6]], [[200, 0.6], [300, 0.7]]]
    np.testing.assert_allclose(skips.lines[0].get_xydata(), [(0, 1 / 3), (1, 5 / 9)])
    corners = [band.get_paths()[0].vertices for band in skips.collections]
    assert [(at[at[:, 0] == 1, 1].min(), at[at[:, 0] == 1, 1].max()) for at in corners] == [
        pytest.approx((0, 1)),
        pytest.approx((1 / 3, 5 / 6)),  # between 0, 2/3 and 1, linearly
    ]
    assert hypervolume.lines[0].get_xydata().tolist() == [[0, 0.25], [1, 0.5]]
    np.testing.assert_allclose(choices.images[0].get_array(), choice_shares(BY_HAND.evaluated[1:], 3))
    assert [text.get_text() for text in choices.get_yticklabels()] == ["E2 K3", "E3 K3 SE", "skip"]


def test_fronts_of_a_long_search_are_few_and_the_first_and_last_are_among_them():
    result = searched(get_space("s2"), 120, 5)
    figure = search_history_figure(get_space("s2"), result)
    assert len(figure.axes[0].lines) == 8
    ends = [to_hex(figure.axes[0].lines[place].get_color()) for place in (0, -1)]
    assert ends == ["#fde725", "#440154"]  # the ends of viridis


def test_space_without_a_skip_says_so():
    space = SearchSpace("plain", Stem(8), (Slot(12, stride=2), Slot(12)), (Choice(3, 3), Choice(6, 5)), Head(16))
    assert SKIP not in space.choices
    skips = search_history_figure(space, searched(space, 3, 4)).axes[1]
    assert [text.get_text() for text in skips.texts] == ["no choice of this space is a skip"]
    assert not skips.lines


@pytest.mark.parametrize(
    ("space", "generations", "population"),
    [("s2", 120, 70), ("s1", 1, 2), ("small", 2, 70), ("nas_bench_macro", 40, 10)],
)
def test_no_text_is_cut_or_overlaps_another(space, generations, population, check_legible):
    space = get_space(space)
    check_legible(search_history_figure(space, searched(space, generations, population)))


def test_file_is_a_picture_and_nothing_else_is_left(tmp_path, mini_space):
    plot_search_history(tmp_path / "search_history.png", mini_space, BY_HAND)
    assert imread(tmp_path / "search_history.png")[..., :3].std() > 0.05
    assert [path.name for path in tmp_path.iterdir()] == ["search_history.png"]


def test_generations_before_anybody_met_the_constraints_are_left_out(mini_space):
    early = Generation(0, (), 0.0)
    late = tuple(Generation(record.generation + 1, record.survivors, record.hypervolume) for record in BY_HAND.history)
    _, skips, hypervolume, _ = search_history_figure(mini_space, Searched(BY_HAND.evaluated, (early, *late))).axes[:4]
    assert skips.lines[0].get_xdata().tolist() == [1, 2]
    assert hypervolume.lines[0].get_xdata().tolist() == [1, 2]


def test_no_generation_is_refused(mini_space):
    with pytest.raises(ValueError, match="a generation with survivors"):
        search_history_figure(mini_space, Searched((), ()))
