"""The study of similarities: from the command line to the report, killed in between, and refusing what it cannot do."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from scarlet_tf.analysis.mean_estimate import MIN_IMAGES
from scarlet_tf.analysis.skip_similarity import STABILIZERS, SkipComparison, SkipSimilarity
from scarlet_tf.arch.spaces import get_space
from scarlet_tf.data import load_dataset
from scarlet_tf.errors import InputError
from scarlet_tf.studies.pairs import paired_supernets
from scarlet_tf.studies.similarity import SimilarityConfig, conclusions, finding, study_similarity
from scarlet_tf.studies.supernets import given_supernets
from scarlet_tf.studies.workdir import StudyWorkdir

ROOT = Path(__file__).parents[2]
NUM_IMAGES = 30


@pytest.fixture(scope="module")
def tiny(mini_files):
    """What makes any of the study's commands take seconds."""
    return (
        f"--space={mini_files / 'space.json'}",
        "--dataset=synthetic",
        "--image_size=16",
        "--batch_size=16",
        "--steps=20",
        "--learning_rate=0.5",
        "--strategy=cpu",
        f"--images={NUM_IMAGES}",
    )


@pytest.fixture(scope="module")
def trained(run_command, tiny, tmp_path_factory):
    """What the flagfile's command prints, reduced to seconds, and the workdir it leaves."""
    workdir = tmp_path_factory.mktemp("similarity") / "study"
    flagfile = ROOT / "flags" / "analyze_similarity.flags"
    done = run_command("analyze", "similarity", f"--flagfile={flagfile}", *tiny, f"--workdir={workdir}")
    assert done.returncode == 0, done.stderr
    return done.stdout, workdir


def numbers(workdir: Path) -> dict:
    return json.loads((workdir / "numbers.json").read_text())


def pairs_of(workdir: Path):
    return paired_supernets(given_supernets([str(workdir / f"fair_{name}_0") for name in STABILIZERS], STABILIZERS))


def test_command_trains_both_measures_and_reports(trained, mini_space):
    printed, workdir = trained
    found = numbers(workdir)
    assert found["images"] == NUM_IMAGES
    assert found["choices"] == ["E2 K3", "E3 K3 SE", "skip"]
    assert found["slots_with_stabilizer"] == [0, 1, 2]
    assert sorted(found["rises"] + found["falls"] + found["undecided"]) == [0, 1, 2]
    report = (workdir / "report.md").read_text()
    for name in ("similarity", "similarity_matrices", "similarity_arrows"):
        assert f"({name}.png)" in report
        assert (workdir / f"{name}.png").stat().st_size > 10_000
    assert "python -m scarlet_tf.analyze similarity --flagfile=" in report
    assert str(workdir / "report.md") in printed
    for stabilizer in STABILIZERS:
        config = json.loads((workdir / f"fair_{stabilizer}_0" / "config.json").read_text())
        assert (config["stabilizer"], config["seed"]) == (stabilizer, 0)
        assert np.array(found["matrices"][stabilizer]).shape == (3, 3, 3)


def test_flagfile_is_the_papers_size(trained):
    _, workdir = trained
    settings = json.loads((workdir / "study.json").read_text())["settings"]
    expected = {"epochs": 60, "weight_decay": 4e-5, "optimizer": "sgd", "method": "fair"}
    assert {name: settings[name] for name in expected} == expected
    lines = (ROOT / "flags" / "analyze_similarity.flags").read_text().splitlines()
    reduced = {"--space=s1", "--dataset=imagenet2012", "--image_size=224", "--batch_size=256", "--learning_rate=0.045"}
    assert reduced <= set(lines)
    header = " ".join(line for line in lines if line.startswith("#"))
    for needed in ("analyze similarity --flagfile=flags/analyze_similarity.flags", "Needs", "Expect"):
        assert needed in header


def test_numbers_are_those_of_the_supernets(trained):
    """The mean of a slot against the similarities of the supernet, image by image."""
    from scarlet_tf.analysis.similarity import ChoiceSimilarity
    from scarlet_tf.models import load_supernet

    _, workdir = trained
    batches = load_dataset("synthetic").evaluation_batches("validation", 10, 16, NUM_IMAGES)
    for stabilizer in STABILIZERS:
        matrices = ChoiceSimilarity(load_supernet(workdir / f"fair_{stabilizer}_0"))(batches)
        found = numbers(workdir)
        np.testing.assert_allclose(found["matrices"][stabilizer], matrices, atol=1e-5)
        expected = matrices[:, 2, :2].mean(axis=-1)
        np.testing.assert_allclose(found["skip_to_blocks"][stabilizer]["mean"], expected, atol=1e-5)


def test_killed_while_it_measures_it_goes_on_and_ends_with_the_same(trained, tmp_path, mini_space, monkeypatch):
    from scarlet_tf.analysis.similarity import ChoiceSimilarity

    _, workdir = trained
    original, calls = ChoiceSimilarity.by_image, []

    def killed_at_the_second(self, batches):
        calls.append(self)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(self, batches)

    monkeypatch.setattr(ChoiceSimilarity, "by_image", killed_at_the_second)
    config = SimilarityConfig(mini_space, NUM_IMAGES)

    def study(name: str) -> dict:
        held = StudyWorkdir(tmp_path / name, "similarity", {"images": NUM_IMAGES})
        return study_similarity(pairs_of(workdir), load_dataset("synthetic"), config, held, to_train=False).numbers

    with pytest.raises(KeyboardInterrupt):
        study("killed")
    assert len(list((tmp_path / "killed" / "kept").iterdir())) == 1
    again = study("killed")
    assert len(calls) == 3  # the first supernet was not measured anew
    assert again == study("never_killed")
    assert again["difference"]["mean"][0] != 0


def test_given_supernets_make_the_same_numbers_and_need_no_training_flags(trained, run_command, tmp_path, digest):
    _, workdir = trained
    given = ",".join(str(workdir / f"fair_{name}_0") for name in ("els", "skip"))
    flags = (f"--supernets={given}", f"--images={NUM_IMAGES}", f"--workdir={tmp_path / 'study'}")
    before = digest(workdir)
    done = run_command("analyze", "similarity", *flags, "--slot=0")
    assert done.returncode == 0, done.stderr
    assert digest(workdir) == before
    theirs, ours = numbers(workdir), numbers(tmp_path / "study")
    assert (ours["plane"]["slot"], theirs["plane"]["slot"]) == (0, 1)
    for key in ("mean", "over_images"):  # of another process, which may round otherwise
        np.testing.assert_allclose(ours["difference"][key], theirs["difference"][key], atol=1e-5)
    assert np.abs(theirs["difference"]["mean"]).max() > 1e-3


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--images=19",), f"--images must be at least {MIN_IMAGES}"),
        (("--slot=3",), "--slot must be one of mini whose skip is a stabilizer: 0, 1, 2. Received: 3"),
        (("--seeds=0,0",), "--seeds must be different whole numbers"),
        (("--supernets=elsewhere",), "--space must be left out with --supernets"),
        (("--epochs=0",), "--epochs must be at least 1"),
    ],
)
def test_bad_flags_end_in_a_line_and_change_nothing(flags, said, without_tensorflow, tiny, tmp_path):
    done = without_tensorflow("analyze", "similarity", *tiny, f"--workdir={tmp_path / 'study'}", *flags)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_els_relu_is_refused_in_a_line(trained, tmp_path):
    _, workdir = trained
    config = json.loads((workdir / "fair_els_0" / "config.json").read_text())
    other = tmp_path / "other"
    (other / "checkpoints").mkdir(parents=True)
    (other / "checkpoints" / "checkpoint").touch()
    (other / "config.json").write_text(json.dumps(config | {"stabilizer": "els_relu"}))
    with pytest.raises(InputError, match=r"--supernets must be of the stabilizers skip, els .* with els_relu"):
        given_supernets([str(workdir / "fair_skip_0"), str(other)], STABILIZERS)


def test_spaces_without_a_skip_or_with_one_other_choice_are_refused(mini_space):
    for choices in (mini_space.choices[:2], mini_space.choices[1:]):
        space = type(mini_space).from_dict(mini_space.to_dict() | {"choices": list(choices)})
        with pytest.raises(InputError, match="--space must have a skip that can be removed and at least two other"):
            SimilarityConfig(space)


def test_default_slot_is_in_the_middle_of_those_with_a_stabilizer():
    assert SimilarityConfig(get_space("s1")).slot == 9
    macro = get_space("nas_bench_macro")
    assert SimilarityConfig(macro).slot == 4
    with pytest.raises(InputError, match=r"--slot .* 1, 3, 4, 6, 7\. Received: 5"):
        SimilarityConfig(macro, slot=5)


def comparison(space, gains: list[float], jitter: float = 0.0) -> SkipComparison:
    """Made-up: by seed, ELS makes the skip by `gains` more like the blocks in every slot."""
    rng = np.random.default_rng(0)

    def measured(similarity: float) -> SkipSimilarity:
        matrices = np.full((NUM_IMAGES, space.num_slots, space.num_choices, space.num_choices), similarity)
        matrices += rng.normal(0, jitter, (NUM_IMAGES, 1, 1, 1))
        return SkipSimilarity.of([np.where(np.eye(space.num_choices), 1.0, matrices)], space)

    return SkipComparison.of(
        {seed: {"skip": measured(0.4), "els": measured(0.4 + gain)} for seed, gain in enumerate(gains)}, space
    )


@pytest.mark.parametrize(
    ("gains", "jitter", "said"),
    [
        ([0.2], 0.01, r"rises in 3 \(0, 1, 2\) of the 3 .* over images\. On average .* it rises, as the paper says"),
        (
            [-0.2],
            0.01,
            r"falls in 3 \(0, 1, 2\).* it falls, contrary to the paper: 0\.[12].. with ELS and 0\.[34].. without",
        ),
        ([0.0], 0.05, r"undecided in 3 \(0, 1, 2\).* it neither rises nor falls for sure"),
        ([0.3, -0.2], 0.01, r"undecided in 3 \(0, 1, 2\), by 95% intervals over seeds.* it neither rises nor falls"),
        ([0.2, 0.21, 0.22], 0.0, r"over seeds.* it rises, as the paper says.* of \+0.210 \(\+0.185 to \+0.235\)"),
    ],
)
def test_conclusions_follow_the_numbers(mini_space, gains, jitter, said):
    text = conclusions(comparison(mini_space, gains, jitter=jitter), slot=1)
    assert re.search(said, text)
    assert ("give several --seeds" in text) == (len(gains) == 1)


def test_conclusions_own_up_to_slots_that_go_the_other_way(mini_space):
    similarities = np.full((2, NUM_IMAGES, 3, 3, 3), 0.4) + np.random.default_rng(0).normal(0, 0.01, (2, 30, 1, 1, 1))
    similarities[1] += np.array([0.5, 0.0, -0.2])[:, None, None]
    plain, els = (SkipSimilarity.of([one], mini_space) for one in similarities)
    mixed = conclusions(SkipComparison.of({0: {"skip": plain, "els": els}}, mini_space), slot=1)
    assert "rises in 1 (0) of the 3 slots with a stabilizer, falls in 1 (2), and is undecided in 1 (1), by" in mixed
    assert "On average over these slots it rises" in mixed


def test_conclusions_name_the_angle_of_a_mean_similarity(mini_space):
    even = comparison(mini_space, [0.1])  # 0.4 and 0.5 on all images
    assert "vectors 60.0 (60.0 to 60.0) degrees apart with ELS, and 66.4 (66.4 to 66.4)" in conclusions(even, slot=1)


def test_table_has_a_row_a_slot_and_says_where_there_is_no_stabilizer():
    space = get_space("nas_bench_macro")
    found = finding(comparison(space, [0.1, 0.1]), 4, NUM_IMAGES, "made up")
    assert found.header[4:] == ["95% over images", "95% over seeds", "with ELS"]
    assert len(found.rows) == 9
    assert [row[0] for row in found.rows if row[-1] == "no stabilizer: left out"] == ["0", "2", "5"]
    assert found.rows[1] == ["1", "0.400", "0.500", "+0.100", "+0.100 to +0.100", "+0.100 to +0.100", "rises"]
    assert found.rows[-1][0] == "all"
    assert any("slots 0, 2, 5 a skip is a 1x1 convolution" in note for note in found.notes)
