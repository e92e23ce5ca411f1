"""Bad input to `detect`: exit code 2, one line that says what is wrong, and nothing changed on disk."""

import copy
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from scarlet_tf.arch.named import NamedArch
from scarlet_tf.detect.categories import Category
from scarlet_tf.detect.config import DetectConfig
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.workdir import Workdir

SOURCE = ("--dataset=json", "--annotations=train.json", "--images=images")
TRAIN = ("train", "--model=arch.json", *SOURCE, "--image_size=64", "--max_level=5", "--workdir=out")
EVALUATE = ("evaluate", "--model=detector", *SOURCE)
PREDICT = ("predict", "--model=detector", "--images=images", "--output_dir=out")
EXPORT = ("export", "--model=detector", "--output_dir=out")
EXTRA = ('pip install "scarlet-tf[detection]"',)


def broken(name: str) -> str:
    return f"--annotations={name}.json"


BAD_ANNOTATIONS = {
    "torn": ["torn.json must be a JSON file"],
    "list": ["list.json must hold COCO annotations", "a list"],
    "no_images": ["no_images.json", "no list images"],
    "no_annotations": ["no_annotations.json", "no list annotations"],
    "no_categories": ["no_categories.json", "no list categories"],
    "no_category_id": ["no_category_id.json: an annotation must have the key category_id"],
    "no_file_name": ["no_file_name.json: an image must have the key file_name"],
    "no_bbox": ["no_bbox.json: an annotation must have the key bbox"],
    "short_bbox": ["short_bbox.json", "bbox=[1, 2, 3]"],
    "nan_bbox": ["nan_bbox.json", "bbox", "nan"],
    "endless_bbox": ["endless_bbox.json", "bbox", "1000"],
    "endless_id": ["endless_id.json", "an image has the key id with what cannot be", str(2**63)],
    "strange_name": ["strange_name.json", "an image has the key file_name with what cannot be"],
    "unknown_category": ["unknown_category.json", "category_id=99", "categories"],
    "unknown_image": ["unknown_image.json", "image_id=99", "images"],
    "twin_categories": ["twin_categories.json", "ids of categories must differ"],
    "twin_images": ["twin_images.json", "ids of images must differ"],
    "missing_image": ["images/nowhere.jpg, listed in missing_image.json,", "no such file"],
    "bad_image": ["images/bad.jpg, listed in bad_image.json,", "whole JPEG or PNG"],
    "torn_image": ["images/torn.jpg, listed in torn_image.json,", "whole JPEG or PNG", "truncated"],
    "other_size": ["images/100.jpg must be 65x80 pixels", "64x80"],
}
REFUSED = [
    *[(TRAIN, [broken(name)], said) for name, said in BAD_ANNOTATIONS.items()],
    (EVALUATE, [broken("unknown_category")], BAD_ANNOTATIONS["unknown_category"]),
    (EVALUATE, [broken("torn_image")], BAD_ANNOTATIONS["torn_image"]),
    (EVALUATE, [broken("other_names")], ["other_names.json must have the detector's 2 categories", "blue"]),
    (TRAIN, ["--annotations=missing.json"], ["missing.json"]),
    (TRAIN, ["--images=missing"], ["--images", "missing"]),
    (TRAIN, ["--data_dir=somewhere"], ["--data_dir is for --dataset=coco"]),
    (("train", "--model=arch.json", "--dataset=json", "--image_size=128", "--workdir=out"), [], ["--annotations must"]),
    (TRAIN, ["--dataset=coco"], ["--annotations is for --dataset=json"]),
    (TRAIN, ["--dataset=voc"], ["--dataset", "voc"]),
    (TRAIN, ["--max_level=7"], ["--image_size must be a multiple of 32, and at least 128", "64"]),
    (TRAIN, ["--image_size=80"], ["--image_size must be a multiple of 32", "80"]),
    (TRAIN, ["--min_level=1"], ["--min_level", "1"]),
    (TRAIN, ["--max_level=8"], ["--max_level", "8"]),
    (TRAIN, ["--model=scarlet_z"], ["--model", "scarlet_z"]),
    (TRAIN, ["--model=skips.json"], ["--model must have a block at each stride from 8 to 32", "skips", "stride 16"]),
    (TRAIN, ["--model=shallow.json"], ["--model must be a network of stride 32", "stride 4"]),
    (
        TRAIN,
        [f"--model=nas_bench_101_chains:{'-'.join('2' * 45)}"],
        ["--model must be a network of inverted", "nas_bench_101"],
    ),
    (TRAIN, ["--batch_size=0"], ["--batch_size", "0"]),
    (TRAIN, ["--decay_epochs=8,x"], ["--decay_epochs", "8,x"]),
    (TRAIN, ["--decay_epochs=11,8"], ["--decay_epochs", "11,8"]),
    (TRAIN, ["--learning_rate=nan"], ["--learning_rate", "nan"]),
    (TRAIN, ["--clip_norm=0"], ["--clip_norm", "0"]),
    (TRAIN, ["--workdir=file"], ["--workdir must be a directory", "file"]),
    (TRAIN, ["stray"], ["'stray'"]),
    (EVALUATE, ["--model=missing"], ["--model", "missing", "nothing there"]),
    (EVALUATE, ["--model=classifier"], ["classifier/config.json must hold the settings of a detector's training"]),
    (EVALUATE, ["--model=young"], ["--model=young", "no checkpoint"]),
    (EVALUATE, ["--model=lonely/detector.keras"], ["lonely/categories.json"]),
    (EVALUATE, ["--max_images=0"], ["--max_images", "0"]),
    (EVALUATE, ["--output=images"], ["--output must be a file", "images"]),
    (EVALUATE, ["--epochs=3"], ["epochs"]),
    (PREDICT, ["--images=missing.jpg"], ["missing.jpg", "no such file"]),
    (PREDICT, ["--images=images/bad.jpg"], ["images/bad.jpg", "whole JPEG or PNG"]),
    (PREDICT, ["--images=empty"], ["--images must hold pictures", "empty"]),
    (PREDICT, ["--min_score=2"], ["--min_score", "2"]),
    (PREDICT, ["--images=images/100.jpg", "--output_dir=file"], ["--output_dir must be a directory", "file"]),
    (EXPORT, ["--format=onnx"], ["--format takes savedmodel, tflite", "onnx"]),
    (EXPORT, ["--quantize=int8"], ["--quantize takes none, fp16", "int8"]),
    (EXPORT, ["--format=savedmodel", "--quantize=fp16"], ["--quantize=fp16 is for TFLite"]),
    (EXPORT, ["--images=images/bad.jpg"], ["images/bad.jpg", "whole JPEG or PNG"]),
    (EXPORT, ["--num_images=0"], ["--num_images", "0"]),
    *[((name,), [], ["must be given"]) for name in ("train", "evaluate", "predict", "export")],
    ((), ["fly"], ["one of train, evaluate, predict, export", "'fly'"]),
]


def changed(data: dict, name: str) -> object:
    """`data`, broken as BAD_ANNOTATIONS and the tests below say."""
    data = copy.deepcopy(data)
    image, annotation = data["images"][0], data["annotations"][0]
    if name == "list":
        return [data]
    if name in ("no_images", "no_annotations", "no_categories"):
        del data[name.removeprefix("no_")]
    elif name in ("no_category_id", "no_bbox"):
        del annotation[name.removeprefix("no_")]
    elif name == "no_file_name":
        del image["file_name"]
    elif name == "other_names":
        data["categories"][1]["name"] = "green"
    elif name.endswith("_bbox"):
        last = {"short_bbox": [], "nan_bbox": [float("nan")], "endless_bbox": [10**400]}[name]
        annotation["bbox"] = [1, 2, 3, *last]
    elif name == "endless_id":
        image["id"] = 2**63
    elif name == "strange_name":
        image["file_name"] = "\ud800.jpg"
    elif name.startswith("unknown"):
        annotation[f"{name.removeprefix('unknown_')}_id"] = 99
    elif name == "twin_categories":
        data["categories"][1]["id"] = data["categories"][0]["id"]
    elif name == "twin_images":
        data["images"][1]["id"] = image["id"]
    elif name == "other_size":
        image["width"] = 65
    else:
        image["file_name"] = {"missing_image": "nowhere.jpg", "bad_image": "bad.jpg", "torn_image": "torn.jpg"}[name]
    return data


@pytest.fixture(scope="module")
def place(pictures, backbone, mini_arch, tmp_path_factory) -> Path:
    """A directory to run commands in: good and bad annotations, and workdirs whose checkpoints nobody gets to open."""
    place = tmp_path_factory.mktemp("place")
    shutil.copytree(pictures / "images", place / "images")
    data = json.loads((pictures / "train.json").read_text())
    (place / "train.json").write_text(json.dumps(data))
    (place / "torn.json").write_text(json.dumps(data)[:-20])
    for name in (*BAD_ANNOTATIONS, "other_names"):
        if name != "torn":
            (place / f"{name}.json").write_text(json.dumps(changed(data, name)))
    (place / "images" / "bad.jpg").write_text("no image")
    whole = (place / "images" / "100.jpg").read_bytes()
    (place / "images" / "torn.jpg").write_bytes(whole[: len(whole) // 2])
    backbone.write(place / "arch.json")
    mini_arch.write(place / "shallow.json")
    NamedArch(backbone.space, (0, 0, 1, 0), "skips").write(place / "skips.json")
    (place / "file").touch()
    for name in ("empty", "lonely"):
        (place / name).mkdir()
    (place / "lonely" / "detector.keras").touch()
    categories = (Category(3, "red"), Category(7, "blue"))
    config = DetectConfig(backbone, 64, "json", max_level=5, categories=categories)
    classifier = TrainConfig("synthetic", 16, model=mini_arch, batch_size=50, num_classes=10)
    for name, settings in {"detector": config, "young": config, "classifier": classifier}.items():
        Workdir(place / name).start(settings)
        if name != "young":
            (place / name / "checkpoints").mkdir()
            (place / name / "checkpoints" / "checkpoint").touch()
    return place


@pytest.fixture(scope="module")
def environment(tensorflow_blocked, tmp_path_factory) -> dict[str, str]:
    """One in which TensorFlow cannot be imported, but the extra seems to be installed."""
    extra = tmp_path_factory.mktemp("extra")
    for name in ("keras_hub", "pycocotools"):
        (extra / f"{name}.py").touch()
    return tensorflow_blocked | {"PYTHONPATH": f"{extra}{os.pathsep}{tensorflow_blocked['PYTHONPATH']}"}


# No TensorFlow among them
IMPORTS = ("scarlet_tf.detect.source", "scarlet_tf.detect.runtimes", "rich.console", "rich.table")


@pytest.fixture(scope="module")
def detect(environment, place, fork_server) -> Callable[..., subprocess.CompletedProcess]:
    """Runs `python -m scarlet_tf.detect` there, in `place`."""
    return partial(fork_server(environment, IMPORTS), "detect", cwd=place)


def check_refused(done: subprocess.CompletedProcess, said: list[str]) -> None:
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    for words in said:
        assert words in done.stderr


@pytest.mark.parametrize(
    ("command", "flags", "said"), REFUSED, ids=[" ".join([*command[:1], *flags]) for command, flags, _ in REFUSED]
)
def test_bad_input_is_refused_before_tensorflow_starts(command, flags, said, detect, place, digest):
    before = digest(place)
    check_refused(detect(*command, *flags), said)
    assert digest(place) == before


def test_help_needs_neither_tensorflow_nor_the_extra(without_tensorflow):
    for name in ("", "train", "evaluate", "predict", "export"):
        done = without_tensorflow("detect", *([name] if name else []), "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"python -m scarlet_tf.detect {name or 'train|evaluate|predict|export'}\n")
        assert "Flags:" in done.stdout


@pytest.mark.parametrize("package", ["keras_hub", "pycocotools"])
def test_missing_extra_is_one_line(package, place, environment, tmp_path, fork_server, digest):
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules[{package!r}] = None\n")
    run = fork_server(environment | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{environment['PYTHONPATH']}"}, IMPORTS)
    before = digest(place)
    for command in (TRAIN, EVALUATE, PREDICT, EXPORT):
        check_refused(run("detect", *command, cwd=place), [package.replace("_", "-"), *EXTRA])
    assert digest(place) == before


def test_what_only_tensorflow_can_tell(
    place, trained_detector, training_flags, source_flags, run_command, tmp_path, digest
):
    """More images a batch than there are, a workdir of another setting or kind, weights that are not there, a detector
    that cannot be read, no GPU."""
    for name in ("detector.keras", "detector.tflite"):
        (tmp_path / name).write_text("no detector")
    shutil.copy(trained_detector / "categories.json", tmp_path)
    train, evaluate = ["train", *training_flags, "--workdir=out"], ["evaluate", *source_flags]
    cases = [
        ([*train, "--batch_size=9"], ["--batch_size must be at most 8", "9"]),
        ([*train, f"--workdir={trained_detector}", "--seed=1"], ["Changed: --seed: 0 -> 1. "]),
        ([*train, f"--workdir={place / 'classifier'}"], ["classifier/config.json", "detector's"]),
        ([*train, "--weights=none.keras"], ["--weights", "none.keras", "no such file"]),
        (
            ["train", *train[1:2], "--data_dir=none", "--workdir=out"],
            ["--dataset=coco must have been prepared", "none"],
        ),
        ([*train, "--strategy=gpu"], ["--strategy=gpu needs a GPU"]),
        ([*evaluate, "--model=detector.keras"], ["detector.keras must hold a detector"]),
        ([*evaluate, "--model=detector.tflite"], ["detector.tflite must hold a detector"]),
    ]
    before, trained = digest(tmp_path), digest(trained_detector)
    for arguments, said in cases:
        check_refused(run_command("detect", *arguments, cwd=tmp_path), said)
    assert (digest(tmp_path), digest(trained_detector)) == (before, trained)
