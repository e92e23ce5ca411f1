import json
from dataclasses import replace
from importlib.metadata import version

import numpy as np
import onnx
import onnxruntime
import pytest
from ai_edge_litert.interpreter import Interpreter

from scarlet_tf.errors import InputError
from scarlet_tf.export import artifacts
from scarlet_tf.export.artifacts import export_model
from scarlet_tf.export.certificate import ParityError
from scarlet_tf.export.settings import FORMATS, ExportSettings


def contents(directory):
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_certificate_numbers_are_those_of_an_independent_count(
    network, tmp_path, random_images, logits_of, description
):
    images = random_images(6, seed=1)
    expected = logits_of(network, images)
    reference = expected + np.float32(1e-6)
    facts = {"stabilizers_removed": 5, "stabilizers_left": 0, "image_source": "random"}
    certificate = export_model(
        network,
        ExportSettings(["onnx", "tflite"], ["fp16"]),
        tmp_path,
        images,
        description,
        reference=reference,
        facts=facts,
    )
    assert json.loads((tmp_path / "certificate.json").read_text()) == certificate
    assert {key: certificate[key] for key in facts} == facts
    assert (certificate["images"], certificate["image_size"], certificate["num_classes"]) == (6, 28, 10)
    assert certificate["versions"]["onnxruntime"] == version("onnxruntime")
    assert certificate["against_reference"]["max_abs_error"] == pytest.approx(1e-6, rel=0.5)

    lite = Interpreter(str(tmp_path / "model_fp16.tflite")).get_signature_runner()
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    answers = {
        "tflite_fp16": np.concatenate([lite(image=images[i : i + 1])["logits"] for i in range(6)]),
        "onnx": session.run(None, {"image": images})[0],
    }
    assert list(certificate["formats"]) == ["onnx", "tflite_fp16"]
    for name, logits in answers.items():
        entry = certificate["formats"][name]
        error = np.abs(logits - expected).max()
        # Sums may be taken in another order: an error of a few roundings is only near itself.
        assert entry["max_abs_error"] == pytest.approx(error, rel=0.01, abs=1e-6)
        assert entry["max_rel_error"] == pytest.approx(error / np.abs(expected).max(), rel=0.01, abs=1e-6)
        agreed = (logits.argmax(1) == expected.argmax(1)).sum()
        assert entry["top1_agreement"] == {"count": agreed, "of": 6}
        assert entry["bytes"] == (tmp_path / entry["file"]).stat().st_size
    assert certificate["formats"]["tflite_fp16"]["quantize"] == "fp16"
    assert certificate["formats"]["tflite_fp16"]["max_rel_error"] > certificate["formats"]["onnx"]["max_rel_error"]


def test_every_format_is_written_and_nothing_else(exported):
    names = sorted(path.name for path in exported.iterdir())
    assert names == ["certificate.json", "model.keras", "model.onnx", "model.tflite", "model_card.md", "savedmodel"]
    certificate = json.loads((exported / "certificate.json").read_text())
    files = {name: entry["file"] for name, entry in certificate["formats"].items()}
    assert files == {
        "savedmodel": "savedmodel/1",
        "tflite": "model.tflite",
        "onnx": "model.onnx",
        "keras": "model.keras",
    }


def test_all_formats_of_odd_images_and_strided_blocks_are_certified(tmp_path, build, random_images, description):
    network = build("strided", 31)
    preprocessing = replace(description.preprocessing, image_size=31)
    described = replace(description, preprocessing=preprocessing)
    certificate = export_model(network, ExportSettings(FORMATS), tmp_path, random_images(3, 31), described)
    assert all(entry["max_rel_error"] < 1e-5 for entry in certificate["formats"].values())


@pytest.fixture
def onnx_is_altered(monkeypatch, exported):
    """Makes every ONNX export one of slightly larger weights in its first convolution."""
    altered = onnx.load(exported / "model.onnx")
    first = next(node for node in altered.graph.node if node.op_type == "Conv")
    (kernel,) = (tensor for tensor in altered.graph.initializer if tensor.name == first.input[1])
    kernel.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(kernel) * 1.02, kernel.name))

    def write_altered(model, path, *_):
        onnx.save(altered, path)
        return path

    monkeypatch.setattr(artifacts, "write_onnx", write_altered)


@pytest.mark.usefixtures("onnx_is_altered")
def test_an_altered_artifact_fails_and_changes_nothing(network, tmp_path, random_images, description):
    for name in ("model.onnx", "model.keras", "certificate.json"):
        (tmp_path / name).write_text("older")
    before = contents(tmp_path)
    with pytest.raises(ParityError, match=r"model\.onnx"):
        export_model(network, ExportSettings(["keras", "savedmodel", "onnx"]), tmp_path, random_images(2), description)
    assert contents(tmp_path) == before
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.usefixtures("onnx_is_altered")
def test_a_failed_export_leaves_no_new_directory(network, tmp_path, random_images, description):
    with pytest.raises(ParityError):
        export_model(network, ExportSettings(["onnx"]), tmp_path / "new", random_images(2), description)
    assert not (tmp_path / "new").exists()


def test_a_model_that_is_not_its_reference_is_not_exported(network, tmp_path, random_images, logits_of, description):
    images = random_images(2)
    reference = logits_of(network, images) * 1.01
    with pytest.raises(ParityError, match="reference"):
        export_model(network, ExportSettings(["onnx"]), tmp_path / "new", images, description, reference=reference)
    assert not (tmp_path / "new").exists()


def test_exporting_again_adds_a_version_and_replaces_files(network, tmp_path, random_images, description):
    (tmp_path / "model.keras").write_bytes(b"older")
    (tmp_path / "savedmodel" / "4").mkdir(parents=True)
    certificate = export_model(
        network, ExportSettings(["keras", "savedmodel"]), tmp_path, random_images(1), description
    )
    assert certificate["formats"]["savedmodel"]["file"] == "savedmodel/5"
    assert (tmp_path / "savedmodel" / "5" / "saved_model.pb").is_file()
    assert (tmp_path / "model.keras").stat().st_size == certificate["formats"]["keras"]["bytes"] > 10_000


def test_images_of_another_size_are_refused(network, tmp_path, random_images, description):
    with pytest.raises(InputError, match=r"\(28, 28, 3\)"):
        export_model(network, ExportSettings(["onnx"]), tmp_path / "new", random_images(1, 32), description)
    assert not (tmp_path / "new").exists()
