"""Trains a detector: RetinaNet on a SCARLET network, on COCO as TFDS prepared it or on annotations in COCO's form.

Images are fitted into a square (--image_size) with their shape kept, and flipped at random. Run the same command again
to go on after a stop. The workdir gets config.json, arch.json, categories.json, metrics.jsonl, checkpoints/ and, at the
end, detector.keras.
"""

from absl import flags

from scarlet_tf import command
from scarlet_tf.arch.named import resolve
from scarlet_tf.detect.config import DATASETS, OPTIMIZERS, STRATEGIES, DetectConfig
from scarlet_tf.detect.extra import check_extra
from scarlet_tf.detect.source import open_source, read_source
from scarlet_tf.errors import InputError
from scarlet_tf.files import check_output_dir

_MODEL = flags.DEFINE_string(
    "model", None, "The backbone: a published network's name, arch.json, a workdir, SPACE:GENOTYPE."
)
_WORKDIR = flags.DEFINE_string("workdir", None, "Directory of this run.")
_DECAY = flags.DEFINE_list("decay_epochs", ["8", "11"], "Epochs after which the learning rate is divided by 10.")
_SETTINGS = (
    flags.DEFINE_enum("dataset", "coco", DATASETS, "coco, as TFDS prepared coco/2017; or json, in COCO's form."),
    flags.DEFINE_string("data_dir", None, "Where TFDS has its data."),
    flags.DEFINE_string("annotations", None, "The JSON file of --dataset=json."),
    flags.DEFINE_string("images", None, "The directory of the images of --dataset=json."),
    flags.DEFINE_integer("image_size", 800, "Side of the square that images are fitted into, in pixels."),
    flags.DEFINE_string(
        "weights", None, "The backbone's weights as a classifier: a .keras or .weights.h5 file; fresh by default."
    ),
    flags.DEFINE_integer("min_level", 3, "Finest level of the pyramid, of stride 2^level; 2 is for small objects."),
    flags.DEFINE_integer("max_level", 7, "Coarsest level of the pyramid."),
    flags.DEFINE_integer("head_convs", 4, "3x3 convolutions in each head, before its last."),
    flags.DEFINE_integer("batch_size", 16, "Images a step, over all devices."),
    flags.DEFINE_integer("epochs", 12, "Passes over the training images."),
    flags.DEFINE_integer("steps", None, "Steps to train, instead of --epochs."),
    flags.DEFINE_enum("optimizer", "sgd", OPTIMIZERS, "SGD with momentum, or AdamW, quicker on short schedules."),
    flags.DEFINE_float("learning_rate", 0.01, "Learning rate after the warmup."),
    flags.DEFINE_integer("warmup_steps", 500, "Steps in which the learning rate rises from zero."),
    flags.DEFINE_float("momentum", 0.9, "Momentum of SGD."),
    flags.DEFINE_float("weight_decay", 1e-4, "Of kernels, coupled; of all weights, decoupled, for AdamW."),
    flags.DEFINE_float("clip_norm", 35.0, "Largest norm of the gradient; a larger one is scaled down. inf for none."),
    flags.DEFINE_bool("flip", True, "Whether images are flipped, left to right, at random."),
    flags.DEFINE_bool(
        "freeze_batch_norm", None, "Keep the backbone's batch-norm statistics; by default with --weights."
    ),
    flags.DEFINE_enum("strategy", "auto", STRATEGIES, "Devices to train on."),
    flags.DEFINE_integer("seed", 0, "Seed of weights, data order and flips."),
)


def _decay_epochs() -> tuple[int, ...]:
    try:
        return tuple(int(epoch) for epoch in _DECAY.value)
    except ValueError:
        raise InputError(
            f"--decay_epochs must be whole numbers, separated by commas. Received: {','.join(_DECAY.value)}."
        ) from None


def settings() -> DetectConfig:
    """What the flags say."""
    given = {flag.name: flag.value for flag in _SETTINGS}
    return DetectConfig(model=resolve(_MODEL.value), decay_epochs=_decay_epochs(), **given)


def main() -> None:
    check_extra()
    command.require(_MODEL, _WORKDIR)
    config = settings()
    check_output_dir(_WORKDIR.value, "workdir")
    data = read_source(config.dataset, config.data_dir, config.annotations, config.images)
    command.start_tensorflow()
    from scarlet_tf.detect.training import train_detector

    dataset = open_source(data, config.data_dir, "train")
    train_detector(config, _WORKDIR.value, dataset)
    print(f"trained: {_WORKDIR.value}")
