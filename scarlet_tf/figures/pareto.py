"""What a search found: accuracy against cost, its Pareto front, and the networks picked from it."""

from collections.abc import Mapping, Sequence
from itertools import cycle, product
from pathlib import Path
from typing import Protocol

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from scarlet_tf.figures.canvas import new_figure, write_figure

PICK_MARKERS = {"*": 170, "^": 80, "D": 62, "P": 85, "v": 80, "X": 85, "p": 85, "h": 85}
"""Shape and area (square points) of a pick's mark."""

MARK_RADIUS = 6  # points
LABEL_DISTANCES = (8, 14, 22, 34, 50)  # points
LABEL_DIRECTIONS = ((1, 0), (1, -1), (0, -1), (-1, 1), (0, 1), (-1, 0), (1, 1), (-1, -1))
ALIGNMENT = {-1: ("right", "top"), 0: ("center", "center"), 1: ("left", "bottom")}
DARK = "#222222"


class Scored(Protocol):
    """An evaluated candidate: `accuracy` from 0 to 1, `madds` and `params` as whole counts."""

    @property
    def accuracy(self) -> float: ...

    @property
    def madds(self) -> int: ...

    @property
    def params(self) -> int: ...


def _xy(records: Sequence[Scored]) -> tuple[list[float], list[float], list[float]]:
    """MAdds (M), accuracy (%) and params (M) of `records`."""
    return (
        [record.madds / 1e6 for record in records],
        [record.accuracy * 100 for record in records],
        [record.params / 1e6 for record in records],
    )


def upper_edge(front: Sequence[Scored]) -> list[Scored]:
    """Members of the front that no cheaper one equals in accuracy, by rising MAdds.

    The others are on it for their params: a line through them would zigzag.
    """
    edge, best = [], float("-inf")
    for record in sorted(front, key=lambda record: (record.madds, -record.accuracy)):
        if record.accuracy > best:
            edge.append(record)
            best = record.accuracy
    return edge


def _move(label: Annotation, distance: float, direction: tuple[int, int]) -> None:
    right, up = direction
    label.set_position((right * distance, up * distance))
    label.set(ha=ALIGNMENT[right][0], va=ALIGNMENT[up][1])


def _extent(label: Annotation) -> Bbox:
    """Where the text of `label` is, without its line, in pixels."""
    renderer = label.figure.canvas.get_renderer()
    label.update_positions(renderer)
    return Text.get_window_extent(label, renderer).padded(4)


def _place_labels(axes: Axes, labels: Sequence[Annotation], front: Sequence[Scored]) -> None:
    """Moves each label beside its mark: inside the axes, off other labels and marks, off the front."""
    frame = axes.get_window_extent()
    points = axes.transData.transform([label.xy for label in labels] + list(zip(*_xy(front)[:2], strict=True)))
    radius = MARK_RADIUS * axes.figure.dpi / 72
    taken = [Bbox.from_extents(x - radius, y - radius, x + radius, y + radius) for x, y in points[: len(labels)]]
    for label in labels:

        def crowding(place: tuple, label: Annotation = label) -> tuple[int, float]:
            _move(label, *place)
            box = _extent(label)
            outside = not (frame.contains(*box.min) and frame.contains(*box.max))
            covered = sum(box.padded(radius / 2).contains(x, y) for x, y in points)
            return outside + sum(box.overlaps(other) for other in taken), covered + place[0] / 20

        _move(label, *min(product(LABEL_DISTANCES, LABEL_DIRECTIONS), key=crowding))
        taken.append(_extent(label))


def pareto_figure(evaluated: Sequence[Scored], front: Sequence[Scored], picks: Mapping[str, Scored]) -> Figure:
    """A figure of accuracy (%) against MAdds (M): `evaluated` light, `front` dark, `picks` marked and named.

    Colour is the number of parameters. The line joins the members of the front that are best in accuracy for
    their MAdds. Raises ValueError where nothing was evaluated.
    """
    if not evaluated:
        raise ValueError("evaluated must hold at least one candidate. Received: none.")
    figure = new_figure(6.4, 4.8)
    figure.set_layout_engine("constrained")
    axes = figure.add_subplot()
    params = [record.params / 1e6 for record in (*evaluated, *front, *picks.values())]
    margin = 0.0 if max(params) > min(params) else 0.05 * max(params)
    colours = ScalarMappable(Normalize(min(params) - margin, max(params) + margin), "cividis")

    def scatter(records: Sequence[Scored], label: str, **style) -> None:
        x, y, c = _xy(records)
        axes.scatter(x, y, c=colours.to_rgba(c), label=label, **style)

    scatter(evaluated, f"evaluated ({len(evaluated)})", s=10, alpha=0.35, linewidths=0, rasterized=True)
    if front:
        scatter(front, f"Pareto front ({len(front)})", s=26, edgecolors=DARK, linewidths=0.7, zorder=4)
        x, y, _ = _xy(upper_edge(front))
        axes.plot(x, y, color=DARK, linewidth=1.1, zorder=3, label="best accuracy for its MAdds")
    labels = []
    line = {"arrowstyle": "-", "color": DARK, "linewidth": 0.7, "shrinkA": 1, "shrinkB": MARK_RADIUS}
    halo = [withStroke(linewidth=2.5, foreground="white")]
    for (name, record), (marker, size) in zip(picks.items(), cycle(PICK_MARKERS.items())):
        scatter([record], name, s=size, marker=marker, edgecolors="black", linewidths=1.1, zorder=5)
        xy = (record.madds / 1e6, record.accuracy * 100)
        look = {"fontsize": 8.5, "fontweight": "bold", "zorder": 6, "path_effects": halo}
        labels.append(axes.annotate(name, xy, (0, 0), textcoords="offset points", arrowprops=line, **look))

    axes.set_xlabel("multiply-adds (M)")
    axes.set_ylabel("one-shot accuracy (%)")
    axes.set_title("Evaluated candidates and the Pareto front", fontsize=11)
    axes.margins(0.07)
    axes.grid(color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)
    figure.colorbar(colours, ax=axes, label="parameters (M)")
    figure.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    figure.draw_without_rendering()  # lays out the axes, on which the labels' places depend
    figure.set_layout_engine("none")
    _place_labels(axes, labels, front)
    return figure


def plot_pareto(
    path: str | Path, evaluated: Sequence[Scored], front: Sequence[Scored], picks: Mapping[str, Scored]
) -> None:
    """Writes the picture of a search (see `pareto_figure`) in place of `path`."""
    write_figure(path, pareto_figure(evaluated, front, picks))
