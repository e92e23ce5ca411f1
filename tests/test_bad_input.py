"""Bad input to every command: exit code 2, one line that says what is wrong, and nothing changed on disk."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from scarlet_tf.arch.named import NamedArch
from scarlet_tf.train.config import TrainConfig
from scarlet_tf.train.workdir import Workdir

COMMANDS = ("train", "search", "export", "evaluate", "quickstart", "import_torch", "benchmark")

TRAIN = ("train", "--space=space.json", "--dataset=synthetic", "--image_size=16", "--workdir=out")
TRAIN_FOLDER = ("train", "--space=space.json", "--dataset=folder", "--batch_size=2", "--workdir=out")
TRAIN_NETWORK = ("train", "--dataset=synthetic", "--image_size=32", "--workdir=out")
SEARCH = ("search", "--supernet=supernet", "--workdir=out")
EXPORT = ("export", "--model=arch.json", "--output_dir=out")
IMPORT = ("import_torch", "--model=scarlet_a", "--checkpoint=file", "--output=out.keras")
EVALUATE = ("evaluate", "--model=arch.json", "--weights=supernet")

BAD_MODELS = {
    "scarlet_z": ["--model", "scarlet_a", "'scarlet_z'"],
    "empty": ["--model", "'empty"],
    "not_json.json": ["not_json.json", "JSON"],
    "no_genotype.json": ["no_genotype.json", "space and genotype"],
    "unknown_space.json": ["unknown_space.json", "s1, s2, small", "'s9'"],
    "short.json": ["short.json", "3 choices", "[1, 2]"],
    "outside.json": ["outside.json", "from 0 to 2", "9 at slot 1"],
    "supernet": ["--model", "'supernet"],
}
BAD_DATA = {
    "empty": ["--data_dir", "no train/"],
    "missing": ["--data_dir", "missing", "No such file"],
    "file": ["--data_dir", "file", "Not a directory"],
    "file/below": ["--data_dir", "file/below", "Not a directory"],
    "dangling": ["--data_dir", "dangling", "No such file"],
    "loop": ["--data_dir", "loop", "symbolic links"],  # cannot be read, not even by root
    "no_images": ["no_images/train/a", "must hold images"],
    "one_class": ["at least 2 class"],
}
BAD_OUTPUTS = {
    "file": ["must be a directory", "file"],
    "file/below": ["must be a directory", "file/below"],
    "/proc/scarlet": ["must be writable", "/proc/scarlet"],
}
WITHOUT_TENSORFLOW = [
    *[(command, ["--no_such_flag=1"], ["no_such_flag"]) for command in COMMANDS],
    *[(command, ["stray"], ["--flag=value", "'stray'"]) for command in COMMANDS],
    *[(command, [], ["must be given"]) for command in COMMANDS if command != "quickstart"],
    # train
    (TRAIN, ["--space=s9"], ["s1, s2, small", "'s9'"]),
    (TRAIN, ["--space=missing.json"], ["missing.json"]),
    (TRAIN, ["--space=not_json.json"], ["not_json.json"]),
    (TRAIN, ["--space=arch.json"], ["arch.json", "genotype"]),
    (TRAIN, ["--dataset=mnist"], ["--dataset", "mnist", "synthetic"]),
    (TRAIN, ["--data_dir=empty"], ["--data_dir", "synthetic"]),
    (TRAIN, ["--model=scarlet_a"], ["--space", "--model"]),
    (TRAIN, ["--weights=supernet"], ["--weights", "--model"]),
    (TRAIN, ["--image_size=3"], ["--image_size", "at least 4", "3"]),
    (TRAIN, ["--space=s1", "--image_size=31"], ["--image_size", "at least 32", "31"]),
    (TRAIN, ["--batch_size=0"], ["--batch_size", "0"]),
    (TRAIN, ["--batch_size=2001"], ["--batch_size", "at most 2000", "2001"]),
    (TRAIN, ["--epochs=ten"], ["--epochs", "ten"]),
    (TRAIN, ["--steps=0"], ["--steps", "at least 1", "0"]),
    (TRAIN, ["--learning_rate=nan"], ["--learning_rate", "nan"]),
    (TRAIN, ["--learning_rate=-1"], ["--learning_rate", "-1"]),
    (TRAIN, ["--stabilizer=none"], ["--stabilizer", "none", "els_relu"]),
    (TRAIN, ["--method=darts"], ["--method", "darts", "spos"]),
    (TRAIN, ["--method=spos", "--precision=mixed_bfloat16"], ["--method=spos", "--precision=mixed_bfloat16"]),
    (TRAIN, ["--method=spos", "--sync_batch_norm"], ["--method=spos", "--sync_batch_norm"]),
    (TRAIN, ["--strategy=multiworker", "--probe_epochs=1"], ["--probe_epochs", "multiworker"]),
    (TRAIN_NETWORK, ["--model=arch.json", "--rematerialize"], ["--rematerialize", "--space"]),
    (TRAIN_NETWORK, ["--model=arch.json", "--streams_at_once=1"], ["--streams_at_once", "--space"]),
    (TRAIN, ["--qat"], ["--qat", "--model"]),
    (TRAIN_NETWORK, ["--model=arch.json", "--qat"], ["--qat", "--weights"]),
    (
        TRAIN_NETWORK,
        ["--model=arch.json", "--weights=network", "--qat", "--strategy=tpu"],
        ["--qat", "one device", "tpu"],
    ),
    (TRAIN, ["--streams_at_once=1"], ["--streams_at_once", "--rematerialize"]),
    (TRAIN, ["--method=spos", "--rematerialize", "--streams_at_once=1"], ["--streams_at_once", "--method=fair"]),
    (TRAIN, ["--rematerialize", "--streams_at_once=-1"], ["--streams_at_once", "at least 0", "-1"]),
    (TRAIN, ["--rematerialize", "--streams_at_once=99"], ["--streams_at_once", "at most", "the choices", "99"]),
    (TRAIN, ["--strategy=cluster"], ["--strategy", "cluster", "mirrored"]),
    (TRAIN, ["--strategy=multiworker", "--batch_size=50"], ["TF_CONFIG", "Received: none"]),
    (TRAIN, ["--strategy=tpu", "--precision=mixed_float16", "--batch_size=50"], ["--precision", "mixed_bfloat16"]),
    (TRAIN, ["--precision=float16"], ["--precision", "mixed_float16", "float16"]),
    (TRAIN, ["--connect_timeout=0"], ["--connect_timeout", "above 0", "0"]),
    (TRAIN, ["--workdir=supernet"], ["--workdir=supernet", "Changed: --batch_size: 50 -> 256. "]),
    (TRAIN, ["--workdir=bad_config"], ["bad_config/config.json", "settings of a training"]),
    *[(TRAIN_NETWORK, [f"--model={model}"], BAD_MODELS[model]) for model in ("scarlet_z", "short.json")],
    (TRAIN_NETWORK, ["--model=scarlet_b", "--image_size=31"], ["--image_size", "at least 32", "31"]),
    (TRAIN_NETWORK, ["--model=scarlet_b", "--weights=supernet"], ["--weights", "scarlet_b", "s2", "supernet of mini"]),
    (TRAIN_NETWORK, ["--model=other.json", "--weights=network"], ["--weights", "other", "network mini_arch"]),
    (TRAIN_NETWORK, ["--model=arch.json", "--weights=missing"], ["--weights", "missing", "nothing there"]),
    (TRAIN_NETWORK, ["--model=arch.json", "--weights=file"], ["--weights", ".keras", "file"]),
    (TRAIN_NETWORK, ["--model=arch.json", "--weights=empty"], ["--weights", "empty", "config.json"]),
    (TRAIN, ["--optimizer=adam"], ["--optimizer", "rmsprop", "adam"]),
    (TRAIN, ["--schedule=linear"], ["--schedule", "exponential", "linear"]),
    (TRAIN, ["--decay_rate=0"], ["--decay_rate", "above 0 and at most 1", "0"]),
    (TRAIN, ["--decay_rate=1.1"], ["--decay_rate", "at most 1", "1.1"]),
    (TRAIN, ["--decay_epochs=0"], ["--decay_epochs", "above 0", "0"]),
    (TRAIN, ["--decay_epochs=inf"], ["--decay_epochs", "inf"]),
    (TRAIN, ["--auto_augment=imagenet"], ["--auto_augment", "none", "cifar10", "imagenet"]),
    (TRAIN, ["--new_classifier"], ["--new_classifier needs --weights"]),
    (TRAIN, ["--layer_decay=0.9"], ["--layer_decay is for --model", "0.9"]),
    (TRAIN, ["--ema_decay=0.9"], ["--ema_decay is for --model", "0.9"]),
    (TRAIN, ["--probe_epochs=-1"], ["--probe_epochs", "at least 0", "-1"]),
    (TRAIN, ["--probe_paths=1"], ["--probe_paths", "at least 2", "1"]),
    (
        TRAIN_NETWORK,
        ["--model=arch.json", "--probe_epochs=1", "--probe_bn=batch"],
        ["--probe_bn is for --space", "batch"],
    ),
    (TRAIN, ["--keep_stabilizers"], ["--keep_stabilizers is for --model"]),
    (
        TRAIN_NETWORK,
        ["--model=other.json", "--keep_stabilizers"],
        ["--keep_stabilizers needs a --model that skips a slot", "other"],
    ),
    (
        TRAIN_NETWORK,
        ["--model=arch.json", "--keep_stabilizers", "--weights=network"],
        ["--weights must be left at None with --keep_stabilizers", "network"],
    ),
    (
        TRAIN_NETWORK,
        ["--model=arch.json", "--keep_stabilizers", "--layer_decay=0.9"],
        ["--layer_decay must be left at 1.0 with --keep_stabilizers", "0.9"],
    ),
    (TRAIN, ["--freeze=stem"], ["--freeze=stem needs --weights"]),
    (TRAIN, ["--width=2"], ["--width", "--model"]),
    (TRAIN_NETWORK, ["--model=arch.json", "--width=0"], ["--width", "above 0", "0"]),
    (TRAIN_NETWORK, ["--model=arch.json", "--depth=17"], ["--depth", "at most 16", "17"]),
    (TRAIN_NETWORK, ["--model=arch.json", "--layer_decay=0"], ["--layer_decay", "above 0 and at most 1", "0"]),
    (TRAIN_NETWORK, ["--model=arch.json", "--ema_decay=1"], ["--ema_decay", "at least 0 and below 1", "1"]),
    (TRAIN_NETWORK, ["--model=arch.json", "--layer_decay=nan"], ["--layer_decay", "nan"]),
    (TRAIN_NETWORK, ["--model=arch.json", "--freeze=stem"], ["--freeze=stem needs --weights"]),
    (TRAIN_NETWORK, ["--model=arch.json", "--new_classifier"], ["--new_classifier needs --weights"]),
    (
        TRAIN_NETWORK,
        ["--model=arch.json", "--weights=network", "--freeze=slot_1"],  # which is skipped
        ["--freeze must be a layer of mini_arch", "stem, slot_0, slot_2, head", "'slot_1'"],
    ),
    (
        TRAIN_NETWORK,
        ["--model=arch.json", "--weights=network", "--freeze=logits"],
        ["--freeze", "before its classifier", "'logits'"],
    ),
    (
        TRAIN_NETWORK,
        ["--model=arch.json", "--weights=network", "--dataset=folder", "--data_dir=data", "--batch_size=2"],
        ["--weights", "2 classes", "trained on 10", "--new_classifier"],
    ),
    (
        TRAIN_NETWORK,
        ["--model=arch.json", "--weights=network", "--new_classifier", "--width=2"],
        ["--weights", "mini_arch-w2-d1", "network mini_arch"],
    ),
    *[(TRAIN_FOLDER, [f"--data_dir={data}"], said) for data, said in BAD_DATA.items()],
    (TRAIN_FOLDER, [], ["--data_dir must be given", "train/CLASS"]),
    # search
    (SEARCH, ["--supernet=missing"], ["--supernet", "missing", "config.json"]),
    (SEARCH, ["--supernet=network"], ["--supernet", "network", "standalone"]),
    (SEARCH, ["--supernet=young"], ["--supernet=young", "no checkpoint"]),
    (SEARCH, ["--supernet=bad_config"], ["bad_config/config.json"]),
    (SEARCH, ["--dataset=mnist"], ["--dataset", "mnist"]),
    (SEARCH, ["--dataset=folder", "--data_dir=dangling"], BAD_DATA["dangling"]),
    (SEARCH, ["--dataset=folder", "--data_dir=data"], ["--dataset", "10 classes", "folder, with 2"]),
    (SEARCH, ["--population=1"], ["--population", "at least 2", "1"]),
    (SEARCH, ["--generations=0"], ["--generations", "0"]),
    (SEARCH, ["--madds_max=-5"], ["--madds_max", "-5"]),
    (SEARCH, ["--madds_max=1"], ["--madds_max=1", "10,000 networks tried. The closest, ", "Loosen --madds_max"]),
    (SEARCH, ["--acc_min=40"], ["--acc_min", "40"]),
    (SEARCH, ["--weights=acc:1"], ["--weights", "each of acc, madds, params", "'acc:1'"]),
    (SEARCH, ["--mutation_ratio=2"], ["--mutation_ratio", "2"]),
    (SEARCH, ["--pick=0"], ["--pick", "0"]),
    (SEARCH, ["--max_images=0"], ["--max_images", "0"]),
    (SEARCH, ["--eval_batch_size=0"], ["--eval_batch_size", "0"]),
    # export
    *[(EXPORT, [f"--model={model}"], said) for model, said in BAD_MODELS.items()],
    (EXPORT, ["--format=torch"], ["--format", "tflite, onnx", "torch"]),
    (EXPORT, ["--format="], ["--format"]),
    (EXPORT, ["--quantize=int3"], ["--quantize", "fp16", "int3"]),
    (EXPORT, ["--format=onnx", "--quantize=fp16"], ["--quantize", "tflite", "onnx"]),
    (EXPORT, ["--quantize=int8"], ["--quantize=int8 needs images", "--dataset"]),
    (EXPORT, ["--quantize=int8", "--dataset=folder", "--data_dir=data"], ["--representative_images", "100", "2"]),
    (
        EXPORT,
        ["--quantize=int8", "--dataset=synthetic", "--representative_images=99"],
        ["--representative_images must be at least 100", "99"],
    ),
    (EXPORT, ["--quantize=qat"], ["--quantize=qat", "--qat", "--quantize=int8"]),
    (EXPORT, ["--quantize=qat", "--weights=network"], ["--quantize=qat", "--qat"]),
    (EXPORT, ["--batch_size=0"], ["--batch_size", "at least 1", "0"]),
    (EXPORT, ["--format=onnx", "--batch_size=2"], ["--batch_size=2", "tflite"]),
    (EXPORT, ["--format=onnx", "--opset=9"], ["--opset", "from 11 to 22", "9"]),
    (EXPORT, ["--opset=15"], ["--opset=15", "onnx"]),
    (EXPORT, ["--format=onnx", "--onnx_layout=hwcn"], ["--onnx_layout", "nhwc", "hwcn"]),
    (EXPORT, ["--version=2"], ["--version=2", "savedmodel"]),
    (EXPORT, ["--format=savedmodel", "--version=0"], ["--version", "at least 1", "0"]),
    (EXPORT, ["--format=savedmodel", "--output_dir=published", "--version=3"], ["--version", "3", "has 3"]),
    (EXPORT, ["--data_dir=data"], ["--data_dir needs --dataset", "data"]),
    (("export",), ["--verify=empty"], ["empty/certificate.json", "certificate of an export"]),
    (("export",), ["--verify=bad_config"], ["bad_config/certificate.json"]),
    (("export",), ["--verify=altered"], ["altered/model.tflite does not match its certificate", "Export again"]),
    (("export",), ["--verify=incomplete"], ["incomplete/model.tflite must be there", "Export again"]),
    (EXPORT, ["--image_size=3"], ["--image_size", "at least 4", "3"]),
    (EXPORT, ["--model=scarlet_b", "--image_size=31"], ["--image_size", "at least 32", "31"]),
    (EXPORT, ["--num_classes=0"], ["--num_classes", "0"]),
    (EXPORT, ["--width=-1"], ["--width", "above 0", "-1"]),
    (EXPORT, ["--depth=nan"], ["--depth", "above 0", "nan"]),
    (EXPORT, ["--weights=network", "--depth=2"], ["--weights", "mini_arch-w1-d2", "network mini_arch"]),
    (EXPORT, ["--num_images=0"], ["--num_images", "0"]),
    (EXPORT, ["--weights=supernet", "--num_classes=7"], ["--weights", "7 classes", "10"]),
    (EXPORT, ["--weights=young"], ["--weights=young", "no checkpoint"]),
    (EXPORT, ["--weights=missing.keras"], ["--weights", "missing.keras"]),
    (EXPORT, ["--model=scarlet_b", "--weights=supernet"], ["--weights", "scarlet_b", "supernet of mini"]),
    (EXPORT, ["--model=other.json", "--weights=network"], ["--weights", "other", "network mini_arch"]),
    (EXPORT, ["--keep_stabilizers"], ["--keep_stabilizers", "--weights"]),
    (EXPORT, ["--weights=rectified"], ["--weights=rectified", "els_relu", "rectified/model.keras"]),
    (EXPORT, ["--dataset=mnist"], ["--dataset", "mnist"]),
    (EXPORT, ["--dataset=folder", "--data_dir=loop"], BAD_DATA["loop"]),
    # evaluate
    *[(EVALUATE, [f"--model={model}"], BAD_MODELS[model]) for model in ("scarlet_z", "outside.json")],
    (("evaluate", "--dataset=synthetic"), ["--model=missing.tflite"], ["--model", "missing.tflite"]),
    (("evaluate", "--dataset=synthetic"), ["--model=arch.json"], ["--weights must be given for mini_arch"]),
    (EVALUATE, ["--model=net.keras"], ["--weights must be left out", "supernet"]),
    (("evaluate", "--model=net.keras"), [], ["--dataset must be given"]),
    (EVALUATE, ["--dataset=mnist"], ["--dataset", "mnist"]),
    (EVALUATE, ["--split=all"], ["--split", "all", "validation"]),
    (EVALUATE, ["--dataset=folder", "--data_dir=file"], BAD_DATA["file"]),
    (EVALUATE, ["--dataset=folder", "--data_dir=data"], ["--weights", "2 classes", "10"]),
    (EVALUATE, ["--max_images=0"], ["--max_images", "0"]),
    (EVALUATE, ["--weights=rectified"], ["--weights=rectified", "els_relu", "rectified/model.keras"]),
    (EVALUATE, ["--model=other.json", "--weights=network"], ["--weights", "other", "network mini_arch"]),
    # import_torch
    (IMPORT, ["--model=scarlet_z"], BAD_MODELS["scarlet_z"]),
    (IMPORT, ["--checkpoint=missing"], ["--checkpoint", "missing, no such file"]),
    (IMPORT, ["--checkpoint=empty"], ["--checkpoint", "empty, no such file"]),
    (IMPORT, ["--output=out.h5"], ["--output", ".keras or .weights.h5", "out.h5"]),
    # where to write
    *[
        (command, [f"--{flag}={path}"], [f"--{flag}", *said])
        for command, flag in (
            (TRAIN, "workdir"),
            (SEARCH, "workdir"),
            (EXPORT, "output_dir"),
            (("quickstart",), "workdir"),
        )
        for path, said in BAD_OUTPUTS.items()
    ],
]


@pytest.fixture(scope="module")
def place(tmp_path_factory, mini_space, mini_arch) -> Path:
    """A directory to run commands in: good and bad files, and workdirs whose checkpoints nobody gets to open."""
    place = tmp_path_factory.mktemp("place")
    mini = mini_space.to_dict()
    (place / "space.json").write_text(json.dumps(mini))
    mini_arch.write(place / "arch.json")
    NamedArch(mini_space, (0, 0, 0), "other").write(place / "other.json")
    files = {
        "file": "",
        "net.keras": "",
        "not_json.json": "{",
        "no_genotype.json": json.dumps({"space": "s1"}),
        "unknown_space.json": json.dumps({"space": "s9", "genotype": [0]}),
        "short.json": json.dumps({"space": mini, "genotype": [1, 2]}),
        "outside.json": json.dumps({"space": mini, "genotype": [1, 9, 0]}),
    }
    for name, content in files.items():
        (place / name).write_text(content)
    for name in ("empty", "bad_config", "no_images/train/a", "no_images/train/b", "no_images/val", "one_class/val"):
        (place / name).mkdir(parents=True)
    (place / "bad_config" / "config.json").write_text("{}")
    (place / "published" / "savedmodel" / "3").mkdir(parents=True)
    certificate = {"command": "", "formats": {"tflite": {"file": "model.tflite", "sha256": "0" * 64}}}
    for name in ("altered", "incomplete"):
        (place / name).mkdir()
        (place / name / "certificate.json").write_text(json.dumps(certificate))
    (place / "altered" / "model.tflite").touch()
    (place / "dangling").symlink_to("nowhere")
    (place / "loop").symlink_to("loop")
    for image in (
        "one_class/train/a/1.jpg",
        *(f"data/{split}/{name}/1.jpg" for split in ("train", "val") for name in "ab"),
    ):
        (place / image).parent.mkdir(parents=True, exist_ok=True)
        (place / image).touch()
    supernet = TrainConfig("synthetic", 16, space=mini_space, batch_size=50, num_classes=10)
    network = TrainConfig("synthetic", 16, model=mini_arch, batch_size=50, num_classes=10)
    rectified = replace(network, keep_stabilizers=True, stabilizer="els_relu")
    trainings = {"supernet": supernet, "network": network, "young": supernet, "rectified": rectified}
    for name, config in trainings.items():
        Workdir(place / name).start(config)
        if name != "young":
            (place / name / "checkpoints").mkdir()
            (place / name / "checkpoints" / "checkpoint").touch()
    return place


def check_refused(done: subprocess.CompletedProcess, said: list[str]) -> None:
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith("\n")
    assert "Traceback" not in done.stderr
    for words in said:
        assert words in done.stderr


@pytest.mark.parametrize(
    ("command", "flags", "said"),
    WITHOUT_TENSORFLOW,
    ids=[f"{c if isinstance(c, str) else c[0]} {' '.join(f) or 'alone'}" for c, f, _ in WITHOUT_TENSORFLOW],
)
def test_bad_input_is_refused_before_tensorflow_starts(
    command, flags, said, place, without_tensorflow, digest: Callable[[Path], str]
):
    before = digest(place)
    name, *given = (command,) if isinstance(command, str) else command
    done = without_tensorflow(name, *given, *flags, cwd=place)
    check_refused(done, said)
    assert digest(place) == before


@pytest.mark.parametrize("command", COMMANDS)
def test_help_needs_no_tensorflow(command, place, without_tensorflow):
    done = without_tensorflow(command, "--help", cwd=place)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"python -m scarlet_tf.{command}\n")
    assert "Flags:" in done.stdout


def test_data_that_tfds_has_not_prepared(tmp_path, run_command):
    done = run_command(
        "train", *TRAIN[1:], "--space=s1", "--image_size=32", "--dataset=cifar10", "--data_dir=none", cwd=tmp_path
    )
    check_refused(done, ["--dataset=cifar10", "none/cifar10", "tfds build cifar10"])
    assert list(tmp_path.iterdir()) == []


def test_weights_file_of_another_network(tmp_path, mini_network, mini_space, run_command, digest):
    NamedArch(mini_space, (0, 0, 0), "other").write(tmp_path / "other.json")
    before = digest(tmp_path)
    done = run_command(
        "export",
        "--model=other.json",
        f"--weights={mini_network / 'model.keras'}",
        "--image_size=16",
        "--num_classes=10",
        "--output_dir=out",
        cwd=tmp_path,
    )
    check_refused(done, [f"--weights={mini_network}/model.keras", "another architecture than other"])
    assert digest(tmp_path) == before


def test_artifact_that_is_none(tmp_path, run_command):
    (tmp_path / "model.tflite").write_text("This is no network.")
    done = run_command("evaluate", "--model=model.tflite", "--dataset=synthetic", cwd=tmp_path)
    check_refused(done, ["model.tflite must hold"])


def test_accuracy_that_no_network_has(tmp_path, mini_supernet, run_command, digest):
    before = digest(mini_supernet)
    done = run_command(
        "search",
        f"--supernet={mini_supernet}",
        "--workdir=out",
        "--acc_min=0.999",
        "--dataset=fashion_mnist_small",  # not what it was trained on: nobody gets that far
        "--max_images=50",
        cwd=tmp_path,
    )
    check_refused(done, ["--acc_min=0.999", "27 evaluated. The closest, ", "has accuracy 0.", "Loosen --acc_min"])
    assert digest(mini_supernet) == before
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "journal.jsonl"]  # of the 27, to be ranked anew
