"""The smallest and the largest network of a space, each trained alone (paper Table 8): costs and test accuracies.

TensorFlow is imported when something is trained.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scarlet_tf.analysis.estimate import Estimate, bootstrapped, over_seeds, proportion
from scarlet_tf.arch.cost import count
from scarlet_tf.data import Dataset
from scarlet_tf.figures.extremes_study import MeasuredNetwork, extremes_figure
from scarlet_tf.studies.extreme_networks import PAPER_IMAGE_SIZE
from scarlet_tf.studies.finding import Finding
from scarlet_tf.studies.workdir import StudyWorkdir
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.workdir import Workdir

PAPER_CLASSES = 1000
QUESTION = (
    "A space with skips holds networks of any depth. The paper's Table 8 is of its two ends: the network that skips "
    "every slot, and the one with the largest block in all of them (E6K7 in its space S1). What do they cost, and how "
    "far apart are they on test images when each is trained alone?"
)


@dataclass(frozen=True)
class NetworkTraining:
    """The workdir of a network that is trained alone, below that of the study, and how it is trained."""

    path: Path
    config: TrainConfig

    @classmethod
    def below(cls, workdir: str | Path, config: TrainConfig) -> "NetworkTraining":
        """The training of `config`, named for its network and seed, in the study's `workdir`."""
        return cls(Path(workdir) / f"{config.model.name}_{config.seed}", config)

    def check(self, dataset: Dataset) -> None:
        """Raises InputError where it cannot be done on `dataset`, or gone on with; changes nothing."""
        Workdir(self.path).check(self.config, dataset)

    def right_answers(self, dataset: Dataset) -> str:
        """Trains the network to its end and says of each test image, by 1 or 0, whether it is classified rightly."""
        from scarlet_tf.evaluate import right_answers
        from scarlet_tf.export.runtimes import keras_predictor
        from scarlet_tf.train.training import train

        model = train(self.config, self.path, dataset)
        right = right_answers(keras_predictor(model).predict, dataset, "test", self.config.image_size)
        return "".join("1" if one else "0" for one in right)


def study_extremes(
    smallest: Sequence[NetworkTraining], largest: Sequence[NetworkTraining], workdir: StudyWorkdir, dataset: Dataset
) -> Finding:
    """Trains the `smallest` and the `largest` network with the same seeds, one a training, and compares them."""
    workdir.begin()
    trainings = [training for pair in zip(smallest, largest, strict=True) for training in pair]
    answered = []
    for number, training in enumerate(trainings, 1):
        print(f"network {number} of {len(trainings)}: {training.path.name}", flush=True)
        kept = workdir.kept(f"{training.path.name}_right_answers", lambda one=training: one.right_answers(dataset))
        answered.append((training, np.array([answer == "1" for answer in kept])))
    return extremes_finding(answered[::2], answered[1::2], dataset)


Answered = tuple[NetworkTraining, np.ndarray]
"""A training, and whether its network was right on each test image, (images,) bool."""


def _measured(answered: Sequence[Answered], num_classes: int) -> MeasuredNetwork:
    config = answered[0][0].config
    cost = count(config.model.arch, config.image_size, num_classes)
    accuracies = tuple(proportion(int(right.sum()), len(right)) for _, right in answered)
    return MeasuredNetwork(config.model.name, cost, tuple(one.config.seed for one, _ in answered), accuracies)


def _mean_difference(x: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
    return x.mean(axis) - y.mean(axis)


def _millions(number: int) -> str:
    """To four digits or more, as 0.015, 1.306, 23.16 and 557.4."""
    return f"{number / 1e6:.{3 if number < 1e7 else 2 if number < 1e8 else 1}f}"


def extremes_finding(smallest: Sequence[Answered], largest: Sequence[Answered], dataset: Dataset) -> Finding:
    """What the answers of two networks, with the same seeds, say of their space."""
    config = smallest[0][0].config
    small, large = (_measured(answered, dataset.num_classes) for answered in (smallest, largest))
    by_seed = [
        bootstrapped(_mean_difference, of_large, of_small)
        for (_, of_large), (_, of_small) in zip(largest, smallest, strict=True)
    ]
    gap = by_seed[0] if len(by_seed) == 1 else over_seeds([one.value for one in by_seed])
    networks, rows = [], []
    for measured, (training, _) in ((small, smallest[0]), (large, largest[0])):
        model = training.config.model
        full = count(model.arch, PAPER_IMAGE_SIZE, PAPER_CLASSES)
        networks.append(
            measured.to_dict()
            | {"genotype": list(model.genotype), "at_224_px_1000_classes": {"madds": full.madds, "params": full.params}}
        )
        costs = [_millions(number) for one in (measured.cost, full) for number in (one.madds, one.params)]
        for seed, accuracy in zip(measured.seeds, measured.accuracies, strict=True):
            rows.append((measured.name, str(seed), accuracy.percent(2), *costs))
    setting = (
        f"{config.model.space.name} on {dataset.name}: {dataset.num_examples('train'):,} training images of "
        f"{dataset.num_classes} classes at {config.image_size} px"
    )
    numbers = {
        "space": config.model.space.name,
        "dataset": dataset.name,
        "training_images": dataset.num_examples("train"),
        "test_images": dataset.num_examples("test"),
        "classes": dataset.num_classes,
        "image_size": config.image_size,
        "networks": networks,
        "gap_by_seed": [one.to_dict() for one in by_seed],
        "gap": gap.to_dict(),
    }
    return Finding(
        title="The smallest and the largest network of a space",
        question=QUESTION,
        numbers=numbers,
        header=(
            "network",
            "seed",
            "test accuracy %",
            "MAdds (M)",
            "params (M)",
            "MAdds at 224 px (M)",
            "params at 1,000 classes (M)",
        ),
        rows=rows,
        figures={"extremes": extremes_figure((small, large), setting)},
        captions={
            "extremes": "Test accuracy against multiply-adds and parameters of the network that skips every slot, and "
            "of the one with the largest block in all of them. Bars are 95% intervals over test images, one a seed."
        },
        conclusions=_conclusions(small, large, gap),
        notes=(
            f"Setting: {setting}; accuracies on {dataset.num_examples('test'):,} test images.",
            "Brackets are Wilson's 95% intervals of a share, over test images; those of the difference of two networks "
            "are by bootstrap over the images, which both have in common, or with several seeds Student's over seeds.",
        ),
    )


def _conclusions(small: MeasuredNetwork, large: MeasuredNetwork, gap: Estimate) -> str:
    madds, params = large.cost.madds / small.cost.madds, large.cost.params / small.cost.params
    seeds = len(small.seeds)
    over = f"mean of {seeds} seeds, interval over seeds" if seeds > 1 else "one training each, interval over images"
    said = {
        1: "what the larger one costs buys accuracy",
        0: "the interval holds zero: whether what the larger one costs buys accuracy is undecided",
        -1: "what the larger one costs buys no accuracy here, trained like this",
    }[gap.sign]
    return (
        f"{large.name} takes {madds:.1f} times the multiply-adds and {params:.1f} times the parameters of "
        f"{small.name}. In test accuracy they differ by {gap.percent(2, signed=True)} points ({over}): {said}."
    )
