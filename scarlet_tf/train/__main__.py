"""Trains a supernet over --space, strictly fairly, or with --model a standalone network.

Run the same command again to go on after a stop. The workdir gets config.json, metrics.jsonl and checkpoints/; a
standalone network's also arch.json and, at the end, model.keras.
"""

from absl import flags

from scarlet_tf import command
from scarlet_tf.arch.named import resolve
from scarlet_tf.arch.spaces import get_space
from scarlet_tf.data import DATASETS
from scarlet_tf.train.config import OPTIMIZERS, STABILIZERS, STRATEGIES, TrainConfig
from scarlet_tf.train.workdir import Workdir

_SPACE = flags.DEFINE_string("space", None, "Search space of the supernet: s1, s2, small or a .json file.")
_MODEL = flags.DEFINE_string("model", None, "Network to train alone: a published one's name, arch.json or a workdir.")
_WORKDIR = flags.DEFINE_string("workdir", None, "Directory of this run.")
_SETTINGS = (
    flags.DEFINE_enum("dataset", "imagenet2012", DATASETS, "Images to train on."),
    flags.DEFINE_string("data_dir", None, "Where the images are; for folder and prepared TFDS data."),
    flags.DEFINE_integer("image_size", 224, "Side of the square images, in pixels."),
    flags.DEFINE_integer("batch_size", 256, "Images a step, over all devices."),
    flags.DEFINE_integer("epochs", 60, "Passes over the training images."),
    flags.DEFINE_integer("steps", None, "Steps to train, instead of --epochs."),
    flags.DEFINE_enum("optimizer", "sgd", OPTIMIZERS, "SGD with momentum, or AdamW, quicker on short schedules."),
    flags.DEFINE_float("learning_rate", 0.045, "Highest learning rate; a cosine takes it to zero."),
    flags.DEFINE_float("warmup_epochs", 0.0, "Epochs in which the learning rate rises from zero."),
    flags.DEFINE_float("momentum", 0.9, "Momentum of SGD."),
    flags.DEFINE_float("weight_decay", 4e-5, "Added to a kernel's gradient, times the kernel."),
    flags.DEFINE_float("label_smoothing", 0.0, "Share of the label spread over all classes."),
    flags.DEFINE_float("dropout", 0.2, "Dropout before the classifier of a standalone network."),
    flags.DEFINE_enum("stabilizer", "els", STABILIZERS, "What stands for a skipped slot in the supernet."),
    flags.DEFINE_string(
        "weights",
        None,
        "Where a standalone network starts from: a supernet's or network's workdir, a .keras or .weights.h5 file.",
    ),
    flags.DEFINE_enum("strategy", "auto", STRATEGIES, "Devices to train on."),
    flags.DEFINE_string("tpu", "", "Name or address of the TPU, for --strategy=tpu."),
    flags.DEFINE_integer("seed", 0, "Seed of weights, data order and path sampling."),
)


def main() -> None:
    command.require(_WORKDIR)
    config = TrainConfig(
        space=None if _SPACE.value is None else get_space(_SPACE.value),
        model=None if _MODEL.value is None else resolve(_MODEL.value),
        **{flag.name: flag.value for flag in _SETTINGS},
    )
    dataset = command.load_dataset(config.dataset, config.data_dir)
    Workdir(_WORKDIR.value).check(config, dataset)
    command.start_tensorflow()
    from scarlet_tf.train.training import train

    train(config, _WORKDIR.value, dataset)
    print(f"trained: {_WORKDIR.value}")


if __name__ == "__main__":
    command.run(main, globals())
