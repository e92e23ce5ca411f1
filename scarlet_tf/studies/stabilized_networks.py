"""The networks that a study trains alone, with and without stabilizers in their skipped slots, and how they do. Never
imports TensorFlow before it trains."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scarlet_tf.analysis.validation_record import ValidationRecord
from scarlet_tf.data import Dataset
from scarlet_tf.errors import InputError
from scarlet_tf.progress import progress
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.workdir import Workdir

if TYPE_CHECKING:
    import keras

VARIANTS = ("els", "els_relu", "none")
"""What stands in the slots that a network skips."""

TEST_BATCH_SIZE = 250


@dataclass(frozen=True)
class StudyNetwork:
    """A network to train alone: what stands in its skipped slots, one of VARIANTS, and how it is trained."""

    variant: str
    config: TrainConfig

    @property
    def name(self) -> str:
        """What tells it from others of a study."""
        return f"{self.variant}_{self.config.seed}"


def planned_networks(
    base: TrainConfig, variants: Sequence[str], seeds: Sequence[int], validation_images: int
) -> list[StudyNetwork]:
    """The network of `base` with each of `variants` and each seed, validated after every epoch: seed after seed.

    Raises InputError where it skips no slot, or `variants` are not different ones of VARIANTS, none among them and
    another one.
    """
    if set(variants) - set(VARIANTS) or len(set(variants)) < max(len(variants), 2) or "none" not in variants:
        raise InputError(
            f"--stabilizers must be different ones of {', '.join(VARIANTS)}: none, and what to compare with it. "
            f"Received: {','.join(variants)!r}."
        )
    if not base.model.arch.skipped_slots:
        raise InputError(f"--model must skip a slot for this study. Received: {base.model.name}, which skips none.")
    probes = {"probe_epochs": 1, "probe_images": validation_images}
    return [
        StudyNetwork(
            variant,
            replace(
                base,
                stabilizer="els" if variant == "none" else variant,
                keep_stabilizers=variant != "none",
                seed=seed,
                **probes,
            ),
        )
        for seed in seeds
        for variant in variants
    ]


def check_networks(networks: Sequence[StudyNetwork], directory: Path, dataset: Dataset) -> None:
    """Raises InputError where one of them cannot be trained on `dataset` below `directory`, or gone on with; changes
    nothing."""
    for network in networks:
        Workdir(directory / network.name).check(network.config, dataset)


def epoch_losses(records: Sequence[Mapping], steps_per_epoch: int) -> list[dict]:
    """The mean training loss of each epoch, the last of which may be cut short: `{"epoch", "loss"}`.

    `records` are the lines of a `metrics.jsonl`, each the mean of the steps since the one before; an epoch ends with
    one.
    """
    lengths = np.diff([0, *(record["step"] for record in records)])
    means = []
    for _, of_epoch in groupby(zip(records, lengths, strict=True), lambda pair: -(-pair[0]["step"] // steps_per_epoch)):
        of_epoch = list(of_epoch)
        loss = np.average([record["loss"] for record, _ in of_epoch], weights=[length for _, length in of_epoch])
        means.append({"epoch": of_epoch[-1][0]["step"] / steps_per_epoch, "loss": round(float(loss), 6)})
    return means


def trained_and_tested(network: StudyNetwork, path: Path, dataset: Dataset) -> dict:
    """Trains it in the workdir `path`, to its end, and tests it: plain data.

    `losses` and `validation`: each epoch's training loss, and a `ValidationRecord`. `correct`: whether each test image
    gets its label, as a text of 0 and 1, from the network as `trained`; with ELS, also once its stabilizers are
    `removed`; with ELS-ReLU, also `without_relu`, of the same weights. `removal`: what removing ELS did (see
    `_compared`), with the largest condition number of one, or why it was `refused`.
    """
    import keras

    from scarlet_tf.export.extract import without_stabilizers
    from scarlet_tf.export.fold import IllConditionedError
    from scarlet_tf.nets.standalone import build_model
    from scarlet_tf.train.training import train

    config, workdir = network.config, Workdir(path)
    train(config, path, dataset)
    trained = keras.models.load_model(path / "model.keras", compile=False)
    models, removal = {"trained": trained}, {}
    if network.variant == "els":
        try:
            extraction = without_stabilizers(trained, config.model.arch)
            models["removed"] = extraction.model
            removal["condition_number"] = max(each.condition_number for each in extraction.removals)
        except IllConditionedError as error:
            removal["refused"] = str(error)
    if network.variant == "els_relu":
        linear = build_model(config.model.arch, config.image_size, dataset.num_classes, config.dropout, "els")
        linear.set_weights(trained.get_weights())
        models["without_relu"] = linear
    correct, compared = _compared(models, dataset, config.image_size)
    steps_per_epoch = dataset.steps_per_epoch(config.batch_size)
    return {
        "losses": epoch_losses(workdir.read_metrics(), steps_per_epoch),
        "validation": [asdict(ValidationRecord.from_dict(line)) for line in workdir.read_probes()],
        "correct": {name: "".join("01"[right] for right in rights) for name, rights in correct.items()},
        "removal": removal | compared.get("removed", {}),
    }


def _compared(
    models: Mapping[str, "keras.Model"], dataset: Dataset, image_size: int
) -> tuple[dict[str, list[bool]], dict[str, dict]]:
    """By name of a model: whether each test image gets its label; and how its logits differ from those of the first:
    the `same_class` of how many images, the largest `max_abs_error`, and `max_rel_error`, that by the largest logit."""
    from scarlet_tf.export.certificate import float32_products
    from scarlet_tf.export.runtimes import keras_predictor

    predictors = {name: keras_predictor(model) for name, model in models.items()}
    correct: dict[str, list[bool]] = {name: [] for name in models}
    same, error, largest = dict.fromkeys(models, 0), dict.fromkeys(models, 0.0), 0.0
    batches = dataset.evaluation_batches("test", TEST_BATCH_SIZE, image_size)
    with progress("test", dataset.num_examples("test")) as report, dataset.naming_bad_files(), float32_products():
        for images, labels in batches.as_numpy_iterator():
            logits = {name: predictor.predict(images) for name, predictor in predictors.items()}
            first = next(iter(logits.values()))
            largest = max(largest, float(np.abs(first).max()))
            for name, own in logits.items():
                correct[name] += (own.argmax(axis=1) == labels).tolist()
                same[name] += int((own.argmax(axis=1) == first.argmax(axis=1)).sum())
                error[name] = max(error[name], float(np.abs(own - first).max()))
            report.update(len(correct["trained"]))
    return correct, {
        name: {"same_class": same[name], "max_abs_error": error[name], "max_rel_error": error[name] / largest}
        for name in models
    }
