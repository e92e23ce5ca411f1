import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from scarlet_tf.data import load_dataset
from scarlet_tf.errors import InputError

IMAGENET_MEAN, IMAGENET_STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def _noise(seed, height, width):
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def _write(path, pixels, **kwargs):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **kwargs)


def _fill(root, splits, per_class=4, size=(90, 120), classes=("cat", "dog"), suffix="jpg"):
    for split in splits:
        for label, name in enumerate(classes):
            for i in range(per_class):
                path = root / split / name / f"{i:03d}.{suffix}"
                _write(path, _noise(100 * len(split) + 10 * label + i, *size))
    return root


def _pixels(batches):
    """Images in [0, 255], one after the other."""
    images = np.concatenate([image for image, _ in batches.as_numpy_iterator()])
    return (images * IMAGENET_STD + IMAGENET_MEAN) * 255


@pytest.mark.parametrize("size", [(90, 120), (32, 32)], ids=["photos", "small"])
def test_a_restart_yields_bit_for_bit_the_batches_of_an_uninterrupted_run(tmp_path, size):
    root = _fill(tmp_path, ["train", "val"], size=size)

    def batches(**kwargs):
        return list(load_dataset("folder", str(root)).training_batches(3, 32, seed=9, **kwargs))

    whole = batches(num_steps=7)  # epochs of 2 steps
    for start_step in (1, 2, 5):
        rest = batches(start_step=start_step, num_steps=7 - start_step)
        assert len(rest) == 7 - start_step
        for (image, label), (other_image, other_label) in zip(whole[start_step:], rest, strict=True):
            np.testing.assert_array_equal(image, other_image)
            np.testing.assert_array_equal(label, other_label)
    assert not np.array_equal(whole[0][0], whole[2][0])
    assert whole[0][0].shape == (3, 32, 32, 3)


def test_each_epoch_visits_each_file_once(tmp_path):
    for label, name in enumerate(("a", "b")):
        for i in range(4):
            _write(tmp_path / "train" / name / f"{i}.png", np.full((70, 70, 3), 20 * (4 * label + i), np.uint8))
    _write(tmp_path / "val" / "a" / "0.png", np.zeros((70, 70, 3), np.uint8))
    dataset = load_dataset("folder", str(tmp_path))
    values = _pixels(dataset.training_batches(4, 32, seed=0, num_steps=4))[:, 5, 5, 0].reshape(2, 8)
    for epoch in np.rint(values / 20).astype(int):
        assert sorted(epoch) == list(range(8))


def test_a_flat_image_survives_because_crops_stay_inside(tmp_path):
    for name in ("a", "b"):
        _write(tmp_path / "train" / name / "0.jpg", np.full((80, 100, 3), 90, np.uint8))
        _write(tmp_path / "val" / name / "0.jpg", np.full((80, 100, 3), 90, np.uint8))
    dataset = load_dataset("folder", str(tmp_path))
    assert dataset.augmentation == "inception"
    for batches in (
        dataset.training_batches(2, 32, seed=0, num_steps=10),
        dataset.evaluation_batches("test", 2, 32),
    ):
        np.testing.assert_allclose(_pixels(batches), 90, atol=0.01)


def test_inception_crops_span_the_stated_areas_and_aspects_and_flip(tmp_path):
    # Red rises to the right, green rises downward: a crop tells where it begins and ends.
    rows, columns = np.mgrid[0:100, 0:120]
    pixels = np.stack([columns * 2, rows * 2, np.zeros_like(rows)], axis=-1).astype(np.uint8)
    for split in ("train", "val"):
        for name in ("a", "b"):
            _write(tmp_path / split / name / "0.png", pixels)
    dataset = load_dataset("folder", str(tmp_path))
    images = _pixels(dataset.training_batches(2, 64, seed=4, num_steps=100))
    # The centres of the first and the last of 64 output pixels are 63/64 of the crop apart.
    spans = np.stack([images[:, 32, 63, 0] - images[:, 32, 0, 0], images[:, 63, 32, 1] - images[:, 0, 32, 1]], 1)
    widths, heights = np.abs(spans).T / 2 * 64 / 63
    areas, aspects = widths * heights / 12000, widths / heights
    assert areas.min() > 0.06
    assert areas.max() < 1.03
    assert areas.min() < 0.15
    assert areas.max() > 0.8
    assert aspects.min() > 0.72
    assert aspects.max() < 1.38
    assert aspects.min() < 0.85
    assert aspects.max() > 1.2
    flipped = spans[:, 0] < 0
    assert 0.35 < flipped.mean() < 0.65
    assert (spans[:, 1] > 0).all()


def test_jpeg_and_png_of_the_same_image_give_the_same_crop(tmp_path):
    pixels = _noise(3, 100, 130)
    results = []
    for suffix, options in (("png", {}), ("jpg", {"quality": 100, "subsampling": 0})):
        root = tmp_path / suffix
        for split in ("train", "val"):
            for name in ("a", "b"):
                _write(root / split / name / f"0.{suffix}", pixels, **options)
        results.append(_pixels(load_dataset("folder", str(root)).training_batches(2, 48, seed=1, num_steps=8)))
    assert np.abs(results[0] - results[1]).mean() < 1.5


def test_evaluation_resizes_and_crops_as_pillow_does(tmp_path):
    root = _fill(tmp_path, ["train", "val"], per_class=2, size=(150, 201))
    ours = _pixels(load_dataset("folder", str(root)).evaluation_batches("validation", 4, 56))
    files = [root / "val" / name / f"{i:03d}.jpg" for i in (0, 1) for name in ("cat", "dog")]
    for image, file in zip(ours, files, strict=True):
        resized = Image.open(file).resize((round(201 * 64 / 150), 64), Image.Resampling.BILINEAR)  # 56 / 0.875
        left, top = (resized.width - 56) // 2, (64 - 56) // 2
        expected = np.asarray(resized.crop((left, top, left + 56, top + 56)), float)
        np.testing.assert_allclose(image, expected, atol=1.5)


def test_small_images_are_decoded_as_pillow_does_and_only_resized(tmp_path):
    root = _fill(tmp_path, ["train", "test"], per_class=3, size=(32, 32))
    dataset = load_dataset("folder", str(root))
    assert dataset.augmentation == "crop_flip"
    ours = _pixels(dataset.evaluation_batches("test", 6, 32))
    for number, image in enumerate(ours):
        file = root / "test" / ("cat", "dog")[number % 2] / f"{number // 2:03d}.jpg"
        np.testing.assert_allclose(image, np.asarray(Image.open(file), float), atol=1.01)


def test_odd_files_are_read_as_rgb_and_others_are_left_alone(tmp_path):
    rgb = np.full((70, 80, 3), (200, 100, 50), np.uint8)
    grey = np.full((70, 80), 77, np.uint8)
    rgba = np.concatenate([rgb, np.full((70, 80, 1), 128, np.uint8)], axis=-1)
    train = tmp_path / "train"
    _write(train / "a" / "0_grey.jpg", grey)
    _write(train / "a" / "1_grey.png", grey)
    _write(train / "a" / "2_rgba.png", rgba)
    Image.fromarray(rgb).convert("P", palette=Image.Palette.ADAPTIVE).save(train / "a" / "3_palette.png")
    _write(train / "a" / "4_upper.JPEG", rgb)
    _write(train / "a" / "5_png_inside.jpg", rgb, format="PNG")
    Image.fromarray(rgb).convert("CMYK").save(train / "a" / "6_cmyk.jpg")
    _write(train / "b" / "0.jpg", rgb)
    (train / "a" / ".hidden.jpg").write_bytes(b"no image")
    (train / "a" / "notes.txt").write_text("no image")
    (train / "a" / "a_directory.jpg").mkdir()
    (train / ".ipynb_checkpoints").mkdir()
    (train / "README").write_text("no class")
    _write(tmp_path / "val" / "b" / "0.jpg", rgb)
    dataset = load_dataset("folder", str(tmp_path))
    assert (dataset.class_names, dataset.num_examples("train")) == (("a", "b"), 8)
    images = _pixels(dataset.evaluation_batches("train", 8, 32))
    order = [images[0], *images[2:]]  # b's only image comes second
    expected = [(77,) * 3, (77,) * 3] + [(200, 100, 50)] * 5
    for image, colour in zip(order, expected, strict=True):
        np.testing.assert_allclose(image, np.broadcast_to(colour, image.shape), atol=4)
    assert np.isfinite(_pixels(dataset.training_batches(8, 32, seed=0, num_steps=3))).all()


def test_splits_follow_the_directories(tmp_path):
    def sizes(name, splits, per_class=4):
        dataset = load_dataset("folder", str(_fill(tmp_path / name, splits, per_class, size=(8, 8))))
        return [dataset.num_examples(split) for split in ("train", "validation", "test")]

    assert sizes("only_val", ["train", "val"]) == [8, 8, 8]
    assert sizes("both", ["train", "val", "test"]) == [8, 8, 8]
    assert sizes("only_test", ["train", "test"], per_class=20) == [36, 4, 40]


def test_without_val_a_balanced_tenth_is_held_out_of_train(tmp_path):
    for label, name in enumerate(("a", "b")):
        for i in range(20):
            value = np.full((8, 8, 3), 100 * label + 5 * i, np.uint8)
            _write(tmp_path / "train" / name / f"{i:02d}.png", value)
            _write(tmp_path / "test" / name / f"{i:02d}.png", value)
    seen = {}
    for split in ("train", "validation", "test"):
        batches = load_dataset("folder", str(tmp_path)).evaluation_batches(split, 50, 8)
        ((_, labels),) = batches.as_numpy_iterator()
        seen[split] = np.rint(_pixels(batches)[:, 0, 0, 0]).astype(int)
        assert np.bincount(labels)[0] == np.bincount(labels)[1]
        np.testing.assert_array_equal(labels, np.arange(len(labels)) % 2)  # any first part is balanced
    assert len(seen["validation"]) == 4
    assert not set(seen["train"]) & set(seen["validation"])
    assert set(seen["train"]) | set(seen["validation"]) == set(seen["test"])


@pytest.mark.parametrize("broken", ["truncated.jpg", "empty.png", "text.jpg"])
def test_a_corrupt_file_is_named(tmp_path, broken):
    root = _fill(tmp_path, ["train", "val"])
    whole = (root / "train" / "cat" / "000.jpg").read_bytes()
    bad = root / "train" / "dog" / broken
    bad.write_bytes({"truncated.jpg": whole[: len(whole) // 2], "empty.png": b"", "text.jpg": b"<html>"}[broken])
    dataset = load_dataset("folder", str(root))
    with (
        pytest.raises(InputError, match=f"{bad} must be a whole JPEG or PNG image"),
        dataset.naming_bad_files(),
    ):
        list(dataset.training_batches(4, 32, seed=0, num_steps=10))
    with pytest.raises(InputError, match=str(bad)), dataset.naming_bad_files():
        list(dataset.evaluation_batches("train", 4, 32))
    with dataset.naming_bad_files():
        list(dataset.evaluation_batches("test", 4, 32))


def test_a_file_that_vanished_is_named(tmp_path):
    root = _fill(tmp_path, ["train", "val"])
    dataset = load_dataset("folder", str(root))
    (root / "val" / "cat" / "001.jpg").unlink()
    with pytest.raises(InputError, match=r"cat/001\.jpg"), dataset.naming_bad_files():
        list(dataset.evaluation_batches("validation", 4, 32))


def test_errors_that_no_file_explains_pass_through(tmp_path):
    dataset = load_dataset("folder", str(_fill(tmp_path, ["train", "val"], per_class=1)))
    with pytest.raises(tf.errors.InvalidArgumentError), dataset.naming_bad_files():
        tf.reshape(tf.zeros(4), (3,))


def test_directories_that_are_not_laid_out_so_are_refused(tmp_path):
    def refused(data_dir, message):
        with pytest.raises(InputError, match=message) as error:
            load_dataset("folder", data_dir)
        assert "\n" not in str(error.value)

    refused(None, "--data_dir must be given with --dataset=folder")
    refused(str(tmp_path / "absent"), r"--data_dir .*absent \(No such file")
    (tmp_path / "file").write_text("")
    refused(str(tmp_path / "file"), "Not a directory")
    (tmp_path / "empty").mkdir()
    refused(str(tmp_path / "empty"), "no train/")
    refused(str(_fill(tmp_path / "alone", ["train"], size=(8, 8))), "neither val/ nor test/")
    refused(str(_fill(tmp_path / "one", ["train", "val"], size=(8, 8), classes=("a",))), "at least 2 class")
    gifs = _fill(tmp_path / "gifs", ["train", "val"], size=(8, 8), suffix="gif")
    refused(str(gifs), r"train/cat must hold images \(.jpg, .jpeg, .png\)")
    lacking = _fill(tmp_path / "lacking", ["train", "val"], size=(8, 8))
    (lacking / "train" / "emu").mkdir()
    refused(str(lacking), r"lacking/train/emu must hold images .* Received: none; add one or remove it")
    strange = _fill(tmp_path / "strange", ["train", "val"], size=(8, 8))
    _write(strange / "val" / "emu" / "0.jpg", _noise(0, 8, 8))
    refused(str(strange), "only classes of train/. Received: emu")
    hollow = _fill(tmp_path / "hollow", ["train"], size=(8, 8))
    (hollow / "test" / "cat").mkdir(parents=True)
    refused(str(hollow), "hollow/test must hold CLASS")
    single = _fill(tmp_path / "single", ["train", "test"], per_class=1, size=(8, 8))
    refused(str(single), "must hold val/")


def test_a_directory_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    def scandir(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("os.scandir", scandir)  # root, whom containers run as, may read anything
    with pytest.raises(InputError, match=r"readable directory.*Permission denied"):
        load_dataset("folder", str(tmp_path))
