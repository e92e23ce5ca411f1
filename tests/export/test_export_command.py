"""The export command on a trained network and on a supernet: all it can write, and verification of it."""

import json
import shutil

import pytest

ARTIFACTS = [
    "model.keras",
    "model.onnx",
    "model.tflite",
    "model_dynamic.tflite",
    "model_fp16.tflite",
    "model_int8.tflite",
    "savedmodel",
]
ALL = ("--format=savedmodel,tflite,onnx,keras", "--quantize=none,fp16,dynamic,int8")


@pytest.fixture(scope="module")
def exported(mini_supernet, mini_files, tmp_path_factory, run_command):
    """All formats of the network that skips the second slot, out of the supernet."""
    output_dir = tmp_path_factory.mktemp("command") / "exported"
    source = (f"--model={mini_files / 'arch.json'}", f"--weights={mini_supernet}")
    done = run_command("export", *source, *ALL, "--num_images=200", "--version=7", f"--output_dir={output_dir}")
    assert (done.returncode, done.stderr) == (0, "")
    assert "compared on 200 test images of synthetic" in done.stdout
    return output_dir


@pytest.fixture(scope="module")
def certificate(exported):
    return json.loads((exported / "certificate.json").read_text())


def test_all_is_there_with_a_card_and_a_picture_of_the_noise(exported, certificate):
    others = ["certificate.json", "model_card.md", "quantization.png"]
    assert sorted(path.name for path in exported.iterdir()) == sorted(ARTIFACTS + others)
    assert certificate["formats"]["savedmodel"]["file"] == "savedmodel/7"
    assert list(certificate["quantization"]) == ["none", "fp16", "dynamic", "int8"]
    card = (exported / "model_card.md").read_text()
    assert all(entry["file"] in card for entry in certificate["formats"].values())
    assert certificate["command"] in card


def test_certificate_follows_the_path_to_each_artifact(certificate):
    assert [removal["slot"] for removal in certificate["removals"]] == [1]
    assert certificate["removals"][0]["method"] == "into the next reader"
    assert (certificate["stabilizers_removed"], certificate["stabilizers_left"]) == (1, 0)
    assert certificate["against_reference"]["max_rel_error"] <= 1e-4
    for name, entry in certificate["formats"].items():
        assert entry["training_leftovers"] == []
        assert {"accuracy", "against_reference", "sha256", "operators"} <= set(entry)
        if entry["quantize"] == "none":
            assert entry["max_rel_error"] <= 1e-4
            assert entry["top1_agreement"] == {"count": 200, "of": 200}
        if name.startswith("tflite") and entry["quantize"] != "dynamic":
            assert entry["partitions"] == {"count": 1, "left": {}}


def test_what_is_on_disk_is_verified_by_the_command_in_the_certificate(exported, run_command, digest):
    before = digest(exported)
    done = run_command("export", f"--verify={exported}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"verified: {exported}, 7 artifacts, compared on 200 test images of synthetic\n"
    assert digest(exported) == before


def test_verification_by_other_weights_or_images_fails(exported, mini_network, run_command):
    for flag, said in (
        (f"--weights={mini_network}", "does not match its certificate"),
        ("--num_images=100", "images: 200, now 100"),
    ):
        done = run_command("export", f"--verify={exported}", flag)
        assert done.returncode == 2
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1
        assert said in done.stderr


def test_a_certificate_that_says_something_else_is_refused(exported, certificate, tmp_path, run_command):
    shutil.copytree(exported, tmp_path / "copy")
    certificate = json.loads(json.dumps(certificate))
    certificate["cost"]["params"] -= 1
    (tmp_path / "copy" / "certificate.json").write_text(json.dumps(certificate))
    done = run_command("export", f"--verify={tmp_path / 'copy'}")
    assert done.returncode == 2
    assert "certificate.json does not hold any more: cost" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_same_command_gives_the_same_bytes(exported, certificate, tmp_path, run_command):
    again = tmp_path / "again"
    flags = certificate["command"].split()[3:]
    done = run_command(
        "export",
        *[flag for flag in flags if not flag.startswith(("--format", "--version"))],
        "--format=tflite,onnx,keras",
        f"--output_dir={again}",
    )
    assert (done.returncode, done.stderr) == (0, "")
    for name in ARTIFACTS[:-1]:
        assert (again / name).read_bytes() == (exported / name).read_bytes(), name


def test_labels_of_another_number_are_refused(mini_network, tmp_path, run_command):
    (tmp_path / "labels.txt").write_text("one\ntwo\n")
    flags = (f"--model={mini_network}", f"--labels={tmp_path / 'labels.txt'}", f"--output_dir={tmp_path / 'out'}")
    done = run_command("export", *flags)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--labels must hold 10 labels" in done.stderr
    assert not (tmp_path / "out").exists()


def test_given_labels_layout_opset_and_batch_reach_the_files(mini_network, tmp_path, run_command):
    import onnxruntime
    from ai_edge_litert.interpreter import Interpreter

    labels = [f"thing {number}" for number in range(10)]
    (tmp_path / "labels.txt").write_text("\n".join(labels) + "\n")
    done = run_command(
        "export",
        f"--model={mini_network}",
        "--format=tflite,onnx",
        f"--labels={tmp_path / 'labels.txt'}",
        "--batch_size=3",
        "--onnx_layout=nchw",
        "--opset=15",
        f"--output_dir={tmp_path / 'out'}",
    )
    assert (done.returncode, done.stderr) == (0, "")
    session = onnxruntime.InferenceSession(tmp_path / "out" / "model.onnx")
    assert session.get_inputs()[0].shape == ["batch", 3, 16, 16]
    assert json.loads(session.get_modelmeta().custom_metadata_map["labels"]) == labels
    interpreter = Interpreter(str(tmp_path / "out" / "model.tflite"))
    assert interpreter.get_input_details()[0]["shape"].tolist() == [3, 16, 16, 3]
