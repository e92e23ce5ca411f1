"""The flagfile of `detect train` says the paper's schedule."""

import json
import subprocess
import sys
from pathlib import Path

FLAGFILE = Path(__file__).parents[2] / "flags" / "detect_coco.flags"
PARSE = """
import json, sys
from absl import flags
from scarlet_tf.detect.commands.train import settings
flags.FLAGS(["train", f"--flagfile={sys.argv[1]}"])
print(json.dumps(settings().to_dict()))
"""


def test_flagfile_is_the_papers_schedule():
    done = subprocess.run([sys.executable, "-c", PARSE, str(FLAGFILE)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["model"]["name"] == "scarlet_a"
    assert (said["dataset"], said["epochs"], said["batch_size"]) == ("coco", 12, 16)
    assert (said["optimizer"], said["learning_rate"], said["decay_epochs"]) == ("sgd", 0.01, [8, 11])


def test_header_says_how_to_run_it():
    header = " ".join(line for line in FLAGFILE.read_text().splitlines() if line.startswith("#"))
    assert "python -m scarlet_tf.detect train --flagfile=flags/detect_coco.flags" in header
    assert "Not run by us at full size" in header
