"""Figures fit for a paper: what a search found, and what a network looks like. Never imports TensorFlow."""

from scarlet_tf.figures.diagram import architecture_figure, draw_architecture
from scarlet_tf.figures.pareto import Scored, pareto_figure, plot_pareto

__all__ = ["Scored", "architecture_figure", "draw_architecture", "pareto_figure", "plot_pareto"]
