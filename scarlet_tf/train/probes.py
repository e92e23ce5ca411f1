"""Looking at a supernet while it trains: does it tell its networks apart, and are its choices alike?"""

import sys

import numpy as np

from scarlet_tf.analysis.probe_record import ProbeRecord
from scarlet_tf.analysis.ranking import RankingHealth, probe_paths, update_counts
from scarlet_tf.analysis.similarity import ChoiceSimilarity
from scarlet_tf.data import Dataset
from scarlet_tf.figures.probes import plot_probes
from scarlet_tf.nets.single_path import single_paths
from scarlet_tf.nets.supernet import Supernet
from scarlet_tf.search.evaluator import SupernetEvaluator
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.periodic_probe import PeriodicProbe
from scarlet_tf.train.workdir import Workdir


def trained_counts(config: TrainConfig, steps: int) -> np.ndarray:
    """How often `steps` steps of `config` trained each choice of each slot, (slots, choices): once each if strictly
    fair, else as often as it was on the path."""
    space = config.space
    if config.method == "fair":
        return np.full((space.num_slots, space.num_choices), steps)
    return update_counts(single_paths(config.seed, steps, space.num_slots, space.num_choices), space.num_choices)


class Probe(PeriodicProbe):
    """Measures paths of `supernet`, and draws `probes.png` anew.

    The paths are the same at every probe, and those of any training with the same space, seed and number of paths.
    """

    def __init__(
        self,
        supernet: Supernet,
        dataset: Dataset,
        config: TrainConfig,
        workdir: Workdir,
        total_steps: int,
    ) -> None:
        super().__init__(dataset, config, workdir, total_steps)
        self._config, self._num_classes = config, dataset.num_classes
        self._paths = probe_paths(config.space, config.probe_paths, config.seed)
        self._batches = self._batches.cache()  # each path goes over all of them
        self._bn, self._accuracies = config.probe_bn, SupernetEvaluator(supernet, self._batches, config.probe_bn)
        self._similarity = ChoiceSimilarity(supernet)

    def __call__(self, step: int) -> None:
        """As any probe; a warning comes in a line of its own."""
        self._accuracies.freeze()
        accuracies = tuple(round(accuracy, 6) for accuracy in self._accuracies(self._paths))
        counts = trained_counts(self._config, step)
        record = ProbeRecord(
            step=step,
            epoch=self._epoch(step),
            images=self._images,
            bn=self._bn,
            paths=tuple(self._paths),
            accuracies=accuracies,
            health=RankingHealth.of(accuracies, self._images, self._num_classes),
            similarity=self._similarity(self._batches),
            least_updates=int(counts.min()),
            most_updates=int(counts.max()),
        )
        self._workdir.append_probe(record.to_dict())
        records = [ProbeRecord.from_dict(line) for line in self._workdir.read_probes()]
        plot_probes(self._workdir.path / "probes.png", records, self._config.space, self._num_classes)
        print(f"probe at step {step}: {record.line}", flush=True)
        if record.health.warning:
            print(f"WARNING: probe at step {step}: {record.health.warning}", file=sys.stderr, flush=True)
