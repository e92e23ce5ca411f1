"""Checkpoints of PyTorch networks, written here in PyTorch's own terms, against the Keras networks made of them."""

import keras
import numpy as np
import pytest

from scarlet_tf.arch import SKIP, Choice, Head, SearchSpace, Slot, Stem
from scarlet_tf.arch.named import NamedArch, resolve
from scarlet_tf.errors import InputError
from scarlet_tf.import_torch import network_of, read_checkpoint
from scarlet_tf.models import load_model
from scarlet_tf.weights import WeightsSource

torch = pytest.importorskip("torch")
nn = torch.nn

CHANNELS = [32, 32, *[40] * 4, *[80] * 4, *[96] * 4, *[192] * 4, 320]
STRIDES = [2, 1, 2, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]
SLOTS = {
    "scarlet_a": "37 65 35 37s 63s 35s 63s 33 37s 37 35 37s 33 37s 63s 65s 33s 63s 67s",
    "scarlet_b": "33s 35s 33s 67s 33 35 67s 33s - 35 33s 33s 67s 33s 65s 65s - 67s 65s",
    "scarlet_c": "35s 33s 35s - - 33 67s 33s 33s 35 37s 37 33s 37s 33s - 63s 67s 65s",
}


class SqueezeExcite(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.squeeze_conv = nn.Conv2d(channels, channels // 4, 1)
        self.excite_conv = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x):
        weight = x.mean((2, 3), keepdim=True)
        return x * nn.functional.hardsigmoid(self.excite_conv(nn.functional.relu(self.squeeze_conv(weight))))


class Block(nn.Module):
    def __init__(self, channels_in, channels_out, expansion, kernel, stride, se):
        super().__init__()
        hidden = channels_in * expansion
        self.shortcut = stride == 1 and channels_in == channels_out
        self.conv1 = nn.Conv2d(channels_in, hidden, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(hidden)
        self.conv2 = nn.Conv2d(hidden, hidden, kernel, stride, kernel // 2, groups=hidden, bias=False)
        self.bn2 = nn.BatchNorm2d(hidden)
        self.mid_se = SqueezeExcite(hidden) if se else nn.Identity()
        self.conv3 = nn.Conv2d(hidden, channels_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels_out)

    def forward(self, x):
        y = nn.functional.hardswish(self.bn1(self.conv1(x)))
        y = self.mid_se(nn.functional.hardswish(self.bn2(self.conv2(y))))
        y = self.bn3(self.conv3(y))
        return x + y if self.shortcut else y


class Scarlet(nn.Module):
    def __init__(self, slots, num_classes):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU6())
        self.separable_conv = nn.Sequential(
            nn.Conv2d(32, 32, 3, padding=1, groups=32, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU6(),
            nn.Conv2d(32, 16, 1, bias=False),
            nn.BatchNorm2d(16),
        )
        blocks, channels = [], 16
        for slot, channels_out, stride in zip(slots.split(), CHANNELS, STRIDES, strict=True):
            if slot == "-":
                blocks.append(nn.Identity())
            else:
                blocks.append(Block(channels, channels_out, int(slot[0]), int(slot[1]), stride, slot.endswith("s")))
                channels = channels_out
        self.mb_module = nn.Sequential(*blocks)
        self.conv_before_pooling = nn.Sequential(
            nn.Conv2d(channels, 1280, 1, bias=False), nn.BatchNorm2d(1280), nn.ReLU6()
        )
        self.classifier = nn.Linear(1280, num_classes)

    def forward(self, x):
        x = self.conv_before_pooling(self.mb_module(self.separable_conv(self.stem(x))))
        return self.classifier(x.mean((2, 3)))


def torch_network(name, num_classes=1000):
    """A network with random weights and batch norm statistics, in evaluation mode."""
    torch.manual_seed(0)
    network = Scarlet(SLOTS[name], num_classes).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight.data, module.running_var):
                tensor.uniform_(0.5, 1.5)
            for tensor in (module.bias.data, module.running_mean):
                tensor.normal_(0, 0.2)
            module.num_batches_tracked.fill_(1000)
    return network


def imported(name, path):
    return network_of(resolve(name), read_checkpoint(path))


def check_same_logits(model, network, image_size):
    images = np.random.default_rng(0).normal(size=(2, image_size, image_size, 3)).astype(np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(images).permute(0, 3, 1, 2)).numpy()
    np.testing.assert_allclose(model(images), expected, rtol=0, atol=1e-4 * np.abs(expected).max())


@pytest.fixture(scope="module")
def small():
    """SCARLET-C of 10 classes."""
    return torch_network("scarlet_c", 10)


@pytest.fixture
def save(tmp_path):
    """Writes what it is given by torch.save and returns the path."""

    def write(content, **options):
        torch.save(content, tmp_path / "net.pth.tar", **options)
        return tmp_path / "net.pth.tar"

    return write


@pytest.mark.parametrize("name", SLOTS)
def test_logits_are_those_of_pytorch(name, tmp_path, save, run_command):
    network = torch_network(name)
    checkpoint = save({"model_state": network.state_dict(), "epoch": 1})
    output = tmp_path / "net.keras"
    done = run_command("import_torch", f"--model={name}", f"--checkpoint={checkpoint}", f"--output={output}")
    assert done.returncode == 0, done.stderr
    check_same_logits(keras.models.load_model(output), network, 224)
    named = resolve(name)
    check_same_logits(load_model(named, WeightsSource.find(named, str(output)), 96).model, network, 96)


@pytest.mark.parametrize("form", ["bare", "legacy", "module", "bfloat16"])
def test_forms_of_checkpoints(form, save, small):
    state = small.state_dict()
    content = {
        "bare": state,
        "legacy": {"model_state": state},
        "module": {"model_state": {f"module.{name}": tensor for name, tensor in state.items()}},
        "bfloat16": {name: tensor.bfloat16() for name, tensor in state.items()},
    }[form]
    path = save(content, _use_new_zipfile_serialization=form != "legacy")
    model = imported("scarlet_c", path)
    assert model.output_shape == (None, 10)
    expected = state["classifier.weight"]
    if form == "bfloat16":
        expected = expected.bfloat16().float()
    np.testing.assert_array_equal(model.get_layer("logits").kernel, expected.numpy().T)


def test_weights_file(tmp_path, save, small, run_command):
    output = tmp_path / "net.weights.h5"
    checkpoint = save(small.state_dict())
    done = run_command("import_torch", "--model=scarlet_c", f"--checkpoint={checkpoint}", f"--output={output}")
    assert "scarlet_c of 10 classes" in done.stdout, done.stderr
    named = resolve("scarlet_c")
    check_same_logits(load_model(named, WeightsSource.find(named, str(output)), 64, 10).model, small, 64)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state.pop("stem.0.weight"), "missing: stem.0.weight"),
        (lambda state: state.update(extra=torch.zeros(2)), "not part of it: extra"),
        (
            lambda state: state.update({"classifier.weight": torch.zeros(10, 9)}),
            r"classifier.weight \(10, 9\) for \(10, 1280\)",
        ),
        (
            lambda state: state.update({"mb_module.0.bn1.bias": torch.zeros(())}),
            r"mb_module.0.bn1.bias \(\) for \(48,\)",
        ),
        (lambda state: state.pop("classifier.bias"), "missing: classifier.bias"),
        (lambda state: state.update({"classifier.bias": torch.zeros(0)}), r"classifier.bias \(0,\) for \(1000,\)"),
        (lambda state: state.update({"x.num_batches_tracked": torch.zeros(())}), "not part of it: x.num_batches"),
    ],
)
def test_every_tensor_is_used_once(change, said, save, small):
    state = dict(small.state_dict())
    change(state)
    with pytest.raises(InputError, match=said):
        imported("scarlet_c", save(state))


def test_checkpoint_of_another_network(save, small):
    with pytest.raises(InputError, match=r"tensors of scarlet_a.*missing: .* and \d+ more; not part of it: "):
        imported("scarlet_a", save({"model_state": small.state_dict()}))


@pytest.mark.parametrize("genotype", [(0, 1, 1), (1, 1, 1)])
def test_network_unlike_the_authors_is_refused(genotype, save, small):
    stem = Stem(8, separable_filters=None if genotype[0] else 8)
    slots, choices = (Slot(12, 2), Slot(12), Slot(16)), (SKIP, Choice(2, 3))
    space = SearchSpace("other", stem, slots, choices, Head(32), stage_skip="projection")
    with pytest.raises(InputError, match=r"--model must be a network as the authors' are.* Received: net of .* other"):
        network_of(NamedArch(space, genotype, "net"), read_checkpoint(save(small.state_dict())))


class Malicious:
    """Unpickled, it would make a directory."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        import os

        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("new_format", [True, False])
def test_code_in_a_checkpoint_is_not_run(new_format, tmp_path, save, run_command, digest):
    trap = tmp_path / "trap"
    path = save({"model_state": Malicious(trap)}, _use_new_zipfile_serialization=new_format)
    before = digest(tmp_path)
    done = run_command("import_torch", "--model=scarlet_c", f"--checkpoint={path}", f"--output={tmp_path / 'o.keras'}")
    assert done.returncode == 2
    assert "would run posix.mkdir, which was not run" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert digest(tmp_path) == before
    assert not trap.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"model_state": {}}, r"holds \['model_state'\]"),
        ({"optimizer": 3}, r"holds \['optimizer'\]"),
        ([1, 2], "holds list"),
        ({0: torch.zeros(1)}, r"holds \['0'\]"),
        ({"a": torch.zeros(2).to_sparse()}, r"holds \['a'\]"),
        ({"a": torch.zeros(1), "module.a": torch.zeros(1)}, "each tensor once"),
    ],
)
def test_checkpoints_without_a_network(content, said, save):
    with pytest.raises(InputError, match=said):
        imported("scarlet_c", save(content))


@pytest.mark.parametrize("how", ["empty", "text", "cut", "cut_legacy"])
def test_damaged_checkpoints(how, save, small):
    path = save({"model_state": small.state_dict()}, _use_new_zipfile_serialization=how != "cut_legacy")
    whole = path.read_bytes()
    path.write_bytes({"empty": b"", "text": b"no network"}.get(how, whole[: len(whole) // 2]))
    with pytest.raises(InputError, match=r"--checkpoint must be a PyTorch checkpoint: .*net.pth.tar, "):
        imported("scarlet_c", path)
