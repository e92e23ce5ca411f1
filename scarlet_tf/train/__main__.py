"""Trains a supernet over --space, or with --model a standalone network.

Run the same command again to go on after a stop. The workdir gets config.json, metrics.jsonl, tensorboard/ and
checkpoints/; a standalone network's also arch.json and, at the end, model.keras. With --probe_epochs a supernet's gets
probes.jsonl and probes.png: how well it tells its networks apart, and how alike its choices are; a network's gets
probes.jsonl with its validation accuracy.
"""

from absl import flags

from scarlet_tf import command
from scarlet_tf.arch.named import resolve
from scarlet_tf.arch.spaces import get_space
from scarlet_tf.data import AUTO_AUGMENT, DATASETS
from scarlet_tf.errors import InputError
from scarlet_tf.train.cluster import Cluster
from scarlet_tf.train.config import (
    METHODS,
    OPTIMIZERS,
    PRECISIONS,
    PROBE_BN,
    SCHEDULES,
    STABILIZERS,
    STRATEGIES,
    TrainConfig,
)
from scarlet_tf.train.workdir import Workdir

_SPACE = flags.DEFINE_string(
    "space", None, "Search space of the supernet: s1, s2, small, nas_bench_macro, nas_bench_101_chains or a .json file."
)
_MODEL = flags.DEFINE_string(
    "model", None, "Network to train alone: a published one's name, arch.json, a workdir, SPACE:GENOTYPE."
)
_WIDTH = flags.DEFINE_float("width", None, "Factor of the network's channels; its own by default.")
_DEPTH = flags.DEFINE_float("depth", None, "Factor of the network's slots; its own by default.")
_WORKDIR = flags.DEFINE_string("workdir", None, "Directory of this run.")
_SETTINGS = (
    flags.DEFINE_enum("dataset", "imagenet2012", DATASETS, "Images to train on."),
    flags.DEFINE_string("data_dir", None, "Where the images are; for folder and prepared TFDS data."),
    flags.DEFINE_integer("image_size", 224, "Side of the square images, in pixels."),
    flags.DEFINE_integer("batch_size", 256, "Images a step, over all devices."),
    flags.DEFINE_integer("epochs", 60, "Passes over the training images."),
    flags.DEFINE_integer("steps", None, "Steps to train, instead of --epochs."),
    flags.DEFINE_enum(
        "optimizer", "sgd", OPTIMIZERS, "SGD or RMSProp with momentum, or AdamW, quicker on short schedules."
    ),
    flags.DEFINE_float("learning_rate", 0.045, "Highest learning rate."),
    flags.DEFINE_enum("schedule", "cosine", SCHEDULES, "How the rate falls: a cosine to zero, or a staircase."),
    flags.DEFINE_float("decay_rate", 0.97, "Factor of a step of --schedule=exponential."),
    flags.DEFINE_float("decay_epochs", 2.4, "Epochs from one such step to the next, counted with the warmup."),
    flags.DEFINE_float("warmup_epochs", 0.0, "Epochs in which the learning rate rises from zero."),
    flags.DEFINE_float("momentum", 0.9, "Momentum of SGD and RMSProp."),
    flags.DEFINE_float("weight_decay", 4e-5, "Of kernels, coupled; of all weights, decoupled, for AdamW."),
    flags.DEFINE_float("label_smoothing", 0.0, "Share of the label spread over all classes."),
    flags.DEFINE_float("dropout", 0.2, "Dropout before the classifier of a standalone network."),
    flags.DEFINE_float(
        "ema_decay", 0.0, "Decay of a standalone network's averaged weights, which are then what it leaves; 0: none."
    ),
    flags.DEFINE_enum(
        "method", "fair", METHODS, "How a supernet is trained: all choices in every step, or one sampled path a step."
    ),
    flags.DEFINE_bool("rematerialize", False, "Run a supernet's blocks twice to keep less in memory."),
    flags.DEFINE_integer(
        "streams_at_once", 0, "With --rematerialize, choices of a slot in memory at a time, by --method=fair; 0: all."
    ),
    flags.DEFINE_enum("stabilizer", "els", STABILIZERS, "What stands for a skipped slot in the supernet."),
    flags.DEFINE_bool("keep_stabilizers", False, "Train --model, too, with --stabilizer in the slots that it skips."),
    flags.DEFINE_string(
        "weights",
        None,
        "Where a standalone network starts from: a supernet's or network's workdir, a .keras or .weights.h5 file.",
    ),
    flags.DEFINE_bool("new_classifier", False, "Leave out the classifier of --weights: for other classes."),
    flags.DEFINE_string(
        "freeze", None, "Layer that, with all before it, stays as --weights gave it: stem, slot_9, head."
    ),
    flags.DEFINE_float("layer_decay", 1.0, "Factor of a layer's learning rate for each layer after it."),
    flags.DEFINE_bool(
        "qat", False, "Fine-tune --weights with what int8 does to them, for export --quantize=qat; without dropout."
    ),
    flags.DEFINE_enum("auto_augment", "none", AUTO_AUGMENT, "Policy of further augmentation: AutoAugment's of a set."),
    flags.DEFINE_integer(
        "max_bad_images", 10, "Unreadable training images of --dataset=folder to pass over, by others of their class."
    ),
    flags.DEFINE_enum("strategy", "auto", STRATEGIES, "Devices to train on; multiworker reads TF_CONFIG."),
    flags.DEFINE_string("tpu", "", "Name or address of the TPU, for --strategy=tpu."),
    flags.DEFINE_float("connect_timeout", 300.0, "Seconds within which other hosts must answer."),
    flags.DEFINE_enum(
        "precision",
        "float32",
        PRECISIONS,
        "Number format of layers; weights stay float32. 16 bits are for GPUs and TPUs, far slower on CPUs.",
    ),
    flags.DEFINE_bool("sync_batch_norm", False, "Statistics of the global batch, not of each device's share of it."),
    flags.DEFINE_integer("seed", 0, "Seed of weights, data order and path sampling."),
    flags.DEFINE_integer(
        "probe_epochs",
        0,
        "Epochs from one probe of a supernet's ranking, or of a network's accuracy, to the next; 0: none.",
    ),
    flags.DEFINE_integer("probe_paths", 64, "Paths of a supernet that a probe measures, the same at every probe."),
    flags.DEFINE_integer("probe_images", 1000, "Validation images that a probe measures on, at most."),
    flags.DEFINE_enum(
        "probe_bn", "moving", PROBE_BN, "BN statistics of a supernet's probe: moving, or of each batch of 100 images."
    ),
)


def settings() -> TrainConfig:
    """What the flags say."""
    for flag in (_WIDTH, _DEPTH):
        if flag.value is not None and _MODEL.value is None:
            raise InputError(f"--{flag.name} is for --model. Received: {flag.value} without it.")
    return TrainConfig(
        space=None if _SPACE.value is None else get_space(_SPACE.value),
        model=None if _MODEL.value is None else resolve(_MODEL.value, _WIDTH.value, _DEPTH.value),
        **{flag.name: flag.value for flag in _SETTINGS},
    )


def main() -> None:
    command.require(_WORKDIR)
    config = settings()
    dataset = command.load_dataset(config.dataset, config.data_dir)
    Workdir(_WORKDIR.value).check(config, dataset)
    if config.strategy == "multiworker":
        Cluster.from_environment()
    command.start_tensorflow()
    from scarlet_tf.train.training import train

    train(config, _WORKDIR.value, dataset)
    print(f"trained: {_WORKDIR.value}")


if __name__ == "__main__":
    command.run(main, globals())
