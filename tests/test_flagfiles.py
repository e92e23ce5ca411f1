"""Every flagfile of `train` says what it means to, and runs: two steps of a tiny network on synthetic images."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scarlet_tf.train.config import TrainConfig

ROOT = Path(__file__).parents[1]
OF_OTHER_COMMANDS = ("detect_", "analyze_")
NAMES = (path.name for path in (ROOT / "flags").glob("*.flags"))
FLAGFILES = sorted(name for name in NAMES if not name.startswith(OF_OTHER_COMMANDS))
SCRATCH = {
    "space": None,
    "dataset": "imagenet2012",
    "image_size": 224,
    "batch_size": 4096,
    "epochs": 350,
    "optimizer": "rmsprop",
    "momentum": 0.9,
    "learning_rate": 0.256,
    "schedule": "exponential",
    "decay_rate": 0.97,
    "decay_epochs": 2.4,
    "warmup_epochs": 5.0,
    "weight_decay": 1e-5,
    "dropout": 0.2,
    "label_smoothing": 0.1,
    "ema_decay": 0.9999,
    "auto_augment": "none",
    "weights": None,
}
SUPERNET = {
    "model": None,
    "dataset": "imagenet2012",
    "image_size": 224,
    "batch_size": 256,
    "optimizer": "sgd",
    "momentum": 0.9,
    "learning_rate": 0.045,
    "schedule": "cosine",
    "weight_decay": 4e-5,
    "stabilizer": "els",
    "strategy": "auto",
}
FAIR, SPOS = SUPERNET | {"method": "fair", "epochs": 60}, SUPERNET | {"method": "spos", "epochs": 360}
EXPECTED = {
    "imagenet_scratch.flags": SCRATCH | {"strategy": "auto"},
    "cifar10_transfer.flags": {
        "dataset": "cifar10",
        "image_size": 224,
        "batch_size": 128,
        "epochs": 200,
        "optimizer": "sgd",
        "learning_rate": 0.025,
        "schedule": "cosine",
        "auto_augment": "cifar10",
        "dropout": 0.3,
        "new_classifier": True,
    },
    "folder_transfer.flags": {"dataset": "folder", "new_classifier": True, "layer_decay": 0.9},
    "s1_imagenet.flags": FAIR | {"space": "s1"},
    "s2_imagenet.flags": FAIR | {"space": "s2"},
    "s1_imagenet_spos.flags": SPOS | {"space": "s1"},
    "s2_imagenet_spos.flags": SPOS | {"space": "s2"},
    "cifar10_supernet.flags": {"space": "small", "method": "fair", "dataset": "cifar10", "image_size": 32},
    "nas_bench_macro.flags": {"space": "nas_bench_macro", "method": "fair", "dataset": "cifar10", "image_size": 32},
}
VARIANTS = {"_8gpu.flags": "mirrored", "_tpu.flags": "tpu"}

# One process for all of them, which saves starting TensorFlow two dozen times, and one run for those that come to the
# same once they are reduced: to synthetic images, one device, and to space.json and arch.json in `work`. Only
# NAS-Bench-Macro's space stays, which is quick enough.
DRY_RUNS = """
import json, sys
from absl import flags
from absl.testing import flagsaver
from scarlet_tf.train.__main__ import main, settings
root, work, network, *names = sys.argv[1:]
tiny = ["--dataset=synthetic", "--image_size=16", "--batch_size=16", "--steps=2", "--strategy=cpu",
        "--probe_paths=2", "--probe_images=20"]
said, runs = {}, {}
for name in names:
    line = ["train", f"--flagfile={root}/flags/{name}"]
    line += [f"--weights={network}"] if "transfer" in name else []
    with flagsaver.flagsaver():
        flags.FLAGS(line)
        said[name] = settings().to_dict()
        network_flag = f"--space={work}/space.json" if said[name]["space"] else f"--model={work}/arch.json"
        reduced = tiny if said[name]["space"] == "nas_bench_macro" else [*tiny, network_flag]
        flags.FLAGS([*line, *reduced, f"--workdir={work}/{name}"])
        run = runs.setdefault(json.dumps(settings().to_dict()), name)
        if run == name:
            main()
        said[name]["run"] = run
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said(mini_files, mini_network, tmp_path_factory):
    """What each flagfile says by itself, with the name of its dry `run`, and the directory that has these."""
    work = tmp_path_factory.mktemp("flagfiles")
    for name in ("space.json", "arch.json"):
        (work / name).write_text((mini_files / name).read_text())
    line = [sys.executable, "-c", DRY_RUNS, str(ROOT), str(work), str(mini_network), *FLAGFILES]
    done = subprocess.run(line, capture_output=True, text=True, cwd=ROOT)  # flagfiles name each other from here
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1]), work


@pytest.mark.parametrize("name", FLAGFILES)
def test_flagfile_says_and_does_what_it_should(name, said):
    settings, work = said
    received = {key: settings[name][key] for key in EXPECTED.get(name, {})}
    assert received == EXPECTED.get(name, {})
    if "imagenet_scratch" in name or "transfer" in name:
        assert settings[name]["model"]["name"] == "scarlet_a"
    run = work / settings[name]["run"]
    config = TrainConfig.read(run / "config.json")
    changed = ("run", "dataset", "image_size", "batch_size", "steps", "strategy", "model", "space")
    changed += ("num_classes", "num_train_images", "probe_paths", "probe_images")
    kept = {key: value for key, value in settings[name].items() if key not in changed}
    assert {key: config.to_dict()[key] for key in kept} == kept
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["step"] == 2


def test_variants_differ_in_the_strategy_alone(said):
    settings, _ = said
    variants = {name: suffix for name in FLAGFILES for suffix in VARIANTS if name.endswith(suffix)}
    bases = ["imagenet_scratch", "s1_imagenet", "s1_imagenet_spos", "s2_imagenet", "s2_imagenet_spos"]
    assert sorted(variants) == sorted(base + suffix for base in bases for suffix in VARIANTS)
    for name, suffix in variants.items():
        base = settings[name.removesuffix(suffix) + ".flags"]
        assert settings[name] == base | {"strategy": VARIANTS[suffix]}


@pytest.mark.parametrize("name", FLAGFILES)
def test_header_says_how_to_run_it(name):
    header = [line for line in (ROOT / "flags" / name).read_text().splitlines() if line.startswith("#")]
    assert f"python -m scarlet_tf.train --flagfile=flags/{name}" in " ".join(header)
    assert any("Needs" in line for line in header)
    assert any("xpect" in line for line in header)
