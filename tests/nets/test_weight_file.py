import keras
import pytest

from scarlet_tf import build_model
from scarlet_tf.arch.named import NamedArch
from scarlet_tf.errors import InputError
from scarlet_tf.nets.weight_file import load_weight_file


def test_a_weight_file_with_code_in_it_is_refused(mini_arch: NamedArch, tmp_path):
    ran = tmp_path / "ran"
    code = lambda x, ran=str(ran): open(ran, "w").close() or x  # noqa: E731
    keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Lambda(code)]).save(tmp_path / "code.keras")
    ran.unlink()  # made when it was built
    model = build_model(mini_arch.arch, 16, 10)
    with pytest.raises(InputError, match=r"^--weights=[^\n]*code\.keras does not hold weights[^\n]*Lambda[^\n]*$"):
        load_weight_file(tmp_path / "code.keras", model, mini_arch.arch)
    assert not ran.exists()
