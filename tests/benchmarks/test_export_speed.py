import io
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.export_speed import EAGER, RATIOS, contestants, ratios, without_the_slower_eager
from scarlet_tf.timing.contest import Timing
from scarlet_tf.timing.litert_profile import OperatorTime


def timing(name, threads, milliseconds):
    return Timing(name, threads, (milliseconds,) * 3, 1.0, 0.0, None)


def test_every_file_runs_with_every_number_of_threads_and_pytorch_in_both_layouts():
    files = {"ours, ONNX": Path("ours.onnx"), EAGER[0]: Path("torch.pt")}
    found = [(one.name, one.threads) for one in contestants(files, 224, [1, 2])]
    assert found == [(name, threads) for threads in (1, 2) for name in ("ours, ONNX", *EAGER)]


def test_the_faster_layout_of_pytorch_is_the_one_compared_with():
    timings = [
        timing("ours, ONNX", 1, 10.0),
        timing("ours, TFLite", 1, 15.0),
        timing("PyTorch, ONNX", 1, 5.0),
        timing(EAGER[0], 1, 40.0),
        timing(EAGER[1], 1, 20.0),
    ]
    shown = without_the_slower_eager(timings)
    assert [one.name for one in shown] == ["ours, ONNX", "ours, TFLite", "PyTorch, ONNX", EAGER[1]]
    assert ratios(shown, RATIOS["runtimes"]) == {
        "ours, ONNX / PyTorch, ONNX, 1 thread": 2.0,
        f"ours, ONNX / {EAGER[1]}, 1 thread": 0.5,
        "ours, TFLite / PyTorch, ONNX, 1 thread": 3.0,
    }


def test_profile_is_by_kind_of_operator():
    from rich.console import Console

    from benchmarks.export_speed import profile_table

    console = Console(width=100, record=True, file=io.StringIO())
    times = [OperatorTime("GEMM", True, 1.0), OperatorTime("Add", True, 6.0), OperatorTime("GEMM", True, 1.0)]
    console.print(profile_table("net", 2, times))
    rows = [line.split() for line in console.export_text().splitlines() if line.strip()]
    assert rows[0] == ["net,", "2", "threads:", "8.00", "ms"]
    assert rows[-2:] == [["Add", "1", "6.00", "75.0%"], ["GEMM", "2", "2.00", "25.0%"]]


def test_peer_in_pytorch_starts_no_tensorflow(tmp_path):
    torch = pytest.importorskip("torch")
    code = """
import sys, torch
from benchmarks.export_speed import NUM_CLASSES, OURS, start_eager
from benchmarks.torch_network import TorchNetwork
from scarlet_tf.arch.zoo import get_arch
torch.save(TorchNetwork(get_arch(OURS[0]), NUM_CLASSES).state_dict(), "net.pt")
print(start_eager("net.pt", 32, True, 1).run().shape, "tensorflow" in sys.modules)
"""
    assert torch.__version__
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.stdout == "(1, 1000) False\n", done.stderr
