"""Files appear whole or not at all."""

import os
from pathlib import Path

import pytest

from scarlet_tf.errors import InputError
from scarlet_tf.files import check_output_dir, read_json, replacing, write_json


def tree(path: Path) -> dict[str, str]:
    """Every file below `path` with its content, and every directory with a slash."""
    return {
        str(item.relative_to(path)) + "/" * item.is_dir(): item.read_text() if item.is_file() else ""
        for item in path.rglob("*")
    }


def test_replacing_makes_a_file_and_its_parents(tmp_path):
    with replacing(tmp_path / "a" / "b" / "file.txt") as temporary:
        temporary.write_text("new")
        assert temporary.suffix == ".txt"  # for writers that look at it
        assert not (tmp_path / "a" / "b" / "file.txt").exists()
    assert tree(tmp_path) == {"a/": "", "a/b/": "", "a/b/file.txt": "new"}


def make_file(path: Path, content: str) -> None:
    path.write_text(content)


def make_directory(path: Path, content: str) -> None:
    (path / content).mkdir(parents=True)
    (path / content / "inner.txt").write_text(content)


MADE = {make_file: {"it": "{}"}, make_directory: {"it/": "", "it/{}/": "", "it/{}/inner.txt": "{}"}}


def expected(make, content: str) -> dict[str, str]:
    return {key.format(content): value.format(content) for key, value in MADE[make].items()}


@pytest.mark.parametrize("make_new", MADE)
@pytest.mark.parametrize("make_old", MADE)
def test_replacing_takes_the_place_of_files_and_directories(tmp_path, make_old, make_new):
    make_old(tmp_path / "it", "old")
    with replacing(tmp_path / "it") as temporary:
        make_new(temporary, "new")
        assert expected(make_old, "old").items() <= tree(tmp_path).items()
    assert tree(tmp_path) == expected(make_new, "new")


@pytest.mark.parametrize("make_new", MADE)
@pytest.mark.parametrize("make_old", MADE)
def test_replacing_keeps_the_old_content_when_the_block_raises(tmp_path, make_old, make_new):
    make_old(tmp_path / "it", "old")

    def write_half() -> None:
        with replacing(tmp_path / "it") as temporary:
            make_new(temporary, "half")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write_half()
    assert tree(tmp_path) == expected(make_old, "old")


def test_replacing_leaves_nothing_behind_on_an_exception(tmp_path):
    def write_half() -> None:
        with replacing(tmp_path / "it") as temporary:
            make_directory(temporary, "half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("make_old", MADE)
def test_replacing_by_nothing_raises_and_keeps_the_old_content(tmp_path, make_old):
    make_old(tmp_path / "it", "old")
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "it"):
        pass
    assert tree(tmp_path) == expected(make_old, "old")


def test_replacing_puts_the_old_directory_back_when_the_last_step_fails(tmp_path, monkeypatch):
    make_directory(tmp_path / "it", "old")
    rename = os.rename

    def rename_but_the_new(source, target):
        if Path(target) == tmp_path / "it" and "replaced" not in str(source):
            raise PermissionError("no")
        rename(source, target)

    monkeypatch.setattr(os, "rename", rename_but_the_new)
    with pytest.raises(PermissionError), replacing(tmp_path / "it") as temporary:
        make_directory(temporary, "new")
    assert tree(tmp_path) == expected(make_directory, "old")


def test_json_round_trips(tmp_path):
    data = {"a": [1, 2.5, None], "b": "é"}
    write_json(tmp_path / "data.json", data)
    assert read_json(tmp_path / "data.json", "data") == data
    assert [item.name for item in tmp_path.iterdir()] == ["data.json"]


def test_json_that_cannot_be_written_keeps_the_old_file(tmp_path):
    write_json(tmp_path / "data.json", [1])
    with pytest.raises(TypeError):
        write_json(tmp_path / "data.json", object())
    assert read_json(tmp_path / "data.json", "data") == [1]
    assert [item.name for item in tmp_path.iterdir()] == ["data.json"]


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff\xfe\x00"])
def test_json_that_cannot_be_read_is_an_input_error(tmp_path, content):
    path = tmp_path / "data.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"data\.json must be a JSON file that holds a front\. Received: "):
        read_json(path, "a front")


@pytest.mark.parametrize("below", ["", "new", "new/er"])
def test_output_dir_may_exist_or_not_and_nothing_is_made(tmp_path, below):
    assert check_output_dir(str(tmp_path / below), "workdir") == tmp_path / below
    assert tree(tmp_path) == {}


def test_output_dir_may_be_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert check_output_dir("runs/one", "workdir") == Path("runs/one")
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("below", ["", "/deeper", "/deeper/still"])
def test_output_dir_that_is_a_file_or_below_one(tmp_path, below):
    (tmp_path / "file").write_text("content")
    path = f"{tmp_path}/file{below}"
    with pytest.raises(InputError, match="--workdir must be a directory") as raised:
        check_output_dir(path, "workdir")
    assert f"Received: {path}, and {tmp_path}/file is a file" in str(raised.value)
    assert tree(tmp_path) == {"file": "content"}


def test_output_dir_that_is_a_broken_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="--workdir must be a directory"):
        check_output_dir(tmp_path / "link", "workdir")


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs Linux")
@pytest.mark.parametrize("path", ["/proc", "/proc/none/of/it"])
def test_output_dir_that_cannot_be_written(path):
    with pytest.raises(InputError, match=f"--output_dir must be writable. Received: {path} "):
        check_output_dir(path, "output_dir")
