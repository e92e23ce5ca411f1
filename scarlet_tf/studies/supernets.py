"""The supernets that a study compares: given, or trained by it. Never imports TensorFlow before it trains."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scarlet_tf.data import Dataset
from scarlet_tf.errors import InputError
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.workdir import Workdir
from scarlet_tf.weights import read_supernet_training


@dataclass(frozen=True)
class StudySupernet:
    """A supernet's workdir, and how it is trained."""

    path: Path
    config: TrainConfig

    @property
    def name(self) -> str:
        """What tells it from others of a study: method, stabilizer and seed."""
        return f"{self.config.method}_{self.config.stabilizer}_{self.config.seed}"


def planned_supernets(
    base: TrainConfig,
    workdir: str | Path,
    stabilizers: Sequence[str],
    methods: Sequence[str],
    seeds: Sequence[int],
) -> list[StudySupernet]:
    """One for each combination, trained as `base` says otherwise, below `workdir`: seed after seed, so that what a
    killed study has trained can be compared."""
    configs = [
        replace(base, stabilizer=stabilizer, method=method, seed=seed)
        for seed in seeds
        for method in methods
        for stabilizer in stabilizers
    ]
    return [
        StudySupernet(Path(workdir) / f"{config.method}_{config.stabilizer}_{config.seed}", config)
        for config in configs
    ]


def with_equal_updates(supernet: StudySupernet) -> StudySupernet:
    """`supernet`, if by sampled paths, trained for as many updates of each block as its epochs or steps give by strict
    fairness.

    A strictly fair step trains all choices of a slot, a sampled path one: the average block needs as many times the
    steps as there are choices. (The paper trains 360 epochs of sampled paths for 60 strictly fair ones.) Warmup and the
    epochs between probes last as much longer.
    """
    config = supernet.config
    if config.method == "fair":
        return supernet
    times = config.space.num_choices
    longer = replace(
        config,
        epochs=times * config.epochs,
        steps=None if config.steps is None else times * config.steps,
        warmup_epochs=times * config.warmup_epochs,
        probe_epochs=times * config.probe_epochs,
    )
    return replace(supernet, config=longer)


def given_supernets(
    paths: Sequence[str], stabilizers: Sequence[str], flag: str = "supernets", all_needed: bool = True
) -> list[StudySupernet]:
    """Those of the workdirs `paths`, trained already.

    Raises InputError, naming `flag`, unless there is one, each has one of `stabilizers`, each of these is there where
    they are `all_needed`, and all are of one space, image size and number of classes.
    """
    if not paths:
        raise InputError(f"--{flag} must name at least one workdir of a supernet. Received: none.")
    supernets = [StudySupernet(Path(path), read_supernet_training(path, flag)) for path in paths]
    for supernet in supernets:
        if supernet.config.stabilizer not in stabilizers:
            raise InputError(
                f"--{flag} must be of the stabilizers {', '.join(stabilizers)} for this study. Received: "
                f"{supernet.path}, with {supernet.config.stabilizer}."
            )
    missing = [name for name in stabilizers if name not in {supernet.config.stabilizer for supernet in supernets}]
    if missing and all_needed:
        raise InputError(f"--{flag} must hold a supernet of each of {', '.join(stabilizers)}. Missing: {missing[0]}.")
    for supernet in supernets[1:]:
        for name in ("space", "image_size", "num_classes"):
            first, other = getattr(supernets[0].config, name), getattr(supernet.config, name)
            if first != other:
                raise InputError(
                    f"--{flag} must be of one {name}. Received: {supernets[0].path} with "
                    f"{getattr(first, 'name', first)}, and {supernet.path} with {getattr(other, 'name', other)}."
                )
    names = [supernet.name for supernet in supernets]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(f"--{flag} must differ in method, stabilizer or seed. Received {twice[0]} twice.")
    return supernets


def check_supernets(supernets: Sequence[StudySupernet], dataset: Dataset) -> None:
    """Raises InputError where one of them cannot be trained on `dataset`, or gone on with; changes nothing."""
    for supernet in supernets:
        Workdir(supernet.path).check(supernet.config, dataset)


def train_supernets(supernets: Sequence[StudySupernet], dataset: Dataset) -> None:
    """Trains those that are not trained to their end yet."""
    from scarlet_tf.train.training import train

    for number, supernet in enumerate(supernets, 1):
        print(f"supernet {number} of {len(supernets)}: {supernet.name}", flush=True)
        train(supernet.config, supernet.path, dataset)
