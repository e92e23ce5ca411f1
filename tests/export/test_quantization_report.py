import json

import numpy as np
import pytest

from scarlet_tf.export.quantization_report import LARGEST_DB, layer_sqnr, quantisation_report
from scarlet_tf.export.runtimes import load_artifact
from scarlet_tf.export.tflite import write_tflite

LAYERS = ["stem", "slot_1", "slot_2", "slot_5", "slot_6", "slot_7", "head", "pool", "logits"]


@pytest.fixture(scope="module")
def files(network, random_images, exported, tmp_path_factory):
    directory = tmp_path_factory.mktemp("variants")
    written = {
        how: write_tflite(network, directory / f"{how}.tflite", how, representative=random_images(100, seed=1))
        for how in ("fp16", "dynamic", "int8")
    }
    return {"none": exported / "model.tflite", **written}


def test_a_file_has_no_noise_against_itself(files, random_images):
    assert layer_sqnr(files["none"], files["none"], random_images(2)) == dict.fromkeys(LAYERS, LARGEST_DB)


@pytest.mark.parametrize(("how", "low", "high"), [("fp16", 50, 90), ("dynamic", 20, 150), ("int8", 15, 45)])
def test_noise_by_layer_grows_with_what_is_rounded(how, low, high, files, random_images):
    sqnr = layer_sqnr(files["none"], files[how], random_images(4))
    assert list(sqnr) == LAYERS
    assert all(low < decibels <= high for decibels in sqnr.values())


def test_noise_of_the_logits_is_that_of_what_the_files_compute(files, random_images):
    images = random_images(4)
    x, y = (np.float64(load_artifact(files[how]).predict(images)) for how in ("none", "int8"))
    expected = 10 * np.log10(np.square(x).sum() / np.square(x - y).sum())
    # by other kernels, which may round a step of the integers otherwise
    assert layer_sqnr(files["none"], files["int8"], images)["logits"] == pytest.approx(expected, abs=1.5)


def test_report_is_plain_data_with_accuracy_agreement_and_partitions(files, network, random_images, logits_of):
    images = random_images(20)
    labels = logits_of(network, images).argmax(axis=1)
    labels[:5] += 1  # wrong for sure
    report = json.loads(json.dumps(quantisation_report(files["none"], files, images, labels)))
    assert list(report) == ["none", "fp16", "dynamic", "int8"]
    assert report["none"]["accuracy"] == 0.75
    assert "sqnr_db" not in report["none"]
    for how, entry in report.items():
        assert entry["bytes"] == files[how].stat().st_size
        logits = load_artifact(files[how]).predict(images)
        assert entry["accuracy"] == np.mean(logits.argmax(1) == labels)
        assert entry["top1_agreement"]["of"] == 20
    assert (report["int8"]["partitions"], report["none"]["partitions"]) == (1, 1)


def test_files_of_other_networks_are_refused(files, build, tmp_path, random_images):
    other = write_tflite(build("strided"), tmp_path / "other.tflite")
    with pytest.raises(ValueError, match=r"must have the layers.*slot_7"):
        layer_sqnr(files["none"], other, random_images(1))
