"""The commands on a small detector: what they write and print, and that a killed training ends the same."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

pytest.importorskip("keras_hub")
pytest.importorskip("pycocotools")

from scarlet_tf.detect.evaluation import coco_metrics
from scarlet_tf.detect.runtimes import DetectorSource

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "TF_CPP_MIN_LOG_LEVEL": "3"}
FILES = {"arch.json", "categories.json", "checkpoints", "config.json", "detector.keras", "metrics.jsonl", "tensorboard"}


def tensors(workdir: Path) -> dict[str, np.ndarray]:
    reader = tf.train.load_checkpoint(str(workdir / "checkpoints"))
    return {name: np.asarray(reader.get_tensor(name)) for name in reader.get_variable_to_shape_map()}


def metrics(workdir: Path) -> list[dict]:
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def test_training_learns_and_writes_its_files(trained_detector):
    assert {path.name for path in trained_detector.iterdir()} == FILES
    lines = metrics(trained_detector)
    assert (lines[0]["step"], lines[-1]["step"]) == (2, 40)
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert lines[-1]["cls_logits_loss"] < lines[0]["cls_logits_loss"] / 4
    rates = {line["step"]: line["learning_rate"] for line in lines}
    assert rates[28] == pytest.approx(2e-4)
    assert rates[40] == pytest.approx(2e-5)


def test_killed_training_ends_with_the_same_bits(
    trained_detector, training_flags, tmp_path, start_command, run_command
):
    workdir = tmp_path / "killed"
    command = ("detect", "train", *training_flags, f"--workdir={workdir}")
    process, deadline = start_command(*command), time.monotonic() + 300
    state = workdir / "checkpoints" / "checkpoint"
    while not (state.exists() and "step-16" in state.read_text()):
        assert process.poll() is None, "the training ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    done = run_command(*command)
    assert done.returncode == 0, done.stderr
    expected, received = tensors(trained_detector), tensors(workdir)
    assert received.keys() == expected.keys()
    assert [name for name in expected if expected[name].tobytes() != received[name].tobytes()] == []
    timeless = [[{**line, "images_per_second": 0} for line in metrics(path)] for path in (trained_detector, workdir)]
    assert timeless[0] == timeless[1]


def test_evaluate_and_predict_say_what_a_trained_detector_sees(
    trained_detector, pictures, source_flags, tmp_path, run_command, digest
):
    before, out = digest(trained_detector), tmp_path / "out"
    evaluate = ("evaluate", f"--model={trained_detector}", *source_flags, "--output=numbers.json")
    evaluated = run_command("detect", *evaluate, cwd=tmp_path)
    predict = ("predict", f"--model={trained_detector / 'detector.keras'}", f"--images={pictures / 'images'}")
    predicted = run_command("detect", *predict, "--output_dir=out", cwd=tmp_path)
    assert (evaluated.returncode, evaluated.stderr) == (0, "")
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert numbers["images"] == 8
    assert 0 <= numbers["AP"] <= numbers["AP50"] <= 1
    assert f"{trained_detector}: {numbers['AP']:.1%} AP on 8 images" in evaluated.stdout
    assert (predicted.returncode, predicted.stderr) == (0, "")
    drawn = sorted(path.name for path in out.iterdir())
    assert drawn == [*(f"{number}.jpg.png" for number in range(100, 108)), "predictions.json"]
    results = json.loads((out / "predictions.json").read_text())
    assert results
    for result in results:
        with Image.open(pictures / "images" / result["file_name"]) as image:
            x, y, width, height = result["bbox"]
            assert 0 <= x <= x + width <= image.width + 0.02
            assert 0 <= y <= y + height <= image.height + 0.02
        assert result["image_id"] == int(result["file_name"].removesuffix(".jpg"))
        assert result["category_id"] in (3, 7)
        assert 0.05 <= result["score"] <= 1
    # both commands see the same: what predict found, counted by pycocotools here, is what evaluate says
    truth = json.loads((pictures / "train.json").read_text())
    found = [{key: value for key, value in result.items() if key != "file_name"} for result in results]
    assert coco_metrics(truth, found)["AP"] == pytest.approx(numbers["AP"], abs=1e-6)
    for picture in (pictures / "images").iterdir():
        scores = [result["score"] for result in results if result["file_name"] == picture.name]
        original, marked = (np.array(Image.open(p)) for p in (picture, out / f"{picture.name}.png"))
        assert original.shape == marked.shape
        assert (original != marked).any() == (max(scores, default=0) >= 0.3)
    assert digest(trained_detector) == before


def test_saved_detector_loads_where_only_scarlet_tf_was_imported(trained_detector, tmp_path):
    code = f"""
import scarlet_tf
import sys
assert "keras_hub" not in sys.modules and "tensorflow" not in sys.modules
import keras
import numpy as np
model = keras.models.load_model({str(trained_detector / "detector.keras")!r})
print(type(model).__module__.split(".")[0], type(model).__name__)
np.savez({str(tmp_path / "out.npz")!r}, **model(np.ones((1, 64, 64, 3), "float32"), training=False))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "keras_hub RetinaNetObjectDetector\n"
    expected = DetectorSource.find(str(trained_detector)).load_keras()(np.ones((1, 64, 64, 3), np.float32))
    with np.load(tmp_path / "out.npz") as received:
        for name, value in expected.items():
            np.testing.assert_allclose(received[name], value, rtol=1e-4, atol=1e-5)
