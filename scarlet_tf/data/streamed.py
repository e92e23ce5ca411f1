"""Data sets too large for memory: records of TFDS, read in order and decoded only when they are used."""

from typing import TYPE_CHECKING

from scarlet_tf.data.dataset import Dataset
from scarlet_tf.data.preprocessing import Normalisation

if TYPE_CHECKING:
    import tensorflow as tf
    import tensorflow_datasets as tfds

SHUFFLE_RECORDS = 8192  # undecoded: about 1 GB of ImageNet


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

    def _records(self, split: str, shuffle_seed: "tf.Tensor | None" = None) -> "tf.data.Dataset":
        """`{"image": contents of a JPEG, "label": ...}`, in an order that is a function of `shuffle_seed`."""
        import tensorflow_datasets as tfds

        return self._builder.as_dataset(
            split=self._source[split],
            shuffle_files=shuffle_seed is not None,
            decoders={"image": tfds.decode.SkipDecoding()},
            read_config=tfds.ReadConfig(
                shuffle_seed=shuffle_seed,
                shuffle_reshuffle_each_iteration=False,
                try_autocache=False,
                skip_prefetch=True,
            ),
        )

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
        per_epoch = self.steps_per_epoch(batch_size) * batch_size
        start = start_step * batch_size

        def records_of(epoch: tf.Tensor) -> tf.data.Dataset:
            # Shuffling would mix the program's global seed in: in this function there is none but ours.
            tf.compat.v1.set_random_seed(1)
            shuffle_seed = tf.random.stateless_uniform(
                (), order.epoch_key(seed, epoch), minval=0, maxval=2**31 - 1, dtype=tf.int64
            )
            records = self._records("train", shuffle_seed).map(lambda r: (r["image"], r["label"]))
            records = records.shuffle(SHUFFLE_RECORDS, shuffle_seed, reshuffle_each_iteration=False)
            first = epoch * per_epoch
            return records.take(per_epoch).enumerate(first).skip(tf.maximum(start - first, 0))

        def example(position: tf.Tensor, record: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
            contents, label = record
            return augment(contents, order.augmentation_key(seed, position)), tf.cast(label, tf.int32)

        records = tf.data.Dataset.range(start // per_epoch, tf.int64.max).flat_map(records_of)
        if num_steps is not None:
            records = records.take(num_steps * batch_size)
        examples = records.map(example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        return batching.in_order(examples.batch(batch_size, drop_remainder=True), num_steps)

    def _evaluation_batches(self, split: str, batch_size: int, image_size: int, count: int) -> "tf.data.Dataset":
        import tensorflow as tf

        from scarlet_tf.data import encoded

        prepare = encoded.evaluation_transform(self.augmentation, image_size, self.normalisation)

        def example(record: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
            return prepare(record["image"]), tf.cast(record["label"], tf.int32)

        examples = self._records(split).take(count)
        return examples.map(example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).batch(batch_size)
