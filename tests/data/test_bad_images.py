"""Training images that cannot be read give way to others; evaluation never passes over one."""

import shutil

import numpy as np
import pytest
from PIL import Image

from scarlet_tf.data import load_dataset
from scarlet_tf.data.bad_images import BadImages
from scarlet_tf.errors import InputError

BREAKS = {"empty": lambda whole: b"", "half": lambda whole: whole[: len(whole) // 2]}


@pytest.fixture
def root(tmp_path):
    """Two classes of 4 images, each of one grey: 20 times its number, which goes on from class a to class b."""
    for split in ("train", "val"):
        for label, name in enumerate("ab"):
            (tmp_path / split / name).mkdir(parents=True)
            for number in range(4):
                grey = np.full((70, 70, 3), 20 * (4 * label + number), np.uint8)
                Image.fromarray(grey).save(tmp_path / split / name / f"{number}.png")
    return tmp_path


def spoil(root, name, how="empty"):
    path = root / "train" / name
    path.write_bytes(BREAKS[how](path.read_bytes()))
    return str(path)


def read(batches):
    return [(image, label) for image, label in batches.as_numpy_iterator()]


def numbers(image, normalisation):
    """Which of the images fill a batch (n, h, w, 3)."""
    grey = (image[:, 0, 0, 0] * normalisation.std[0] + normalisation.mean[0]) * 255 / 20
    np.testing.assert_allclose(grey, np.rint(grey), atol=1e-3)
    return np.rint(grey).astype(int)


@pytest.mark.parametrize("how", BREAKS)
def test_next_of_its_class_takes_a_bad_images_place_and_no_other_moves(how, root):
    dataset = load_dataset("folder", str(root))
    whole = read(dataset.training_batches(4, 32, seed=3, num_steps=4))
    bad = [spoil(root, "a/2.png", how), spoil(root, "a/3.png", how), spoil(root, "b/1.png", how)]
    dataset = load_dataset("folder", str(root))
    successor = {2: 0, 3: 0, 5: 6}
    mended_steps = 0
    for step, (image, label) in enumerate(whole):
        before = numbers(image, dataset.normalisation)
        mended = dataset.mended_training_batches(4, 32, 3, step, 4 - step)
        if not set(before) & set(successor):
            assert mended is None
            continue
        mended_steps += 1
        batches, named = mended
        assert batches.cardinality() == 4 - step
        met = {2: bad[:2], 3: bad[1:2], 5: bad[2:]}
        assert set(named) == {path for number in before for path in met.get(number, [])}
        other_image, other_label = next(iter(batches))
        after = numbers(other_image.numpy(), dataset.normalisation)
        assert list(after) == [successor.get(number, number) for number in before]
        np.testing.assert_array_equal(other_label, label)
        kept = before == after
        np.testing.assert_array_equal(other_image.numpy()[kept], image[kept])
    assert mended_steps >= 2


def test_batches_after_a_mended_one_are_the_usual_ones(root):
    usual = read(load_dataset("folder", str(root)).training_batches(4, 32, seed=3, num_steps=4))
    good = (root / "train" / "a" / "2.png").read_bytes()
    spoil(root, "a/2.png")
    dataset = load_dataset("folder", str(root))
    steps = [step for step, (image, _) in enumerate(usual) if 2 in numbers(image, dataset.normalisation)]
    batches, _ = dataset.mended_training_batches(4, 32, 3, steps[0], 4 - steps[0])
    (root / "train" / "a" / "2.png").write_bytes(good)
    for (image, label), (other_image, other_label) in zip(read(batches)[1:], usual[steps[0] + 1 :], strict=True):
        np.testing.assert_array_equal(image, other_image)
        np.testing.assert_array_equal(label, other_label)


def test_class_without_a_readable_image_is_named(root):
    for number in range(4):
        spoil(root, f"b/{number}.png")
    dataset = load_dataset("folder", str(root))
    with pytest.raises(InputError, match="train/b must hold whole JPEG or PNG images"):
        dataset.mended_training_batches(8, 32, 0, 0, 1)


def test_first_image_need_not_be_readable_to_know_the_augmentation(root):
    spoil(root, "a/0.png")
    assert load_dataset("folder", str(root)).augmentation == "inception"
    shutil.copy(root / "val" / "a" / "0.png", root / "train" / "a")
    for path in (root / "train").glob("*/*"):
        path.write_bytes(b"")
    with pytest.raises(InputError, match=r"0\.png must be a whole"):
        load_dataset("folder", str(root)).evaluation_batches("test", 4, 32)


def test_evaluation_passes_over_none(root):
    bad = spoil(root, "a/2.png")
    dataset = load_dataset("folder", str(root))
    with pytest.raises(InputError, match=bad), dataset.naming_bad_files():
        read(dataset.evaluation_batches("train", 4, 32))


def test_data_without_files_has_nothing_to_mend():
    assert load_dataset("synthetic").mended_training_batches(4, 32, 0, 0, 1) is None


def test_bad_images_are_counted_once_and_named_when_too_many(capsys):
    bad_images = BadImages(2)
    bad_images.add(["x.jpg"])
    bad_images.add(["x.jpg", "y.jpg"])
    said = capsys.readouterr().err.splitlines()
    assert [line[: len("WARNING: x.jpg")] for line in said] == ["WARNING: x.jpg", "WARNING: y.jpg"]
    with pytest.raises(InputError, match=r"--max_bad_images=2 .* Received: 3: x\.jpg, y\.jpg, z\.jpg\. Replace"):
        bad_images.add(["y.jpg", "z.jpg"])
    many = BadImages(29)
    with pytest.raises(InputError, match=r"Received: 30: 0\.jpg, .*, 19\.jpg and 10 more\. Replace"):
        many.add(f"{number}.jpg" for number in range(30))
