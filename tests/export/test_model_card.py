"""The card is checked against the files it is about: its snippets are run, and its numbers are the certificate's."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from scarlet_tf.arch.named import NamedArch, resolve
from scarlet_tf.data import encoded
from scarlet_tf.data.preprocessing import IMAGENET, Normalisation
from scarlet_tf.export.description import FILE_NAME, Description, Preprocessing
from scarlet_tf.export.keras_file import write_keras
from scarlet_tf.export.model_card import model_card
from scarlet_tf.export.onnx import write_onnx
from scarlet_tf.export.savedmodel import write_signature
from scarlet_tf.export.tflite import write_tflite


@pytest.fixture(scope="module")
def certificate():
    agreement = {"count": 6, "of": 6}
    errors = {"max_abs_error": 1e-6, "max_rel_error": 2e-7, "top1_agreement": agreement}
    return {
        "model": "tiny",
        "images": 6,
        "images_from": "6 test images of synthetic",
        "formats": {
            "savedmodel": {"file": "savedmodel/1", "quantize": "none", **errors},
            "tflite": {"file": "model.tflite", "quantize": "none", **errors, "bytes": 123456, "accuracy": 0.8333,
                       "partitions": {"count": 2, "left": {"HARD_SWISH": 3}}, "operators": {"CONV_2D": 16},
                       "sha256": "ab12"},
            "onnx": {"file": "model.onnx", "quantize": "none", **errors, "layout": "nchw"},
            "keras": {"file": "model.keras", "quantize": "none", **errors},
        },
        "stabilizers_removed": 1,
        "stabilizers_left": 0,
        "removals": [
            {"slot": 3, "method": "into the head", "condition_number": 12.3456, "basis_condition_number": 1.0},
        ],
        "quantization": {
            "none": {"accuracy": 0.9},
            "int8": {
                "accuracy": 0.7,
                "sqnr_db": {"stem": 30.0, "slot_1": 11.25},
                "top1_agreement": {"count": 5, "of": 6},
            },
        },
        "command": ["python", "-m", "scarlet_tf.export", "--model=a b.json"],
        "versions": {"tensorflow": "2.21.0"},
    }  # fmt: skip


@pytest.fixture(scope="module", params=["whole", "centre_crop"])
def card_and_logits(request, network, tiny_description, certificate, tmp_path_factory):
    """The card of a real export in all formats, its directory, and what `network` says of the photo in there."""
    import tensorflow as tf

    directory = tmp_path_factory.mktemp("carded")
    preprocessing = Preprocessing(28, request.param, tiny_description.preprocessing.normalisation)
    tiny_description = Description("tiny", tiny_description.labels, preprocessing, tiny_description.provenance)
    write_tflite(network, directory / "model.tflite", description=tiny_description)
    write_onnx(network, directory / "model.onnx", tiny_description, layout="nchw")
    write_keras(network, directory / "model.keras", tiny_description)
    version = directory / "savedmodel" / "1"
    write_signature(network, version)
    (version / "assets.extra").mkdir()
    (version / "assets.extra" / FILE_NAME).write_text(tiny_description.to_json())
    ramp = np.linspace(0, 255, 60)[:, None, None] * np.linspace(0.3, 1, 44)[:, None] * [1.0, 0.5, 0.8]
    Image.fromarray(ramp.astype(np.uint8)).save(directory / "photo.png")
    (directory / "photo.png").rename(directory / "photo.jpg")  # without loss; told by its content
    augmentation = {"whole": "crop_flip", "centre_crop": "inception"}[request.param]
    prepare = encoded.evaluation_transform(augmentation, 28, preprocessing.normalisation)
    image = prepare(tf.constant((directory / "photo.jpg").read_bytes())).numpy()[np.newaxis]
    return model_card(tiny_description, certificate), directory, image, np.asarray(network(image))


def snippets(card: str) -> list[str]:
    return re.findall(r"```python\n(.*?)\n```", card, re.DOTALL)


def test_snippets_run_and_give_what_the_network_gives(card_and_logits, tiny_description, monkeypatch, capsys):
    card, directory, image, expected = card_and_logits
    monkeypatch.chdir(directory)
    prepare, *runs = snippets(card)
    assert len(runs) == 4
    scope = {}
    exec(prepare, scope)
    assert scope["image"].dtype == np.float32
    # pixels cut to whole numbers: off by at most one of 255, over the smallest deviation
    np.testing.assert_allclose(scope["image"], image, rtol=0, atol=1.01 / 255 / 0.2)
    scope["image"] = image
    for run in runs:
        exec(run, scope)
        np.testing.assert_allclose(scope["logits"], expected, rtol=0, atol=1e-4)
        assert capsys.readouterr().out == f"{tiny_description.labels[expected[0].argmax()]}\n"


def test_numbers_are_those_of_the_certificate(certificate, tiny_description):
    card = model_card(tiny_description, certificate)
    line = next(line for line in card.splitlines() if line.startswith("| `model.tflite` | none"))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells == [
        "`model.tflite`", "none", "0.12", "1.00e-06", "2.00e-07", "6 of 6", "83.33%", "2, without 3 HARD_SWISH",
    ]  # fmt: skip
    assert "| `model.tflite` | 16 CONV_2D |" in card
    assert "| `model.tflite` | `ab12` |" in card
    assert "on 6 test images of synthetic" in card
    assert "| 3 | into the head | 12.3 | 1 |" in card
    assert "| int8 | 70.00% | 5 of 6 | slot_1, 11.2 dB |" in card
    assert "python -m scarlet_tf.export '--model=a b.json'" in card
    assert "tensorflow 2.21.0" in card
    assert "weights" in card
    assert "0 naïve, 1 class 1" in card
    assert "10 in all" in card


def test_architecture_is_a_row_a_block():
    named = resolve("scarlet_b")
    labels = tuple(map(str, range(1000)))
    card = model_card(
        Description("scarlet_b", labels, Preprocessing(224, "centre_crop", IMAGENET), {"arch": named.to_dict()}), {}
    )
    rows = re.findall(r"^\| (\d+|stem|head) \|.*\| (\d+) x \d+ x (\d+) \|$", card, re.MULTILINE)
    assert [row[0] for row in rows][0 :: len(rows) - 1] == ["stem", "head"]
    assert rows[0][1:] == ("112", "16")
    assert rows[-1][1:] == ("7", "1280")
    blocks = [row for row in named.arch.blocks if type(row).__name__ == "MBConv"]
    assert [int(row[2]) for row in rows[1:-1]] == [block.filters for block in blocks]


def test_architecture_of_cells_has_a_row_for_each_entry(chain_space):
    named = NamedArch(chain_space, (2, 1, 0, 2, 2, 2), "chain")
    preprocessing = Preprocessing(9, "whole", Normalisation((0.5,) * 3, (0.5,) * 3))
    card = model_card(Description("chain", ("a", "b"), preprocessing, {"arch": named.to_dict()}), {})
    table = card[card.index("| stem |") : card.index("Genotype")].strip().splitlines()
    assert "6 slots, of which 4 are skipped" in card
    assert table == [
        "| stem | conv | 3 | 3 to 16 | 1 | 9 x 9 x 16 |",
        "| 0 | entry: conv | 1 | 16 to 16 | 1 | 9 x 9 x 16 |",
        "| 1 | conv | 3 | 16 to 16 | 1 | 9 x 9 x 16 |",
        "| 2 | entry: max-pool, conv | 1 | 16 to 24 | 2 | 5 x 5 x 24 |",
        "| 2 | conv | 1 | 24 to 24 | 1 | 5 x 5 x 24 |",
        "| 4 | entry: conv | 1 | 24 to 24 | 1 | 5 x 5 x 24 |",
    ]


def test_what_is_not_known_is_left_out_and_said(tiny_description):
    plain = Description(
        "tiny", tiny_description.labels, Preprocessing(28, "whole", Normalisation((0.5,) * 3, (0.5,) * 3))
    )
    card = model_card(plain, {})
    for absent in (
        "## Numbers",
        "## Stabilizers",
        "## Quantisation",
        "## Where it comes from",
        "## Running it",
        "None",
    ):
        assert absent not in card
    assert "- Accuracy: the files were compared" in card
    assert "never trained" not in card
    assert "never trained" in model_card(plain, {"fresh_weights": True})


def test_the_card_of_a_real_export_needs_no_more_than_its_certificate(exported, tiny_description):
    certificate = json.loads((exported / "certificate.json").read_text())
    card = model_card(tiny_description, certificate)
    for entry in certificate["formats"].values():
        assert f"{entry['max_rel_error']:.2e}" in card
        assert f"`{entry['file']}`" in card
    assert "HARD_SWISH" in card


def test_a_label_cannot_break_the_card(tiny_description):
    labels = ("a | b\n# c", *tiny_description.labels[1:])
    card = model_card(Description("tiny", labels, tiny_description.preprocessing), {})
    assert "0 a \\| b # c, 1 class 1" in card
