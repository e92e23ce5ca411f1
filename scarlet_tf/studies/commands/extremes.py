"""What the smallest and the largest network of a space cost, and how accurate each is when trained alone (Table 8).

The smallest skips every slot; the largest has in all of them the block with the most multiply-adds, without
squeeze-excite where the space has such blocks: E6K7 in S1. Both are trained from scratch by the same recipe, once for
each of --seeds, by default as imagenet_scratch.flags trains networks, and measured on the test images.
"""

from absl import flags

from scarlet_tf import command
from scarlet_tf.arch.named import NamedArch
from scarlet_tf.studies.commands.study_flags import TrainingFlags, whole_numbers
from scarlet_tf.studies.extreme_networks import all_skip, largest
from scarlet_tf.studies.extremes import NetworkTraining, study_extremes
from scarlet_tf.studies.workdir import StudyWorkdir
from scarlet_tf.train.config import SCHEDULES

STUDY = "extremes"
SCRATCH = {
    "space": "s1",
    "batch_size": 4096,
    "epochs": 350,
    "optimizer": "rmsprop",
    "learning_rate": 0.256,
    "warmup_epochs": 5.0,
    "weight_decay": 1e-5,
}
QUICK = {
    "epochs": 4,
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "warmup_epochs": 0.0,
    "weight_decay": 5e-4,
    "schedule": "cosine",
    "label_smoothing": 0.0,
    "ema_decay": 0.0,
    "seeds": ["0", "1", "2"],
}

_STUDY = TrainingFlags(QUICK, SCRATCH)
_SEEDS = _STUDY.add(flags.DEFINE_list("seeds", ["0"], "Seeds of weights and data order."))
_STUDY.add(flags.DEFINE_enum("schedule", "exponential", SCHEDULES, "How the learning rate falls, as in train."))
_STUDY.add(flags.DEFINE_float("decay_rate", 0.97, "Factor of a step of --schedule=exponential."))
_STUDY.add(flags.DEFINE_float("decay_epochs", 2.4, "Epochs from one such step to the next."))
_STUDY.add(flags.DEFINE_float("momentum", 0.9, "Momentum of SGD and RMSProp."))
_STUDY.add(flags.DEFINE_float("label_smoothing", 0.1, "Share of the label spread over all classes."))
_STUDY.add(flags.DEFINE_float("dropout", 0.2, "Dropout before the classifier."))
_STUDY.add(flags.DEFINE_float("ema_decay", 0.9999, "Decay of averaged weights, which are measured; 0: none."))


def main() -> None:
    _STUDY.read()
    seeds, path = whole_numbers(_SEEDS), _STUDY.workdir.value

    def trainings(model: NamedArch) -> list[NetworkTraining]:
        configs = [_STUDY.training(space=None, model=model, seed=seed) for seed in seeds]
        return [NetworkTraining.below(path, config) for config in configs]

    smallest_ones = trainings(all_skip(_STUDY.space))
    config = smallest_ones[0].config
    largest_ones = trainings(largest(_STUDY.space, config.image_size))
    workdir = StudyWorkdir(path, STUDY, _STUDY.settings())
    dataset = command.load_dataset(config.dataset, config.data_dir)
    for training in smallest_ones + largest_ones:
        training.check(dataset)
    command.start_tensorflow()
    finding = study_extremes(smallest_ones, largest_ones, workdir, dataset)
    finding.print()
    print(f"report: {finding.write(workdir.path, _STUDY.command(STUDY))}")
