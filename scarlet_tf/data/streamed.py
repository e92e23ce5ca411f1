"""Data sets too large for memory: records of TFDS, read in order and decoded only when they are used."""

from typing import TYPE_CHECKING

from scarlet_tf.data.dataset import Dataset
from scarlet_tf.data.preprocessing import Normalisation

if TYPE_CHECKING:
    import tensorflow as tf
    import tensorflow_datasets as tfds

SHUFFLE_RECORDS = 8192  # undecoded: about 1 GB of ImageNet


def records(
    builder: "tfds.core.DatasetBuilder", split: str, shuffle_seed: "tf.Tensor | None" = None
) -> "tf.data.Dataset":
    """The records of a split, their images as the contents of a JPEG, in an order that is a function of
    `shuffle_seed`."""
    import tensorflow_datasets as tfds

    return builder.as_dataset(
        split=split,
        shuffle_files=shuffle_seed is not None,
        decoders={"image": tfds.decode.SkipDecoding()},
        read_config=tfds.ReadConfig(
            shuffle_seed=shuffle_seed,
            shuffle_reshuffle_each_iteration=False,
            try_autocache=False,
            skip_prefetch=True,
        ),
    )


def records_of_epochs(
    builder: "tfds.core.DatasetBuilder", split: str, per_epoch: int, start: int, seed: int
) -> "tf.data.Dataset":
    """`(position, record)` of shuffled epochs of `per_epoch` records, without end, from the position `start` on."""
    import tensorflow as tf

    from scarlet_tf.data import order

    def records_of(epoch: tf.Tensor) -> tf.data.Dataset:
        # Shuffling would mix the program's global seed in: in this function there is none but ours.
        tf.compat.v1.set_random_seed(1)
        shuffle_seed = tf.random.stateless_uniform(
            (), order.epoch_key(seed, epoch), minval=0, maxval=2**31 - 1, dtype=tf.int64
        )
        shuffled = records(builder, split, shuffle_seed)
        shuffled = shuffled.shuffle(SHUFFLE_RECORDS, shuffle_seed, reshuffle_each_iteration=False)
        first = epoch * per_epoch
        return shuffled.take(per_epoch).enumerate(first).skip(tf.maximum(start - first, 0))

    return tf.data.Dataset.range(start // per_epoch, tf.int64.max).flat_map(records_of)


class StreamedDataset(Dataset):
    """Photos in a prepared TFDS data set with the splits `train` and `validation`.

    Its first `held_out` training images are the validation split, and its `validation` is the test split.
    (TFDS shuffles examples when it prepares them: the first ones are a random sample.)
    """

    augmentation = "inception"

    def __init__(
        self, name: str, builder: "tfds.core.DatasetBuilder", normalisation: Normalisation, held_out: int
    ) -> None:
        splits = builder.info.splits
        sizes = {
            "train": splits["train"].num_examples - held_out,
            "validation": held_out,
            "test": splits["validation"].num_examples,
        }
        super().__init__(name, tuple(builder.info.features["label"].names), normalisation, sizes)
        self._builder = builder
        self._source = {
            "train": f"train[{held_out}:]",
            "validation": f"train[:{held_out}]",
            "test": "validation",
        }

    def _training_batches(
        self,
        batch_size: int,
        image_size: int,
        seed: int,
        start_step: int,
        num_steps: int | None,
        auto_augment: str,
    ) -> "tf.data.Dataset":
        import tensorflow as tf

        from scarlet_tf.data import batching, encoded, order

        augment = encoded.training_transform(self.augmentation, image_size, self.normalisation, auto_augment)
        per_epoch, start = self.steps_per_epoch(batch_size) * batch_size, start_step * batch_size

        def example(position: tf.Tensor, record: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
            key = order.augmentation_key(seed, position)
            return augment(record["image"], key), tf.cast(record["label"], tf.int32)

        examples = records_of_epochs(self._builder, self._source["train"], per_epoch, start, seed)
        if num_steps is not None:
            examples = examples.take(num_steps * batch_size)
        examples = batching.in_parallel(examples, example)
        return batching.in_order(examples.batch(batch_size, drop_remainder=True), num_steps)

    def _evaluation_batches(self, split: str, batch_size: int, image_size: int, count: int) -> "tf.data.Dataset":
        import tensorflow as tf

        from scarlet_tf.data import batching, encoded

        prepare = encoded.evaluation_transform(self.augmentation, image_size, self.normalisation)

        def example(record: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
            return prepare(record["image"]), tf.cast(record["label"], tf.int32)

        examples = records(self._builder, self._source[split]).take(count)
        return batching.in_parallel(examples, example).batch(batch_size)
