"""Writes a kit: every part that a network of a space can be made of, and some whole networks, as .tflite files.

A part is the stem, a head, or a block where it stands. What a block reads depends on which slot holds the block before
it, and each such input has a file of its own, so that the parts' times sum to any network of the space: 500 files for
s2, 0.4 GB, of which what is computed alike shares one. Their weights are random. Beside them are kit.json, which says
what each file is, and two scripts that time them all: measure_here.py on this machine, measure_device.sh on a phone.
Run the same command again to go on after a stop, or to add networks.
"""

from absl import flags

from scarlet_tf import command
from scarlet_tf.arch import get_space
from scarlet_tf.errors import InputError
from scarlet_tf.files import check_output_dir
from scarlet_tf.latency.kit import Kit, random_networks

_SPACE = flags.DEFINE_string("space", None, "A space's name, or a .json file that describes one.")
_IMAGE_SIZE = flags.DEFINE_integer("image_size", 224, "Pixels a side.")
_NUM_CLASSES = flags.DEFINE_integer("num_classes", 1000, "Classes.", lower_bound=1)
_NETWORKS = flags.DEFINE_integer("networks", 40, "Whole networks, to fit the sum to and to test it on.", lower_bound=0)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the networks and weights.", lower_bound=0)
_OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Where the kit goes.")


def main() -> None:
    command.require(_SPACE, _OUTPUT_DIR)
    space = get_space(_SPACE.value)
    if _IMAGE_SIZE.value < space.min_image_size:
        raise InputError(
            f"--image_size must be at least {space.min_image_size}, the product of the strides of {space.name}. "
            f"Received: {_IMAGE_SIZE.value}."
        )
    networks = random_networks(space, _NETWORKS.value, _SEED.value)
    kit = Kit(space, _IMAGE_SIZE.value, _NUM_CLASSES.value, _SEED.value, networks)
    output_dir = check_output_dir(_OUTPUT_DIR.value, "output_dir")
    kit.check_same_as(output_dir)
    command.start_tensorflow()
    from scarlet_tf.latency.writing import write_kit

    made = write_kit(kit, output_dir)
    total = len(kit.parts().distinct) + len(networks)
    print(
        f"kit: {output_dir}, {total - len(networks)} parts and {len(networks)} networks, {made} of these files written "
        f"now. Time them by {output_dir}/measure_here.py or {output_dir}/measure_device.sh."
    )
