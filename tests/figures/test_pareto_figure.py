"""The picture of a search: what is drawn where, text that can be read, and the file."""

import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from scarlet_tf.figures import pareto_figure, plot_pareto
from scarlet_tf.figures.pareto import upper_edge


@dataclass(frozen=True)
class Candidate:
    accuracy: float
    madds: int
    params: int


def candidates(number: int) -> list[Candidate]:
    rng = np.random.default_rng(7)
    madds, noise = rng.uniform(50e6, 500e6, number), rng.normal(0, 0.02, number)
    accuracy = 0.5 + 0.25 * (1 - np.exp(-madds / 150e6)) + noise
    params = 2e6 + madds / 60 * rng.uniform(0.7, 1.3, number)
    return [Candidate(float(a), int(m), int(p)) for a, m, p in zip(accuracy, madds, params, strict=True)]


def front_of(evaluated: list[Candidate]) -> list[Candidate]:
    def dominates(one: Candidate, other: Candidate) -> bool:
        better = (one.accuracy >= other.accuracy, one.madds <= other.madds, one.params >= other.params)
        return one != other and all(better)

    return [one for one in evaluated if not any(dominates(other, one) for other in evaluated)]


EVALUATED = candidates(200)
FRONT = front_of(EVALUATED)
BY_MADDS = sorted(FRONT, key=lambda one: one.madds)
PICKS = {"pick_1": BY_MADDS[0], "pick_2": BY_MADDS[len(BY_MADDS) // 2], "pick_3": BY_MADDS[-1]}


@pytest.fixture(scope="module")
def figure() -> Figure:
    return pareto_figure(EVALUATED, FRONT, PICKS)


def drawn_at(figure: Figure, label: str) -> np.ndarray:
    (marks,) = [item for item in figure.axes[0].collections if item.get_label() == label]
    return np.asarray(marks.get_offsets())


def in_units(records: list[Candidate]) -> list[tuple[float, float]]:
    return [(record.madds / 1e6, record.accuracy * 100) for record in records]


def test_candidates_front_and_picks_stand_at_madds_in_millions_and_accuracy_in_percent(figure):
    np.testing.assert_allclose(drawn_at(figure, "evaluated (200)"), in_units(EVALUATED))
    np.testing.assert_allclose(drawn_at(figure, f"Pareto front ({len(FRONT)})"), in_units(FRONT))
    for name, record in PICKS.items():
        np.testing.assert_allclose(drawn_at(figure, name), in_units([record]))


def test_axes_and_colour_bar_have_units_and_a_title(figure):
    axes, bar = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("multiply-adds (M)", "one-shot accuracy (%)")
    assert bar.get_ylabel() == "parameters (M)"
    assert axes.get_title()


def test_colour_bar_spans_the_params(figure):
    params = [record.params / 1e6 for record in EVALUATED]
    np.testing.assert_allclose(figure.axes[1].get_ylim(), (min(params), max(params)))


def test_picks_differ_in_shape_and_are_named(figure):
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == list(PICKS)
    shapes = [item.get_paths()[0] for item in axes.collections if item.get_label() in PICKS]
    assert len({shape.vertices.tobytes() for shape in shapes}) == len(PICKS)


def test_line_joins_the_best_accuracies_by_rising_madds():
    worse_but_larger = Candidate(0.55, 150, 9)  # on the front for its params only
    front = [Candidate(0.7, 300, 5), Candidate(0.6, 100, 5), worse_but_larger, Candidate(0.65, 200, 5)]
    assert [record.madds for record in upper_edge(front)] == [100, 200, 300]
    assert [record.accuracy for record in upper_edge([Candidate(0.5, 1, 1), Candidate(0.6, 1, 0)])] == [0.6]


def test_no_text_is_cut_or_overlaps_another(figure, check_legible):
    check_legible(figure)


def test_labels_of_neighbours_are_kept_apart(check_legible):
    one = BY_MADDS[len(BY_MADDS) // 2]
    close = {f"pick_{i}": Candidate(one.accuracy + i * 1e-4, one.madds, one.params) for i in range(4)}
    check_legible(pareto_figure(EVALUATED, FRONT, close))


def test_labels_at_the_borders_stay_inside(check_legible):
    corners = [Candidate(a, m, 5) for a in (0.4, 0.8) for m in (10**7, 5 * 10**8)]
    check_legible(pareto_figure(corners, corners, {f"a long name {i}": one for i, one in enumerate(corners)}))


@pytest.mark.parametrize(
    ("evaluated", "front", "picks"),
    [
        (EVALUATED[:1], EVALUATED[:1], {"only": EVALUATED[0]}),
        (EVALUATED[:9], [], {}),
        (EVALUATED[:1] * 3, [], {}),
    ],
)
def test_small_searches_are_drawn(evaluated, front, picks, check_legible):
    check_legible(pareto_figure(evaluated, front, picks))


def test_nothing_evaluated_is_refused_and_nothing_written(tmp_path):
    with pytest.raises(ValueError, match="evaluated must hold at least one candidate"):
        plot_pareto(tmp_path / "pareto.png", [], [], {})
    assert list(tmp_path.iterdir()) == []


def test_file_is_a_picture_of_the_expected_size(tmp_path):
    plot_pareto(tmp_path / "pareto.png", EVALUATED, FRONT, PICKS)
    pixels = imread(tmp_path / "pareto.png")
    assert pixels.shape[:2] == (960, 1280)
    assert pixels[..., :3].std() > 0.05  # something is drawn
    assert [item.name for item in tmp_path.iterdir()] == ["pareto.png"]


def test_format_follows_the_suffix(tmp_path):
    plot_pareto(tmp_path / "pareto.svg", EVALUATED[:5], [], {})
    assert "<svg" in (tmp_path / "pareto.svg").read_text()


def test_old_file_stays_whole_when_drawing_fails(tmp_path, monkeypatch):
    path = tmp_path / "pareto.png"
    path.write_bytes(b"old")

    def half_a_file(self, target, **kwargs):
        target.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Figure, "savefig", half_a_file)
    with pytest.raises(OSError, match="disk full"):
        plot_pareto(path, EVALUATED, FRONT, PICKS)
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["pareto.png"]


def test_drawing_leaves_pyplot_alone():
    check = "import sys, scarlet_tf.figures; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check]).returncode == 0
