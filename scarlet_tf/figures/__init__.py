"""Figures fit for a paper: what a search found and how it went, what a network looks like, how a supernet trained.
Never imports TensorFlow."""

from scarlet_tf.figures.diagram import architecture_figure, draw_architecture
from scarlet_tf.figures.pareto import Scored, pareto_figure, plot_pareto
from scarlet_tf.figures.probes import plot_probes, probes_figure
from scarlet_tf.figures.search_history import plot_search_history, search_history_figure

__all__ = [
    "Scored",
    "architecture_figure",
    "draw_architecture",
    "pareto_figure",
    "plot_pareto",
    "plot_probes",
    "plot_search_history",
    "probes_figure",
    "search_history_figure",
]
