"""Every flagfile of `train` says what it means to, and runs: two steps of a tiny network on synthetic images."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scarlet_tf.train.config import TrainConfig

ROOT = Path(__file__).parents[1]
FLAGFILES = sorted(path.name for path in (ROOT / "flags").glob("*.flags") if not path.name.startswith("detect_"))
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
    "auto_augment": "none",
    "weights": None,
}
EXPECTED = {
    "imagenet_scratch.flags": SCRATCH | {"strategy": "auto"},
    "imagenet_scratch_8gpu.flags": SCRATCH | {"strategy": "mirrored"},
    "imagenet_scratch_tpu.flags": SCRATCH | {"strategy": "tpu"},
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
    "s1_imagenet.flags": {"space": "s1", "model": None, "batch_size": 256, "epochs": 60, "learning_rate": 0.045},
    "s1_imagenet_spos.flags": {"space": "s1", "method": "spos", "epochs": 360},
    "s2_imagenet_spos.flags": {"space": "s2", "method": "spos", "epochs": 360},
    "s2_imagenet_tpu.flags": {"space": "s2", "model": None, "strategy": "tpu"},
}

# One process for all of them, which saves starting TensorFlow a dozen times, and one run for those that differ in the
# strategy alone, which here is cpu. `work` holds space.json and arch.json.
DRY_RUNS = """
import json, sys
from absl import flags
from absl.testing import flagsaver
from scarlet_tf.train.__main__ import main, settings
root, work, network, *names = sys.argv[1:]
said, runs = {}, {}
for name in names:
    flagfile = f"--flagfile={root}/flags/{name}"
    weights = [f"--weights={network}"] if "transfer" in name else []
    with flagsaver.flagsaver():
        flags.FLAGS(["train", flagfile, *weights])
        said[name] = settings().to_dict()
        run = runs.setdefault(json.dumps(said[name] | {"strategy": ""}), name)
        said[name]["run"] = run
        if run != name:
            continue
        what = ("space" if said[name]["space"] else "model", "space" if said[name]["space"] else "arch")
        tiny = ["--dataset=synthetic", "--image_size=16", "--batch_size=16", "--steps=2", "--strategy=cpu"]
        flags.FLAGS(["train", flagfile, *weights, *tiny, f"--{what[0]}={work}/{what[1]}.json",
                     f"--workdir={work}/{name}"])
        main()
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
    changed += ("num_classes", "num_train_images")
    kept = {key: value for key, value in settings[name].items() if key not in changed}
    assert {key: config.to_dict()[key] for key in kept} == kept
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["step"] == 2


@pytest.mark.parametrize("name", FLAGFILES)
def test_header_says_how_to_run_it(name):
    header = [line for line in (ROOT / "flags" / name).read_text().splitlines() if line.startswith("#")]
    assert f"python -m scarlet_tf.train --flagfile=flags/{name}" in " ".join(header)
    assert any("Needs" in line for line in header)
