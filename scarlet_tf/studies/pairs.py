"""Supernets of one training but for the stabilizer. Never imports TensorFlow."""

from collections.abc import Sequence
from dataclasses import dataclass

from scarlet_tf.errors import InputError
from scarlet_tf.studies.supernets import StudySupernet
from scarlet_tf.train.workdir import MAY_CHANGE

_MAY_VARY = {*MAY_CHANGE, "stabilizer", "seed", "probe_paths", "probe_images", "probe_bn"}


@dataclass(frozen=True)
class SupernetPair:
    """The supernets of one seed, with a plain skip and with ELS."""

    skip: StudySupernet
    els: StudySupernet

    @property
    def seed(self) -> int:
        return self.els.config.seed


def paired_supernets(supernets: Sequence[StudySupernet], flag: str = "supernets") -> list[SupernetPair]:
    """A pair for each seed, in order of the seeds.

    Raises InputError, naming `flag`, where one of a pair is missing, or where the trainings differ in more than
    stabilizer and seed.
    """
    first = supernets[0]
    for supernet in supernets[1:]:
        ours, theirs = first.config.to_dict(), supernet.config.to_dict()
        for name in ours:
            if name not in _MAY_VARY and ours[name] != theirs[name]:
                raise InputError(
                    f"--{flag} must be trained alike but for stabilizer and seed. Received: {first.path} with "
                    f"{name} {ours[name]}, and {supernet.path} with {theirs[name]}."
                )
    by_seed: dict[int, dict[str, StudySupernet]] = {}
    for supernet in supernets:
        by_seed.setdefault(supernet.config.seed, {})[supernet.config.stabilizer] = supernet
    pairs = []
    for seed, held in sorted(by_seed.items()):
        missing = {"skip", "els"} - held.keys()
        if missing:
            (other,) = held
            raise InputError(
                f"--{flag} must hold a supernet with skip and one with els for each seed. Received: "
                f"{held[other].path} of seed {seed}, without one with {missing.pop()}."
            )
        pairs.append(SupernetPair(held["skip"], held["els"]))
    return pairs
