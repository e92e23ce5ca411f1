"""Writing a kit: a TFLite file for each part and network, and the scripts that time them."""

import shutil
from pathlib import Path

import keras
import numpy as np

from scarlet_tf.arch.layout import Placement
from scarlet_tf.arch.spec import Stem
from scarlet_tf.export.tflite import write_tflite
from scarlet_tf.files import check_output_dir, replacing, write_json
from scarlet_tf.latency.kit import MANIFEST, Kit, network_file
from scarlet_tf.latency.parts import Part
from scarlet_tf.nets.standalone import block_layer, build_model, head_layers, stem_layer
from scarlet_tf.progress import progress

SCRIPTS = ("measure_here.py", "measure_device.sh")
FILE_LIST = "files.txt"


def part_model(part: Part, activation: str, num_classes: int) -> keras.Model:
    """A part alone, freshly initialised: input `x`, batch 1. `activation` is the blocks'."""
    x = y = keras.Input(batch_shape=part.input_shape, name="x")
    if isinstance(part.row, Stem):
        layers = [stem_layer(part.row)]
    elif isinstance(part.row, Placement):
        layers = [block_layer(part.row, activation)]
    else:
        layers = head_layers(part.row, num_classes, 0.0, part.in_stride)
    for layer in layers:
        y = layer(y)
    return keras.Model(x, y)


def write_kit(kit: Kit, output_dir: str | Path) -> int:
    """Writes `kit` to `output_dir`; returns how many files it had to convert.

    What a stopped call left is not made again: files appear whole or not at all, and are named for what they are.
    Raises InputError where the directory holds a kit of something else.
    """
    output_dir = check_output_dir(output_dir, "output_dir")
    kit.check_same_as(output_dir)
    # First of all: without it, nobody could tell whose the files are that a stopped call leaves.
    write_json(output_dir / MANIFEST, kit.to_dict())
    wanted = {part.file: part for part in kit.parts().distinct.values()}
    wanted |= {network_file(index): genotype for index, genotype in enumerate(kit.networks)}
    missing = [file for file in wanted if not (output_dir / file).exists()]
    keras.utils.set_random_seed(kit.seed)
    with progress(f"kit {output_dir}", len(wanted), len(wanted) - len(missing)) as report:
        for done, file in enumerate(missing, start=len(wanted) - len(missing)):
            report.update(done, file)
            keras.backend.clear_session()
            if isinstance(wanted[file], Part):
                model = part_model(wanted[file], kit.space.activation, kit.num_classes)
            else:
                model = build_model(kit.space.decode(wanted[file]), kit.image_size, kit.num_classes)
            write_tflite(model, output_dir / file, names=("x", "y"))
        report.update(len(wanted))
    # A device warms up as it goes: in an order without meaning, that does not favour any kind of part.
    order = np.random.default_rng(kit.seed).permutation(len(wanted))
    with replacing(output_dir / FILE_LIST) as path:
        path.write_text("".join(f"{list(wanted)[index]}\n" for index in order))
    for script in SCRIPTS:
        with replacing(output_dir / script) as path:
            shutil.copy(Path(__file__).with_name(script), path)
            path.chmod(0o755)
    return len(missing)
