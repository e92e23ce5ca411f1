"""What a supernet's networks are evaluated on."""

import pytest

from scarlet_tf.data import load_dataset
from scarlet_tf.errors import InputError
from scarlet_tf.search.evaluation import Evaluation, even_batch_size


@pytest.fixture(scope="module")
def dataset():
    return load_dataset("fashion_mnist_small", None)


def test_all_validation_images_count_unless_fewer_are_asked_for(dataset):
    everything = dataset.num_examples("validation")
    assert Evaluation().images(dataset) == everything
    assert Evaluation(max_images=7).images(dataset) == 7
    assert Evaluation(max_images=everything + 1).images(dataset) == everything


def test_calibration_is_by_equal_batches_of_a_hundred_at_most(dataset):
    def batches(images):
        return Evaluation(bn="recalibrate", recalibration_images=images).calibration(dataset)

    assert Evaluation().calibration(dataset) == (0, 0)
    assert batches(None) == (10, 100)
    assert [batches(images) for images in (2, 100, 101, 250)] == [(1, 2), (1, 100), (2, 50), (3, 83)]


def test_a_journal_is_told_what_accuracies_depend_on(dataset):
    evaluation = Evaluation(max_images=50, batch_size=10, bn="recalibrate", recalibration_images=101)
    assert evaluation.describe(dataset) == {
        "images": "50 of fashion_mnist_small validation",
        "bn": "recalibrate",
        "recalibration_images": 100,
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bn": "batch"}, "--bn must be moving or recalibrate"),
        ({"recalibration_images": 50}, "--recalibration_images must be left out with --bn=moving"),
        ({"bn": "recalibrate", "recalibration_images": 1}, "--recalibration_images must be at least 2"),
        ({"max_images": 0}, "--max_images must be at least 1"),
        ({"batch_size": 0}, "--eval_batch_size must be at least 1"),
    ],
)
def test_what_cannot_be_is_refused(settings, message):
    with pytest.raises(InputError, match=message):
        Evaluation(**settings)


def test_devices_have_as_many_batches_as_each_other():
    assert even_batch_size(256, 64, 2, on_cpu=True) == 128
    assert even_batch_size(50_000, 224, 8, on_cpu=False) == 496  # 101 batches, 13 a device
    assert even_batch_size(3, 32, 2, on_cpu=True) == 16
    assert even_batch_size(5000, 224, 2, on_cpu=True) == 32  # 157 batches; 48 would be more pixels than suit a CPU
