import subprocess
import sys

_PROBE = """
import sys
from scarlet_tf import data
dataset = data.load_dataset("fashion_mnist_small")
assert dataset.steps_per_epoch(100) == 60
try:
    data.load_dataset("folder", "/does/not/exist")
except ValueError:
    pass
assert "tensorflow" not in sys.modules, "TensorFlow was imported"
"""


def test_naming_a_data_set_and_refusing_a_directory_import_no_tensorflow():
    subprocess.run([sys.executable, "-c", _PROBE], check=True)
