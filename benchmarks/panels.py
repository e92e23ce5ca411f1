"""How the panels of a benchmark's figure look, and curves of several runs in them."""

import numpy as np
from matplotlib.axes import Axes

FAINT = "#767676"


def finish(axes: Axes, title: str, legend: str = "best") -> None:
    """A title, a legend inside, a light grid, and no frame above and to the right."""
    axes.set_title(title, fontsize=10)
    axes.legend(fontsize=8, frameon=False, loc=legend)
    axes.grid(color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def draw_spread(
    axes: Axes, places: np.ndarray, runs: np.ndarray, band: tuple[float, float], colour: str, label: str
) -> None:
    """The median of `runs` (runs, len(places)) as a line, and the quantiles of `band` as an area."""
    low, median, high = np.quantile(runs, (band[0], 0.5, band[1]), axis=0)
    axes.fill_between(places, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.plot(places, median, color=colour, label=label)
