import copy
import json

import pytest

from scarlet_tf.errors import InputError
from scarlet_tf.export.verify import check_same, differences, read_certificate

ERRORS = {"max_abs_error": 1e-6, "max_rel_error": 1e-6, "top1_agreement": {"count": 2000, "of": 2000}}
CERTIFICATE = {
    "model": "mini",
    "image_size": 16,
    "num_classes": 10,
    "images": 2000,
    "images_from": "2000 test images of synthetic",
    "arch": {"space": "s2", "genotype": [1, 2, 0], "name": "mini"},
    "cost": {"madds": 10, "params": 5},
    "stabilizers_removed": 1,
    "stabilizers_left": 0,
    "removals": [
        {
            "slot": 1,
            "method": "change of basis",
            "basis": "balanced",
            "composed_with": [],
            "condition_number": 2.0,
            "basis_condition_number": 1.5,
        }
    ],
    "against_reference": {**ERRORS, "tolerance": 1e-4},
    "formats": {
        "tflite": {
            "file": "model.tflite",
            "quantize": "none",
            **ERRORS,
            "tolerance": 1e-4,
            "accuracy": 0.9,
            "bytes": 100,
            "sha256": "ab",
            "operators": {"CONV_2D": 3},
            "partitions": {"count": 1, "left": {}},
        },
        "tflite_int8": {
            "file": "model_int8.tflite",
            "quantize": "int8",
            **ERRORS,
            "max_rel_error": 0.05,
            "tolerance": None,
            "bytes": 30,
            "sha256": "cd",
            "operators": {"CONV_2D": 3},
            "partitions": {"count": 1, "left": {}},
        },
    },
}


def changed(*path_and_value):
    *path, last, value = path_and_value
    certificate = copy.deepcopy(CERTIFICATE)
    entry = certificate
    for key in path:
        entry = entry[key]
    entry[last] = value
    return certificate


def test_the_same_certificate_has_no_differences():
    again = changed("removals", 0, "composed_with", ())  # as it is before it is written
    assert differences(CERTIFICATE, again) == []
    check_same("exported", CERTIFICATE, again)


@pytest.mark.parametrize(
    "again",
    [
        changed("against_reference", "max_rel_error", 9e-5),
        changed("formats", "tflite", "max_rel_error", 9e-5),
        changed("formats", "tflite_int8", "max_rel_error", 0.0545),
        changed("formats", "tflite", "top1_agreement", {"count": 1998, "of": 2000}),
        changed("formats", "tflite", "accuracy", 0.901),
        changed("removals", 0, "condition_number", 2.0001),
    ],
)
def test_what_rounding_can_do_is_no_difference(again):
    assert differences(CERTIFICATE, again) == []


@pytest.mark.parametrize(
    ("again", "what"),
    [
        (changed("cost", {"madds": 11, "params": 5}), "cost"),
        (changed("images_from", "64 images of normal noise"), "images_from"),
        (changed("stabilizers_left", 1), "stabilizers_left"),
        (changed("removals", []), "removals: 1, now 0"),
        (changed("removals", 0, "condition_number", 2.1), "slot 1: condition_number"),
        (changed("removals", 0, "basis", "forward"), "slot 1: basis"),
        (changed("against_reference", "max_rel_error", 2e-4), "against_reference: max_rel_error"),
        (changed("formats", "tflite", "max_rel_error", 2e-4), "tflite: max_rel_error"),
        (changed("formats", "tflite", "max_rel_error", float("nan")), "tflite: max_rel_error"),
        (changed("formats", "tflite_int8", "max_rel_error", 0.06), "tflite_int8: max_rel_error"),
        (changed("formats", "tflite", "top1_agreement", {"count": 1997, "of": 2000}), "tflite: top1_agreement"),
        (changed("formats", "tflite", "accuracy", 0.898), "tflite: accuracy"),
        (changed("formats", "tflite", "operators", {"CONV_2D": 4}), "tflite: operators"),
        (
            changed("formats", "tflite_int8", "partitions", {"count": 2, "left": {"HARD_SWISH": 1}}),
            "tflite_int8: partitions",
        ),
    ],
)
def test_anything_else_is(again, what):
    (found,) = differences(CERTIFICATE, again)
    assert what in found
    with pytest.raises(InputError, match=r"exported/certificate\.json does not hold any more"):
        check_same("exported", CERTIFICATE, again)


@pytest.mark.parametrize("content", ["{", "[]", '{"formats": {"tflite": {}}}', '{"formats": {}}'])
def test_what_is_no_certificate_is_refused(tmp_path, content):
    (tmp_path / "certificate.json").write_text(content)
    with pytest.raises(InputError, match=r"certificate\.json must .*certificate of an export"):
        read_certificate(tmp_path)


def test_files_must_be_those_of_the_certificate(tmp_path):
    with pytest.raises(InputError, match=r"certificate\.json must be"):
        read_certificate(tmp_path)
    digest = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"  # of "foo"
    entry = {"file": "model.tflite", "sha256": digest}
    (tmp_path / "certificate.json").write_text(json.dumps({"command": "python", "formats": {"tflite": entry}}))
    with pytest.raises(InputError, match=r"model\.tflite must be there"):
        read_certificate(tmp_path)
    (tmp_path / "model.tflite").write_text("foo")
    assert read_certificate(tmp_path)["formats"]["tflite"] == entry
    (tmp_path / "model.tflite").write_text("fop")
    with pytest.raises(InputError, match=rf"model\.tflite does not match its certificate.*{digest}"):
        read_certificate(tmp_path)
