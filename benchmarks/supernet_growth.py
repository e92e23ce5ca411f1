"""How time and memory of the fair step grow with its choices, its images and their size, beside PyTorch's.

Each point is measured as `benchmarks.supernet_step` does it, in fresh processes; what does not grow stays at its first
value.
"""

import importlib.util
import json
from dataclasses import asdict
from pathlib import Path

from absl import flags
from matplotlib.figure import Figure

from benchmarks.step_contest import OURS, Setting, measure
from scarlet_tf import command
from scarlet_tf.errors import InputError
from scarlet_tf.figures.canvas import new_figure, write_figure
from scarlet_tf.files import check_output_dir
from scarlet_tf.progress import progress
from scarlet_tf.timing.machine import machine

PEER = "PyTorch"
QUANTITIES = (("path_ms", "step, per path (ms)", 1.0), ("peak_memory_mib", "peak memory (GiB)", 1 / 1024))
COLOURS = {OURS: "#0072B2", PEER: "#D55E00"}

_SPACES = flags.DEFINE_list("spaces", ["s1", "s2"], "Spaces, of 7 and 13 choices, at the first size and batch.")
_IMAGE_SIZES = flags.DEFINE_list("image_sizes", ["64", "128", "224"], "Sides of the images, at the first batch size.")
_BATCH_SIZES = flags.DEFINE_list("batch_sizes", ["8", "16", "32"], "Images a step, at the first size.")
_STEPS = flags.DEFINE_integer("steps", 3, "Timed steps a point.", lower_bound=1)
_THREADS = flags.DEFINE_integer("threads", 2, "Threads of each.", lower_bound=1)
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Directory for growth.json and growth.png.")


def settings() -> dict[str, list[tuple[int, Setting]]]:
    """The points by what grows, each with its place on the axis."""
    spaces = _SPACES.value
    try:
        sizes, batches = ([int(value) for value in flag.value] for flag in (_IMAGE_SIZES, _BATCH_SIZES))
    except ValueError as error:
        raise InputError(f"--image_sizes and --batch_sizes must be whole numbers. Received: {error}.") from error

    def at(space: str, size: int, batch: int) -> Setting:
        return Setting(space, "fair", size, batch, _THREADS.value)

    choices = [at(space, sizes[0], batches[0]) for space in spaces]
    return {
        "choices": [(setting.num_paths, setting) for setting in choices],
        "batch": [(batch, at(spaces[0], sizes[0], batch)) for batch in batches],
        "image size (px)": [(size, at(spaces[0], size, batches[0])) for size in sizes],
    }


def growth_figure(points: dict[str, list[tuple[int, dict]]], title: str) -> Figure:
    """A row for time and one for memory; a column for each thing that grows."""
    figure = new_figure(9.0, 5.0)
    figure.set_layout_engine("constrained")
    rows = figure.subplots(len(QUANTITIES), len(points), squeeze=False)
    for axes_of_row, (key, label, factor) in zip(rows, QUANTITIES, strict=True):
        for axes, (grows, line) in zip(axes_of_row, points.items(), strict=True):
            places = [place for place, _ in line]
            for name, colour in COLOURS.items():
                values = [factor * figures[name][key] for _, figures in line]
                axes.plot(places, values, color=colour, marker="o", markersize=4, label=name)
            axes.set(xlabel=grows, xticks=places)
            axes.set_ylim(bottom=0)
            axes.grid(alpha=0.25)
            axes.spines[["top", "right"]].set_visible(False)
        axes_of_row[0].set_ylabel(label)
    rows[0][0].legend(frameon=False)
    figure.suptitle(title, fontsize=10)
    return figure


def main() -> None:
    if importlib.util.find_spec("torch") is None:
        raise InputError("This benchmark needs PyTorch, which is not installed: pip install 'scarlet-tf[torch]'.")
    command.require(_OUTPUT_DIR)
    directory = check_output_dir(_OUTPUT_DIR.value, "output_dir")
    plan = settings()
    measured = {setting: None for line in plan.values() for _, setting in line}
    hardware = machine("tensorflow", "keras", "torch")
    lines = [", ".join(f"{key} {value}" for key, value in hardware.items())]
    with progress("measuring", len(measured)) as report:
        for done, setting in enumerate(measured, 1):
            figures = measured[setting] = measure(setting, _STEPS.value, PEER)
            values = [
                f"{label} {' / '.join(f'{factor * each[key]:.1f}' for each in figures.values())}"
                for key, label, factor in QUANTITIES
            ]
            lines.append(f"{setting.space}, {setting.image_size} px, batch {setting.batch_size}: {', '.join(values)}")
            report.update(done, lines[-1])
    print("\n".join(lines))
    points = {grows: [(place, measured[setting]) for place, setting in line] for grows, line in plan.items()}
    directory.mkdir(parents=True, exist_ok=True)
    record = [asdict(setting) | {"figures": figures} for setting, figures in measured.items()]
    Path(directory / "growth.json").write_text(json.dumps({"machine": hardware, "points": record}, indent=2) + "\n")
    start = next(iter(measured))
    title = f"fair step: {start.space}, {start.image_size} px, batch {start.batch_size}, and from there"
    write_figure(directory / "growth.png", growth_figure(points, title))
    print(f"written: {directory}/growth.json, growth.png")


if __name__ == "__main__":
    command.run(main, globals())
