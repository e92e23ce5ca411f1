"""A space that trains in seconds, a supernet and a network trained by the commands, and how commands are run."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: threads of parallel tests wait for each other

import pytest

import scarlet_tf
from scarlet_tf.arch import SKIP, Choice, Conv, Head, SearchSpace, Slot, Stem
from scarlet_tf.arch.named import NamedArch

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(scarlet_tf.__file__).parents[1])}
AS_COMMANDS_SET_IT = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1", "KERAS_BACKEND": "tensorflow"}
TRAINING = ("--dataset=synthetic", "--image_size=16", "--batch_size=50", "--epochs=4", "--learning_rate=0.2")


def _run_from_cold(name: str, *flags: str) -> subprocess.CompletedProcess:
    line = [sys.executable, "-m", f"scarlet_tf.{name}", *map(str, flags)]
    return subprocess.run(line, capture_output=True, text=True, env=ENVIRONMENT)


def _start_command(name: str, *flags: str) -> subprocess.Popen:
    line = [sys.executable, "-m", f"scarlet_tf.{name}", *map(str, flags)]
    return subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT)


class ForkServer:
    """Runs `python -m scarlet_tf.NAME FLAGS`, in a process of its own, forked from one that has imported `modules`."""

    def __init__(self, environment: Mapping[str, str], modules: Sequence[str]) -> None:
        line = [sys.executable, str(Path(__file__).with_name("fork_server.py")), *modules]
        self._server = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def __call__(self, name: str, *flags: str, cwd: Path | None = None) -> subprocess.CompletedProcess:
        command = {"module": f"scarlet_tf.{name}", "arguments": [*map(str, flags)], "cwd": str(cwd or Path.cwd())}
        print(json.dumps(command), file=self._server.stdin, flush=True)
        return subprocess.CompletedProcess([name, *flags], *json.loads(self._server.stdout.readline()))

    def close(self) -> None:
        with self._server:
            self._server.kill()


def _digest(path: Path) -> str:
    """What a directory tree holds: names, links and contents."""
    digest = hashlib.sha256()
    for entry in sorted(path.rglob("*")):
        content = os.readlink(entry).encode() if entry.is_symlink() else b"" if entry.is_dir() else entry.read_bytes()
        digest.update(f"{entry.relative_to(path)} {entry.is_dir()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


@pytest.fixture(scope="session")
def start_command() -> Callable[..., subprocess.Popen]:
    """Starts `python -m scarlet_tf.NAME FLAGS`, to be killed."""
    return _start_command


@pytest.fixture(scope="session")
def fork_server() -> Iterator[Callable[..., ForkServer]]:
    """Makes a `ForkServer`, which ends with the tests."""
    servers = []

    def start(environment: Mapping[str, str], modules: Sequence[str] = ()) -> ForkServer:
        servers.append(ForkServer(environment, modules))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def run_command(fork_server: Callable[..., ForkServer]) -> ForkServer:
    """Runs `python -m scarlet_tf.NAME FLAGS` to its end, where TensorFlow and Keras are imported already."""
    return fork_server(ENVIRONMENT | AS_COMMANDS_SET_IT, ("tensorflow", "keras"))


@pytest.fixture(scope="session")
def tensorflow_blocked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which TensorFlow and Keras cannot be imported."""
    blocked = tmp_path_factory.mktemp("blocked")
    for name in ("tensorflow", "keras"):
        (blocked / f"{name}.py").write_text(f"raise RuntimeError('{name} was imported')\n")
    return ENVIRONMENT | {"PYTHONPATH": f"{blocked}{os.pathsep}{ENVIRONMENT['PYTHONPATH']}"}


@pytest.fixture(scope="session")
def without_tensorflow(fork_server: Callable[..., ForkServer], tensorflow_blocked: dict[str, str]) -> ForkServer:
    """Runs `python -m scarlet_tf.NAME FLAGS` where TensorFlow and Keras cannot be imported."""
    return fork_server(tensorflow_blocked, ("absl.flags", "numpy", "PIL.Image", "matplotlib.figure", "rich.table"))


@pytest.fixture(scope="session")
def digest() -> Callable[[Path], str]:
    """A digest of everything below a directory."""
    return _digest


@pytest.fixture(scope="session")
def mini_space() -> SearchSpace:
    """3 slots of 3 choices, strides of 4 in all. 27 networks."""
    return SearchSpace(
        "mini",
        Stem(8, stride=2),
        (Slot(12, stride=2), Slot(12), Slot(16)),
        (Choice(2, 3), Choice(3, 3, se=True), SKIP),
        Head(32),
    )


@pytest.fixture(scope="session")
def chain_space() -> SearchSpace:
    """3 cells of 2 plain convolutions each, max-pooling before the second. 729 genotypes, 343 networks."""
    return SearchSpace(
        "chains",
        Stem(16, stride=1, activation="relu"),
        (
            *(Slot(16, entry=True), Slot(16)),
            *(Slot(24, stride=2, entry=True), Slot(24)),
            *(Slot(24, entry=True), Slot(24)),
        ),
        (Conv(1), Conv(3), SKIP),
        Head(None),
        activation="relu",
    )


@pytest.fixture(scope="session")
def mini_arch(mini_space: SearchSpace) -> NamedArch:
    """Skips the second slot."""
    return NamedArch(mini_space, (1, 2, 0), "mini_arch")


@pytest.fixture(scope="session")
def mini_files(mini_space: SearchSpace, mini_arch: NamedArch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory with `space.json` and `arch.json`, of the space and the network above."""
    path = tmp_path_factory.mktemp("mini")
    (path / "space.json").write_text(json.dumps(mini_space.to_dict()))
    mini_arch.write(path / "arch.json")
    return path


@pytest.fixture(scope="session")
def supernet_flags(mini_files: Path) -> tuple[str, ...]:
    """How the supernet below is trained, but for --workdir: 160 steps, 40 an epoch and a checkpoint."""
    return (f"--space={mini_files / 'space.json'}", "--warmup_epochs=1", *TRAINING)


@pytest.fixture(scope="session")
def network_flags(mini_files: Path) -> tuple[str, ...]:
    """How the network below is trained, but for --workdir. Its dropout draws random numbers at every step."""
    model = f"--model={mini_files / 'arch.json'}"
    return (model, "--warmup_epochs=1", "--dropout=0.5", "--label_smoothing=0.1", *TRAINING)


def _trained(name: str, flags: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    workdir = tmp_path_factory.mktemp("trained") / name
    done = _run_from_cold("train", *flags, f"--workdir={workdir}")
    assert (done.returncode, done.stderr) == (0, "")
    return workdir


@pytest.fixture(scope="session")
def mini_supernet(supernet_flags: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Workdir of a supernet trained without a stop. Tests leave it as it is."""
    return _trained("supernet", supernet_flags, tmp_path_factory)


@pytest.fixture(scope="session")
def mini_network(network_flags: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Workdir of a network trained alone, without a stop. Tests leave it as it is."""
    return _trained("network", network_flags, tmp_path_factory)
