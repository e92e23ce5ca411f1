"""An off-screen figure, and writing it to a file; leaves matplotlib's global state alone."""

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from scarlet_tf.files import replacing

DPI = 200


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of `width` x `height` inches, drawn by Agg and known to no window or `pyplot`."""
    figure = Figure(figsize=(width, height), dpi=DPI)
    FigureCanvasAgg(figure)
    return figure


def write_figure(path: str | Path, figure: Figure) -> None:
    """Writes `figure` in place of `path`, in the format that its suffix names (PNG where it has none)."""
    suffix = Path(path).suffix.removeprefix(".") or "png"
    with replacing(path) as temporary:
        figure.savefig(temporary, format=suffix)
