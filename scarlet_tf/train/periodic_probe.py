"""Looking at what trains, every few epochs, without the training noticing."""

import abc

from scarlet_tf.data import Dataset
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.workdir import Workdir

MAX_BATCH_SIZE = 100


class PeriodicProbe(abc.ABC):
    """Measures on the first validation images, and adds a line to `probes.jsonl`.

    A probe leaves the training alone: weights, moving BN statistics, the order of the images and the sampling of paths
    stay as they are.
    """

    def __init__(self, dataset: Dataset, config: TrainConfig, workdir: Workdir, total_steps: int) -> None:
        self._workdir, self._total_steps = workdir, total_steps
        self._steps_per_epoch = dataset.steps_per_epoch(config.batch_size)
        self._period = config.probe_epochs * self._steps_per_epoch
        self._images = min(config.probe_images, dataset.num_examples("validation"))
        batch_size = min(MAX_BATCH_SIZE, config.batch_size)
        self._batches = dataset.evaluation_batches("validation", batch_size, config.image_size, self._images)

    def is_due(self, step: int) -> bool:
        """Whether there is a probe after `step` steps: every `probe_epochs` epochs, and at the end."""
        return step == self._total_steps or step % self._period == 0

    def _epoch(self, step: int) -> float:
        return round(step / self._steps_per_epoch, 4)

    @abc.abstractmethod
    def __call__(self, step: int) -> None:
        """Probes what trains as it is after `step` steps, and says in a line what came out."""
