"""True against one-shot accuracies of networks, in supernets with stabilizers and without."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure

from scarlet_tf.arch.space import Genotype, SearchSpace
from scarlet_tf.figures.canvas import new_figure
from scarlet_tf.figures.probes import label_axis

NAMES = {"els": "ELS", "skip": "plain skip"}


def ranking_figure(
    supernets: Sequence[Mapping], genotypes: Sequence[Genotype], truth: Sequence[float], space: SearchSpace
) -> Figure:
    """A scatter plot a supernet: true against one-shot accuracy, coloured by slots skipped; side by side for one seed,
    else a row a stabilizer.

    Each of `supernets` holds `stabilizer`, `seed`, `accuracies` in the order of `genotypes`, and `kendall_tau` with
    value, low and high.
    """
    stabilizers = list(dict.fromkeys(entry["stabilizer"] for entry in supernets))
    grid = [[one for one in supernets if one["stabilizer"] == name] for name in stabilizers]
    if all(len(entries) == 1 for entries in grid):
        grid = [[entries[0] for entries in grid]]
    columns = max(map(len, grid))
    skips = (np.array(genotypes) == space.skip_index).sum(axis=1)
    bounds = np.arange(skips.min(), skips.max() + 2) - 0.5
    colours = ScalarMappable(BoundaryNorm(bounds, 256), "viridis")
    figure = new_figure(1.2 + 3.0 * columns, 3.1 * len(grid))
    figure.set_layout_engine("constrained")
    panels = figure.subplots(len(grid), columns, squeeze=False, sharex=True, sharey=True)
    for row, entries in zip(panels, grid, strict=True):
        for axes, entry in zip(row, entries, strict=True):
            axes.scatter(entry["accuracies"], truth, s=9, c=colours.to_rgba(skips), alpha=0.8, linewidths=0)
            tau = entry["kendall_tau"]
            axes.set_title(
                f"{NAMES[entry['stabilizer']]}, seed {entry['seed']}: tau {tau['value']:.2f} "
                f"({tau['low']:.2f} to {tau['high']:.2f})",
                fontsize=9,
            )
            axes.grid(color="#dddddd", linewidth=0.5)
            axes.set_axisbelow(True)
            axes.spines[["top", "right"]].set_visible(False)
            label_axis(axes.xaxis, percent=True)
            label_axis(axes.yaxis, percent=True)
    for axes in panels[-1]:
        axes.set_xlabel("one-shot accuracy")
    for axes in panels[:, 0]:
        axes.set_ylabel("true accuracy")
    middles = np.arange(skips.min(), skips.max() + 1)
    figure.colorbar(colours, ax=panels, ticks=middles, label="slots skipped", shrink=0.7, aspect=30)
    return figure
