"""Architectures are plain Python: no TensorFlow, no Keras."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import scarlet_tf

CHECK = """
import sys
import {module}
heavy = {{"tensorflow", "keras", "tf_keras", "torch"}} & {{name.partition(".")[0] for name in sys.modules}}
sys.exit(f"imported: {{heavy}}" if heavy else 0)
"""


@pytest.mark.parametrize(
    "module",
    [
        "scarlet_tf.arch",
        "scarlet_tf.arch.named",
        "scarlet_tf.command",
        "scarlet_tf.figures",
        "scarlet_tf.search.workdir",
    ],
)
def test_import_leaves_tensorflow_out(module):
    environment = os.environ | {"PYTHONPATH": str(Path(scarlet_tf.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", CHECK.format(module=module)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
