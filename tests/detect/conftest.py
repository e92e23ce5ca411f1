"""Pictures of rectangles with annotations in COCO's form, and a small detector trained on them by the command."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scarlet_tf.arch import SKIP, Choice, Head, SearchSpace, Slot, Stem
from scarlet_tf.arch.named import NamedArch
from scarlet_tf.detect.categories import Category

CATEGORIES = [{"id": 3, "name": "red"}, {"id": 7, "name": "blue"}]  # ids with a gap, as COCO's
COLOURS = {3: (220, 30, 30), 7: (30, 30, 220)}


def draw_pictures(directory: Path, count: int, seed: int) -> dict:
    """Writes `count` JPEGs, each with one or two rectangles, and returns their annotations."""
    rng = np.random.default_rng(seed)
    directory.mkdir(parents=True)
    images, annotations = [], []
    for number in range(count):
        width, height = (96, 64) if number % 2 else (64, 80)
        pixels = np.full((height, width, 3), 128, np.uint8)
        for half in range(1 + number % 2):  # one a half, so that none covers another
            w, h = rng.integers(20, 40), rng.integers(20, 50)
            x, y = half * 48 + rng.integers(0, 48 - w), rng.integers(0, height - h)
            category = int(rng.choice([3, 7]))
            pixels[y : y + h, x : x + w] = COLOURS[category]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": 100 + number,
                    "category_id": category,
                    "bbox": [int(value) for value in (x, y, w, h)],
                    "area": int(w * h),
                    "iscrowd": 0,
                }
            )
        images.append({"id": 100 + number, "file_name": f"{100 + number}.jpg", "width": width, "height": height})
        Image.fromarray(pixels).save(directory / images[-1]["file_name"], quality=95)
    return {"images": images, "annotations": annotations, "categories": CATEGORIES}


@pytest.fixture(scope="session")
def categories() -> tuple[Category, ...]:
    """Those of the pictures."""
    return tuple(Category(**category) for category in CATEGORIES)


@pytest.fixture(scope="session")
def backbone() -> NamedArch:
    """4 slots, a network of stride 32."""
    space = SearchSpace(
        "mini32",
        Stem(8, stride=2),
        (Slot(12, stride=2), Slot(16, stride=2), Slot(24, stride=2), Slot(32, stride=2)),
        (Choice(2, 3), SKIP),
        Head(40),
    )
    return NamedArch(space, (0, 0, 0, 0), "mini32")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory, backbone: NamedArch) -> Path:
    """Directory with `train.json`, `images/` (8 JPEGs) and `arch.json`. Tests leave it as it is."""
    path = tmp_path_factory.mktemp("pictures")
    (path / "train.json").write_text(json.dumps(draw_pictures(path / "images", 8, 0)))
    backbone.write(path / "arch.json")
    return path


@pytest.fixture(scope="session")
def source_flags(pictures: Path) -> tuple[str, ...]:
    """Where commands find the pictures."""
    return "--dataset=json", f"--annotations={pictures / 'train.json'}", f"--images={pictures / 'images'}"


@pytest.fixture(scope="session")
def training_flags(pictures: Path, source_flags: tuple[str, ...]) -> tuple[str, ...]:
    """How the detector below is trained, but for --workdir: 40 steps, 2 an epoch and a checkpoint."""
    return (
        f"--model={pictures / 'arch.json'}",
        *source_flags,
        "--image_size=64",
        "--max_level=5",
        "--head_convs=0",
        "--batch_size=4",
        "--epochs=20",
        "--optimizer=adamw",
        "--learning_rate=0.0002",
        "--warmup_steps=5",
        "--decay_epochs=15",
    )


@pytest.fixture(scope="session")
def trained_detector(training_flags, tmp_path_factory, run_command) -> Path:
    """Workdir of a detector trained without a stop. Tests leave it as it is; without the extra they are skipped."""
    pytest.importorskip("keras_hub")
    pytest.importorskip("pycocotools")
    workdir = tmp_path_factory.mktemp("detector") / "run"
    done = run_command("detect", "train", *training_flags, f"--workdir={workdir}")
    assert done.returncode == 0, done.stderr
    return workdir
