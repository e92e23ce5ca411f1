import subprocess
import sys

import pytest

from scarlet_tf.errors import InputError
from scarlet_tf.export import versions as module
from scarlet_tf.export.versions import check_version, publish_version, versions


@pytest.fixture
def written(tmp_path):
    """Writes a directory as an exporter does, with this text in it."""

    def write(text="ours"):
        directory = tmp_path / "staging" / text
        (directory / "variables").mkdir(parents=True)
        (directory / "saved_model.pb").write_text(text)
        return directory

    return write


def test_each_export_is_the_next_version(written, tmp_path):
    base_dir = tmp_path / "new" / "savedmodel"
    assert publish_version(written(), base_dir) == base_dir / "1"
    assert publish_version(written(), base_dir) == base_dir / "2"
    (base_dir / "9").mkdir()
    (base_dir / "notes").mkdir()
    (base_dir / "20").write_text("a file")
    assert publish_version(written(), base_dir).name == "10"
    assert versions(base_dir) == [1, 2, 9, 10]


def test_a_given_number_is_taken(written, tmp_path):
    assert publish_version(written(), tmp_path / "savedmodel", 20260101).name == "20260101"
    assert publish_version(written(), tmp_path / "savedmodel", 3).name == "3"
    assert publish_version(written(), tmp_path / "savedmodel").name == "20260102"
    assert (tmp_path / "savedmodel" / "3" / "saved_model.pb").read_text() == "ours"


@pytest.mark.parametrize("taken", ["7", "007"])  # a server reads both as 7
def test_a_number_that_is_taken_is_refused_and_the_others_are_named(written, tmp_path, taken):
    base_dir = tmp_path / "savedmodel"
    for name in ("2", taken):
        (base_dir / name).mkdir(parents=True)
    with pytest.raises(InputError, match=r"--version.*free.*Received: 7\. .*has 2, 7\."):
        publish_version(written(), base_dir, 7)
    assert {path.name for path in base_dir.iterdir()} == {"2", taken}
    assert (tmp_path / "staging" / "ours").exists()


@pytest.mark.parametrize("version", [0, -1, 2**63])
def test_a_number_that_is_no_version_is_refused(written, tmp_path, version):
    directory = written()
    with pytest.raises(InputError, match=rf"--version must be a positive integer.*Received: {version}\."):
        publish_version(directory, tmp_path / "savedmodel", version)
    assert directory.exists()
    assert not (tmp_path / "savedmodel").exists()


def test_after_the_largest_number_one_must_be_given(tmp_path):
    (tmp_path / str(2**63 - 1)).mkdir()
    with pytest.raises(InputError, match="no next one"):
        check_version(tmp_path, None)
    check_version(tmp_path, 5)


def test_a_number_taken_meanwhile_is_not_overwritten(monkeypatch, written, tmp_path):
    monkeypatch.setattr(module, "versions", lambda base_dir: [])  # as if listed before the other's rename
    publish_version(written("theirs"), tmp_path / "savedmodel")
    assert publish_version(written("ours"), tmp_path / "savedmodel").name == "2"
    assert (tmp_path / "savedmodel" / "1" / "saved_model.pb").read_text() == "theirs"


def test_a_given_number_taken_meanwhile_is_refused(monkeypatch, written, tmp_path):
    base_dir = tmp_path / "savedmodel"
    sync_tree = module._sync_tree

    def sync_while_another_publishes(directory):
        sync_tree(directory)
        written("theirs").rename(base_dir / "4")

    monkeypatch.setattr(module, "_sync_tree", sync_while_another_publishes)
    with pytest.raises(InputError, match=r"--version.*Received: 4"):
        publish_version(written("ours"), base_dir, 4)
    assert (base_dir / "4" / "saved_model.pb").read_text() == "theirs"
    assert [path.name for path in base_dir.iterdir()] == ["4"]


def test_all_is_on_disk_before_the_version_appears(monkeypatch, written, tmp_path):
    base_dir, synced = tmp_path / "savedmodel", []

    def sync(path):
        synced.append((path.name, versions(base_dir)))

    monkeypatch.setattr(module, "sync", sync)
    publish_version(written(), base_dir)
    before = [name for name, there in synced if not there]
    assert sorted(before) == ["saved_model.pb", "variables", "version"]
    assert [name for name, there in synced if there] == ["savedmodel", tmp_path.name]


def test_what_fails_leaves_no_version_and_no_hidden_directory(monkeypatch, written, tmp_path):
    def full(path):
        raise OSError("disk full")

    monkeypatch.setattr(module, "sync", full)
    with pytest.raises(OSError, match="disk full"):
        publish_version(written(), tmp_path / "savedmodel")
    assert list((tmp_path / "savedmodel").iterdir()) == []


def test_exporters_that_publish_at_once_each_get_a_version(tmp_path):
    code = """
import sys
from pathlib import Path
from scarlet_tf.export.versions import publish_version
base_dir, name = Path(sys.argv[1]), sys.argv[2]
for number in range(20):
    written = base_dir.parent / f"{name}_{number}"
    written.mkdir()
    (written / "saved_model.pb").write_text(written.name)
    publish_version(written, base_dir)
"""
    base_dir = tmp_path / "savedmodel"
    exporters = [subprocess.Popen([sys.executable, "-c", code, str(base_dir), name]) for name in ("a", "b", "c")]
    assert [exporter.wait() for exporter in exporters] == [0, 0, 0]
    assert versions(base_dir) == list(range(1, 61))
    texts = {(base_dir / str(number) / "saved_model.pb").read_text() for number in range(1, 61)}
    assert texts == {f"{name}_{number}" for name in "abc" for number in range(20)}


def test_a_file_in_the_place_of_the_base_path_is_refused(written, tmp_path):
    (tmp_path / "savedmodel").write_text("a file")
    with pytest.raises(InputError, match="savedmodel must be a directory"):
        publish_version(written(), tmp_path / "savedmodel")


def test_numbers_are_checked_without_tensorflow():
    code = "import sys, scarlet_tf.export.versions; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
