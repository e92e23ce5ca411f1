"""The picture of what things take."""

from dataclasses import dataclass

import numpy as np
import pytest
from matplotlib.image import imread

from scarlet_tf.figures.timing import plot_timings, timing_figure


@dataclass
class One:
    name: str
    threads: int
    median: float
    quartiles: tuple[float, float]


def timings(number, longest):
    rng = np.random.default_rng(0)
    found = []
    for index in range(number):
        median = longest * rng.uniform(0.1, 0.9)
        found.append(One(f"model_{index}.tflite", 1 + index % 2, median, (0.9 * median, 1.1 * median)))
    return found


def test_bars_are_as_long_as_the_medians_from_the_top_down():
    shown = timings(5, 20)
    (axes,) = timing_figure(shown).axes
    bars = {round(bar.get_y() + bar.get_height() / 2): bar.get_width() for bar in axes.patches}
    assert bars == {place: one.median for place, one in enumerate(shown)}
    assert [tuple(line.get_xdata()) for line in axes.lines] == [one.quartiles for one in shown]
    bottom, top = axes.get_ylim()
    assert bottom > 4 > 0 > top
    assert axes.get_xlim()[1] > max(one.quartiles[1] for one in shown)


@pytest.mark.parametrize(("number", "longest"), [(1, 0.02), (4, 20), (20, 5000)])
def test_no_text_is_cut_or_overlaps_another(number, longest, check_legible):
    check_legible(timing_figure(timings(number, longest), "Intel(R) Xeon(R) Processor, batches of 1"))


def test_long_names_keep_their_end(check_legible):
    figure = timing_figure([One("a/very" * 20 + "/model.tflite", 1, 1.0, (0.9, 1.2))], "title")
    check_legible(figure)
    assert figure.axes[0].get_yticklabels()[0].get_text().endswith("/model.tflite")


def test_file_is_a_picture(tmp_path):
    plot_timings(tmp_path / "times.png", timings(4, 1))
    assert imread(tmp_path / "times.png")[..., :3].std() > 0.05
    assert [path.name for path in tmp_path.iterdir()] == ["times.png"]


def test_no_timing_is_refused():
    with pytest.raises(ValueError, match="at least one timing"):
        timing_figure([])
