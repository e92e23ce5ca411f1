"""How exact the removal of stabilizers stays in float32 as they become ill-conditioned.

A space's stages of three slots or more are lengthened to eight. One, two or three slots of each hold a stabilizer of a
given condition number, two blocks before it and one after, so that removing it means a change of basis. The network
extracted in float32 is compared with the supernet's path in float64, of the same weights: the largest difference of the
logits over the largest logit. About two minutes on two cores.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
from absl import flags
from matplotlib.figure import Figure
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from scarlet_tf import command
from scarlet_tf.arch.space import SearchSpace
from scarlet_tf.arch.spaces import SPACES
from scarlet_tf.arch.spec import SKIP, Slot
from scarlet_tf.export.fold import BASES, MAX_CONDITION
from scarlet_tf.figures.canvas import new_figure, write_figure
from scarlet_tf.files import check_output_dir

STAGE_LENGTH, STABILIZER_SLOTS = 8, (2, 4, 6)
NUM_CLASSES, NUM_IMAGES = 10, 64
TOLERANCE = 1e-4
"""The relative error in float32 that an extraction may have."""

LOOKS = {"backward": ("#D55E00", "v"), "forward": ("#E69F00", "^"), "balanced": ("#0072B2", "o")}
LINES = {1: "-", 2: "--", 3: ":"}

_BLOCKS = [name for name, space in SPACES.items() if not space.is_plain]  # which alone need a change of basis
_SPACE = flags.DEFINE_enum("space", "s2", _BLOCKS, "Space whose stages are lengthened.")
_IMAGE_SIZE = flags.DEFINE_integer("image_size", 32, "Side of the images, in pixels.", lower_bound=32)
_CONDITIONS = flags.DEFINE_integer("conditions", 9, "Condition numbers from 1 to 1e8.", lower_bound=2)
_FIGURE = flags.DEFINE_string("figure", None, "PNG file to draw the measurements in.")


@dataclass(frozen=True)
class Measurement:
    """`stabilizers` a stage, each of `condition_number`. The error of the path itself in float32; that of the network
    extracted by `basis`, and the largest condition number among its bases."""

    stabilizers: int
    condition_number: float
    basis: str
    basis_condition_number: float
    path_error: float
    error: float


def lengthened(space: SearchSpace) -> SearchSpace:
    """Every stage of three slots or more with STAGE_LENGTH slots, to hold one kind of block, or skip."""
    stages = [
        list(group)
        for _, group in groupby(zip(space.slots, np.cumsum(space.stage_starts), strict=True), lambda pair: pair[1])
    ]
    slots: list[Slot] = []
    for stage in stages:
        first = stage[0][0]
        slots += [first, *[replace(first, stride=1)] * (STAGE_LENGTH - 1 if len(stage) > 2 else 0)]
    return replace(space, name=f"long_{space.name}", slots=tuple(slots), choices=(space.choices[0], SKIP))


def path_with(space: SearchSpace, stabilizers: int) -> tuple[int, ...]:
    """Blocks, except for so many of the STABILIZER_SLOTS of every long stage."""
    genotype, starts = [0] * space.num_slots, space.stage_starts
    for slot, begins in enumerate(starts):
        if begins and not any(starts[slot + 1 : slot + STAGE_LENGTH]) and slot + STAGE_LENGTH <= space.num_slots:
            for offset in STABILIZER_SLOTS[:stabilizers]:
                genotype[slot + offset] = 1
    return tuple(genotype)


def conditioned(rng: np.random.Generator, size: int, condition_number: float) -> np.ndarray:
    """A random matrix whose singular values fall geometrically around 1."""
    left, right = (np.linalg.qr(rng.normal(size=(size, size)))[0] for _ in range(2))
    return left * np.geomspace(condition_number**0.5, condition_number**-0.5, size) @ right


def measure(space: SearchSpace, image_size: int, conditions: Sequence[float]) -> list[Measurement]:
    """Measures every number of stabilizers, condition number and basis on one random supernet."""
    import keras
    import tensorflow as tf

    from scarlet_tf.export.extract import extract_path
    from scarlet_tf.nets.supernet import Supernet

    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    exact = Supernet(space, image_size, NUM_CLASSES)
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    supernet = Supernet(space, image_size, NUM_CLASSES)
    rng = np.random.default_rng(0)
    images = tf.constant(rng.normal(size=(NUM_IMAGES, image_size, image_size, 3)), tf.float32)
    for weight in supernet.trainable_variables:
        if weight.name.endswith("gamma"):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif len(weight.shape) == 1:
            weight.assign(rng.normal(0, 0.3, weight.shape))
    exact.set_weights(supernet.get_weights())

    def weights_of(net: Supernet, genotype: Sequence[int]) -> list[keras.Variable]:
        path = [slot.candidates[choice] for slot, choice in zip(net.slots, genotype, strict=True)]
        return [weight for layer in (net.stem, *path, *net.head) for weight in layer.weights]

    measurements = []
    for stabilizers in range(1, len(STABILIZER_SLOTS) + 1):
        genotype = path_with(space, stabilizers)
        for condition in conditions:
            for slot, choice in zip(supernet.slots, genotype, strict=True):
                if choice == 1:
                    stabilizer = slot.candidates[1]
                    matrix = conditioned(rng, stabilizer.filters, condition)
                    stabilizer.kernel.assign(matrix[np.newaxis, np.newaxis])
            # From zero, one training pass leaves a tenth of the batch's statistics.
            statistics = [weight for weight in weights_of(supernet, genotype) if not weight.trainable]
            for weight in statistics:
                weight.assign(tf.zeros_like(weight.value))
            supernet(images, path=genotype, training=True)
            for weight in statistics:
                weight.assign(weight.value * 10.0)
            for weight, source in zip(weights_of(exact, genotype), weights_of(supernet, genotype), strict=True):
                weight.assign(tf.cast(source.value, tf.float64))
            expected = np.asarray(exact(tf.cast(images, tf.float64), path=genotype))

            def error(logits: tf.Tensor, expected: np.ndarray = expected) -> float:
                return float(np.abs(np.asarray(logits) - expected).max() / np.abs(expected).max())

            path_error = error(supernet(images, path=genotype))
            for basis in BASES:
                extraction = extract_path(supernet, genotype, basis=basis, max_condition=float("inf"))
                worst = max(removal.basis_condition_number for removal in extraction.removals)
                measurements.append(
                    Measurement(stabilizers, condition, basis, worst, path_error, error(extraction.model(images)))
                )
    return measurements


def print_measurements(measurements: Sequence[Measurement]) -> None:
    """A table with a row for every path, and what the limit on the condition number amounts to."""
    table = Table("a stage", "condition", "path itself", *BASES, "balanced basis", box=SIMPLE)
    for (stabilizers, condition), group in groupby(measurements, lambda m: (m.stabilizers, m.condition_number)):
        by_basis = {m.basis: m for m in group}
        errors = [f"{m.error:.1e}" + "*" * (m.basis_condition_number > MAX_CONDITION) for m in by_basis.values()]
        balanced = by_basis["balanced"]
        table.add_row(
            str(stabilizers),
            f"{condition:.0e}",
            f"{balanced.path_error:.1e}",
            *errors,
            f"{balanced.basis_condition_number:.1e}",
        )
    Console().print(table)
    print(f"* refused by the export: the condition number of the basis is above {MAX_CONDITION:g}")
    for basis in BASES:
        ours = [m for m in measurements if m.basis == basis]
        removed = [m for m in ours if m.basis_condition_number <= MAX_CONDITION]
        reach = ", ".join(
            f"{max((m.condition_number for m in removed if m.stabilizers == n), default=0):.0e} with {n} a stage"
            for n in LINES
        )
        off = min((m.basis_condition_number for m in ours if not m.error < TOLERANCE), default=float("inf"))
        print(
            f"{basis}: removes condition numbers up to {reach}, with errors up to {max(m.error for m in removed):.1e};"
        )
        print(f"  the first error above {TOLERANCE:g} comes with a basis of {off:.1e}")


def conditioning_figure(measurements: Sequence[Measurement]) -> Figure:
    """The error against the condition number of the stabilizers, and against that of the bases."""
    figure = new_figure(9.6, 4.4)
    figure.set_layout_engine("constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for basis in BASES:
        colour, marker = LOOKS[basis]
        for stabilizers, line in LINES.items():
            ours = [m for m in measurements if (m.basis, m.stabilizers) == (basis, stabilizers)]
            left.plot(
                [m.condition_number for m in ours],
                [m.error for m in ours],
                color=colour,
                marker=marker,
                markersize=4,
                linestyle=line,
                linewidth=1.2,
                label=f"{basis}, {stabilizers} a stage",
            )
        ours = [m for m in measurements if m.basis == basis]
        right.scatter(
            [m.basis_condition_number for m in ours],
            [m.error for m in ours],
            color=colour,
            marker=marker,
            s=20,
            label=basis,
        )
    right.axvline(MAX_CONDITION, color="#222222", linestyle="--", linewidth=1, label="limit of the export")
    for axes in (left, right):
        axes.set(xscale="log", yscale="log")
        axes.axhline(TOLERANCE, color="#222222", linestyle=":", linewidth=1)
        axes.grid(alpha=0.3, linewidth=0.5)
        axes.set_axisbelow(True)
    left.annotate("tolerance", (1, TOLERANCE), (0, 3), textcoords="offset points", fontsize=8)
    left.set(xlabel="condition number of each stabilizer", ylabel="relative error of the logits in float32")
    right.set(xlabel="largest condition number of a basis")
    left.legend(fontsize=7, loc="upper left", bbox_to_anchor=(0, 0.94))
    right.legend(fontsize=8, loc="upper left")
    return figure


def main() -> None:
    if _FIGURE.value:
        check_output_dir(Path(_FIGURE.value).parent, "figure")
    command.start_tensorflow()
    conditions = np.geomspace(1.0, 1e8, _CONDITIONS.value).tolist()
    measurements = measure(lengthened(SPACES[_SPACE.value]), _IMAGE_SIZE.value, conditions)
    print_measurements(measurements)
    if _FIGURE.value:
        write_figure(_FIGURE.value, conditioning_figure(measurements))
        print(f"drawn in {_FIGURE.value}")


if __name__ == "__main__":
    command.run(main, globals())
