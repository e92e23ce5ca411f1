"""The command that times exported files side by side."""

import json

import pytest


@pytest.fixture(scope="module")
def place(tmp_path_factory, mini_arch):
    """Working directory with model.tflite, model.onnx and savedmodel of a small network, and a truncated file."""
    from scarlet_tf.export.onnx import write_onnx
    from scarlet_tf.export.savedmodel import write_signature
    from scarlet_tf.export.tflite import write_tflite
    from scarlet_tf.nets.standalone import build_model

    place = tmp_path_factory.mktemp("place")
    model = build_model(mini_arch.arch, 16, 10)
    write_tflite(model, place / "model.tflite")
    write_onnx(model, place / "model.onnx")
    write_signature(model, place / "savedmodel" / "1")
    (place / "half.tflite").write_bytes((place / "model.tflite").read_bytes()[:3000])
    (place / "file").touch()
    return place


def test_all_formats_are_timed_in_one_run(place, tmp_path, run_command):
    from matplotlib.image import imread

    done = run_command(
        "benchmark",
        "--model=model.tflite,model.onnx,savedmodel",
        "--threads=1,2",
        "--runs=7",
        "--warmup=1",
        f"--output={tmp_path / 'times.json'}",
        f"--figure={tmp_path / 'times.png'}",
        cwd=place,
    )
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads((tmp_path / "times.json").read_text())
    assert [(one["name"], one["threads"]) for one in report["results"]] == [
        (name, threads) for threads in (1, 2) for name in ("model.tflite", "model.onnx", "savedmodel")
    ]
    for index, one in enumerate(report["results"]):
        assert len(one["runs_ms"]) == 7
        assert one["min_ms"] <= one["quartiles_ms"][0] <= one["median_ms"] <= one["quartiles_ms"][1]
        baseline = report["results"][index // 3 * 3]
        assert one["ratio"] == pytest.approx(one["median_ms"] / baseline["median_ms"])
        assert one["input_shape"] == [1, 16, 16, 3]
        assert f"{one['median_ms']:.2f}" in done.stdout
    assert report["machine"]["cores"] > 0
    assert imread(tmp_path / "times.png")[..., :3].std() > 0.05


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], ["--model must be given"]),
        (["--model="], ["--model", "none"]),
        (["--model=missing.onnx"], ["--model", "missing.onnx, which does not exist"]),
        (["--model=model.tflite,file"], ["--model", ".tflite, .onnx or .keras", "file"]),
        (["--model=model.tflite", "--threads=0"], ["--threads", "at least 1", "'0'"]),
        (["--model=model.tflite", "--threads=two"], ["--threads", "'two'"]),
        (["--model=model.tflite", "--runs=0"], ["--runs", "at least 1", "0"]),
        (["--model=model.tflite", "--warmup=-1"], ["--warmup", "at least 0", "-1"]),
        (["--model=model.tflite", "--batch_size=0"], ["--batch_size", "at least 1", "0"]),
        (["--model=model.tflite", "--batch_size=2"], ["--batch_size", "model.tflite takes batches of 1", "2"]),
        (["--model=model.tflite", "--output=out.txt"], ["--output", ".json", "out.txt"]),
        (["--model=model.tflite", "--figure=file/below.png"], ["--figure", "must be a directory"]),
        (["--model=model.onnx,half.tflite"], ["half.tflite must hold a TFLite model"]),
    ],
)
def test_bad_input_is_refused_and_nothing_written(flags, said, place, run_command, digest):
    before = digest(place)
    done = run_command("benchmark", *flags, "--runs=1" if "--runs=0" not in flags else "--seed=0", cwd=place)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    for words in said:
        assert words in done.stderr
    assert digest(place) == before
