"""The pipelines of the benchmark give what they should, and the measuring of them counts it."""

import numpy as np
import pytest

from benchmarks import input_pipeline
from benchmarks.input_pipeline import PIPELINES, TASKS, Setting, images_per_second, measure

Image = pytest.importorskip("PIL.Image")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Eight photos of two classes: one grey each, of its class's brightness."""
    root = tmp_path_factory.mktemp("photos")
    for split in ("train", "val"):
        for name, grey in (("dark", 40), ("light", 200)):
            (root / split / name).mkdir(parents=True)
            for number in range(4):
                Image.new("RGB", (90 + number, 80), (grey,) * 3).save(root / split / name / f"{number}.jpg")
    return str(root)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("pipeline", ["scarlet_tf", "Keras", "PyTorch"])
def test_every_pipeline_gives_normalised_images_with_their_labels(pipeline, task, folder):
    if pipeline == "PyTorch":
        pytest.importorskip("torch")
    setting = Setting(folder, task, image_size=64, batch_size=4, cores=0)  # of which PyTorch makes no process
    stream = iter(PIPELINES[pipeline](setting))
    seen = set()
    for _ in range(6):  # more than an epoch
        images, labels = (np.asarray(part) for part in next(stream))
        assert images.dtype == np.float32
        if pipeline == "PyTorch":
            images = images.transpose(0, 2, 3, 1)
        assert images.shape == (4, 64, 64, 3)
        pixels = np.where(labels[:, None] == 0, 40, 200) / 255
        expected = (pixels - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
        np.testing.assert_allclose(images, np.broadcast_to(expected[:, None, None], images.shape), atol=0.02)
        seen |= set(labels.tolist())
    assert seen == {0, 1}


def test_images_are_counted_after_the_warm_up(monkeypatch):
    seconds = iter((10.0, 14.0))
    monkeypatch.setattr(input_pipeline.time, "perf_counter", lambda: next(seconds))
    batches = [(None, range(size)) for size in (1000, 1000, 5, 3)]
    assert images_per_second(batches, num_batches=2, warm_up=2) == 2.0


def test_a_process_each_takes_its_turns(folder):
    setting = Setting(folder, "evaluation", image_size=32, batch_size=3, cores=1)
    figures = measure(setting, ["scarlet_tf", "decoding alone"], turns=2, num_batches=1)
    assert list(figures) == ["scarlet_tf", "decoding alone"]
    for speeds in figures.values():
        assert len(speeds) == 2
        assert min(speeds) > 0


def test_too_few_images_to_measure_are_refused(folder):
    with pytest.raises(input_pipeline.InputError, match=r"at least 446 training images: .* Received: 8\."):
        input_pipeline._check_size(folder, 224)
