"""How an export finds out what travels with a network: from its flags, the training's directory and the data set."""

from pathlib import Path

from scarlet_tf import __version__
from scarlet_tf.arch.named import NamedArch
from scarlet_tf.data import TFDS_DATASETS, Dataset, load_dataset
from scarlet_tf.data.imagenet import imagenet_classes
from scarlet_tf.data.preprocessing import CIFAR10, FASHION_MNIST, IMAGENET
from scarlet_tf.errors import InputError
from scarlet_tf.export.certificate import package_versions
from scarlet_tf.export.description import Description, Preprocessing, read_labels
from scarlet_tf.files import digest
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.trained_on import TrainedOn
from scarlet_tf.train.workdir import MAY_CHANGE, OF_THE_DATA, Workdir
from scarlet_tf.weights import WeightsSource

_NOT_OF_THE_WEIGHTS = {*MAY_CHANGE, *OF_THE_DATA, "space", "model", "probe_paths", "probe_images", "probe_bn"}
"""Settings of a training that its weights do not depend on, or that are told elsewhere."""

_OF_TFDS = {"cifar10": ("whole", CIFAR10), "fashion_mnist": ("whole", FASHION_MNIST)}
"""How these are preprocessed, where they are no longer there; ImageNet as by default."""


def describe(
    named: NamedArch,
    source: WeightsSource,
    dataset: Dataset | None,
    labels_file: str | Path | None,
    image_size: int,
    num_classes: int,
) -> Description:
    """What travels with the network `named`, exported for `image_size` pixels and `num_classes`.

    Labels and preprocessing are what the training in the workdir `source` knew, else those of `dataset` if it has as
    many classes; else ImageNet's, where 1000 classes are no others', or numbers. The labels in `labels_file` go before
    all of them. The provenance holds no path of this machine and no date: the same export gives the same bytes. Raises
    InputError where `labels_file` has not a label for each class.
    """
    known = _trained_on(source)
    if known is None and dataset is not None:
        known = TrainedOn.of_dataset(dataset)
    if known is not None and len(known.labels) != num_classes:
        known = None
    if known is not None:
        labels, preprocessing = known.labels, Preprocessing(image_size, known.resize, known.normalisation)
    else:
        labels, preprocessing = _default_labels(source, num_classes), Preprocessing(image_size)
    if labels_file is not None:
        labels = read_labels(labels_file)
        if len(labels) != num_classes:
            raise InputError(
                f"--labels must hold {num_classes} labels, one a class and line. Received: {labels_file}, with "
                f"{len(labels)}."
            )
    return Description(named.name, labels, preprocessing, _provenance(named, source))


def _default_labels(source: WeightsSource, num_classes: int) -> tuple[str, ...]:
    if num_classes == 1000 and source.training is None:
        return tuple(name for _, name in imagenet_classes())
    return tuple(map(str, range(num_classes)))


def _trained_on(source: WeightsSource) -> TrainedOn | None:
    """What a training's `data.json` says; where an older version wrote none, what can be told at once."""
    training = source.training
    if training is None:
        return None
    data_path = Workdir(source.path).data_path
    if data_path.is_file():
        return TrainedOn.read(data_path)
    try:
        if training.dataset in TFDS_DATASETS:
            return _of_tfds(training)
        return TrainedOn.of_dataset(load_dataset(training.dataset, training.data_dir))
    except InputError:  # the data is not where it was
        return None


def _of_tfds(training: TrainConfig) -> TrainedOn:
    if training.dataset == "imagenet2012":
        return TrainedOn(training.dataset, tuple(name for _, name in imagenet_classes()), "centre_crop", IMAGENET)
    from scarlet_tf.data.tfds_source import prepared_builder

    try:
        labels = tuple(prepared_builder(training.dataset, training.data_dir).info.features["label"].names)
    except InputError:
        labels = tuple(map(str, range(training.num_classes)))
    return TrainedOn(training.dataset, labels, *_OF_TFDS[training.dataset])


def _provenance(named: NamedArch, source: WeightsSource) -> dict:
    provenance = {"arch": named.to_dict(), "weights": _weights(source)}
    if source.training is not None:
        provenance["training"] = _settings(source.training)
    return provenance | {"versions": {"scarlet_tf": __version__, **package_versions()}}


def _weights(source: WeightsSource) -> dict | None:
    """The name and a digest of what holds the weights; None for fresh ones."""
    if source.path is None:
        return None
    name = source.path.resolve().name
    if source.training is None:
        return {"file": name, "digest": digest(source.path)}
    steps = {int(file.name[5:-6]): file for file in Workdir(source.path).checkpoint_dir.glob("step-*.index")}
    if not steps:
        return {"workdir": name}
    last = steps[max(steps)]
    parts = sorted(last.parent.glob(f"{last.stem}.data-*"))
    return {"workdir": name, "step": max(steps), "digest": " ".join(map(digest, parts))}


def _settings(training: TrainConfig) -> dict:
    settings = {key: value for key, value in training.to_dict().items() if key not in _NOT_OF_THE_WEIGHTS}
    if training.weights is not None:
        settings["weights"] = Path(training.weights).name
    settings["trained"] = f"supernet of {training.space.name}" if training.space else training.model.name
    return settings
