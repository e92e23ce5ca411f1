"""What quantisation costs, layer by layer."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from scarlet_tf.figures.canvas import new_figure, write_figure

COLOURS = {"fp16": "#9a9a9a", "dynamic": "#0072B2", "int8": "#D55E00", "qat": "#009E73"}
OTHER_COLOUR = "#555555"


def sqnr_figure(sqnr_db: Mapping[str, Mapping[str, float]], title: str = "") -> Figure:
    """A bar chart of signal-to-quantisation-noise ratios in dB: by variant, and in it by layer in the network's order.

    Variants stand side by side; one may lack layers that another has. Raises ValueError where there is none, or where
    no variant has all layers.
    """
    layers = max(map(list, sqnr_db.values()), key=len, default=[])
    if not layers or not all(set(by_layer) <= set(layers) for by_layer in sqnr_db.values()):
        held = {variant: list(by_layer) for variant, by_layer in sqnr_db.items()}
        raise ValueError(f"There must be at least one variant, and one that has all layers. Received: {held}.")
    figure = new_figure(max(5.0, 1.5 + 0.36 * len(layers)), 3.6)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    width = 0.8 / len(sqnr_db)
    for place, (variant, by_layer) in enumerate(sqnr_db.items()):
        left = np.arange(len(layers)) + (place - (len(sqnr_db) - 1) / 2) * width
        colour = COLOURS.get(variant, OTHER_COLOUR)
        heights = [by_layer.get(layer, np.nan) for layer in layers]
        axes.bar(left, heights, width, color=colour, label=variant, edgecolor="white", linewidth=0.4)
    axes.set_xticks(range(len(layers)), [layer.removeprefix("slot_") for layer in layers], fontsize=8)
    axes.set(xlabel="layer; numbers are slots", ylabel="signal to quantisation noise (dB)")
    axes.set_xlim(-0.6, len(layers) - 0.4)
    axes.set_title(title, fontsize=10)
    axes.legend(fontsize=8, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=len(sqnr_db))
    axes.grid(axis="y", color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def plot_sqnr(path: str | Path, sqnr_db: Mapping[str, Mapping[str, float]], title: str = "") -> None:
    """Writes the bar chart of `sqnr_figure` in place of `path`."""
    write_figure(path, sqnr_figure(sqnr_db, title))
