import math

import numpy as np
import pytest

from scarlet_tf.export.certificate import ParityError, certify, check_parity, parity, size_in_bytes


def test_errors_of_two_images_by_hand():
    expected = np.array([[1.0, -4.0], [2.0, 1.5]])
    logits = np.array([[1.0, -4.5], [1.5, 1.75]])
    assert parity(logits, expected) == {
        "max_abs_error": 0.5,
        "max_rel_error": 0.125,  # over 4
        "top1_agreement": {"count": 1, "of": 2},
    }


def test_zero_logits_are_at_no_distance_from_themselves_and_infinitely_far_from_others():
    zeros = np.zeros((2, 3))
    assert parity(zeros, zeros)["max_rel_error"] == 0
    assert parity(zeros + 1e-9, zeros)["max_rel_error"] == math.inf


def test_logits_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"\(2, 3\) and \(1, 3\)"):
        parity(np.zeros((2, 3)), np.zeros((1, 3)))


@pytest.mark.parametrize("worst", [1.1e-4, math.inf, math.nan])
def test_an_error_above_the_tolerance_is_raised(worst):
    logits = np.array([[1.0 + worst, 0.5]])
    with pytest.raises(ParityError, match=r"model\.onnx: .* 0\.0001.*1 of 1"):
        check_parity("model.onnx", parity(logits, np.array([[1.0, 0.5]])), 1e-4)


def test_an_error_within_the_tolerance_passes():
    check_parity("model.onnx", parity(np.array([[1.00009, 0.5]]), np.array([[1.0, 0.5]])), 1e-4)


def test_certify_tells_size_operators_and_both_errors(exported, network, random_images, logits_of):
    images = random_images(5)
    expected = logits_of(network, images)
    entry = certify(exported / "model.onnx", images, expected, others={"against_reference": expected + 1.0})
    assert entry["bytes"] == (exported / "model.onnx").stat().st_size
    assert entry["operators"]["Conv"] == 21
    assert entry["max_rel_error"] < entry["tolerance"] == 1e-4
    assert entry["against_reference"]["max_abs_error"] == pytest.approx(1.0, abs=1e-4)


def test_an_artifact_of_other_weights_is_refused(exported, network, random_images, logits_of):
    images = random_images(2)
    with pytest.raises(ParityError, match=r"model\.tflite \(tflite\)"):
        certify(exported / "model.tflite", images, logits_of(network, images) * 1.001)


def test_fp16_is_held_to_its_own_tolerance(exported, network, random_images, logits_of):
    images = random_images(2)
    entry = certify(exported / "model.tflite", images, logits_of(network, images) * 1.001, quantize="fp16")
    assert (entry["quantize"], entry["tolerance"]) == ("fp16", 1e-2)
    assert entry["max_rel_error"] == pytest.approx(1e-3, rel=0.05)


def test_size_of_a_directory_is_that_of_all_its_files(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a").write_bytes(b"12345")
    (tmp_path / "b").write_bytes(b"123")
    assert size_in_bytes(tmp_path) == 8
