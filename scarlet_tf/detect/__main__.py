"""Detects objects: a SCARLET network as the backbone of RetinaNet, on COCO or on annotations in COCO's form.

train trains a detector, evaluate measures its average precision, predict draws what it sees on pictures, export writes
it as SavedModel and TFLite. Needs the extra: pip install "scarlet-tf[detection]".
"""

from scarlet_tf import command

SUBCOMMANDS = {name: f"scarlet_tf.detect.commands.{name}" for name in ("train", "evaluate", "predict", "export")}

if __name__ == "__main__":
    command.run_subcommand(SUBCOMMANDS, globals())
