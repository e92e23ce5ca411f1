"""What both kinds of figure are asked: is every text in the picture, and apart from every other."""

from collections.abc import Callable
from itertools import combinations

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text


def _undrawn_labels(figure: Figure) -> set[Text]:
    """The labels of ticks beyond the ends of their axis, which matplotlib keeps but does not draw."""
    undrawn = set()
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        for tick in axis.get_major_ticks():
            if not low <= tick.get_loc() <= high:
                undrawn |= {tick.label1, tick.label2}
    return undrawn


def _placed_texts(figure: Figure) -> list[tuple[str, object]]:
    """Every visible text with where it is drawn, in pixels."""
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    undrawn = _undrawn_labels(figure)
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
    texts = [text for text in texts if text not in undrawn]
    assert texts
    for text in texts:
        if isinstance(text, Annotation):
            text.update_positions(renderer)
    return [(text.get_text(), Text.get_window_extent(text, renderer)) for text in texts]


@pytest.fixture
def check_legible() -> Callable[[Figure], None]:
    """A check that no text of a figure is cut by its border or touches another."""

    def check(figure: Figure) -> None:
        placed = _placed_texts(figure)
        width, height = figure.bbox.width, figure.bbox.height
        for text, box in placed:
            assert box.x0 >= 0, text
            assert box.x1 <= width, text
            assert box.y0 >= 0, text
            assert box.y1 <= height, text
        for (text, box), (other, other_box) in combinations(placed, 2):
            assert not box.overlaps(other_box), (text, other)

    return check
