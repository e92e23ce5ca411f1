"""Whether one-shot accuracies order networks as their true accuracies do, with stabilizers and without (paper section
6.1, Fig. 7 and Table 6). TensorFlow is imported to train and to evaluate."""

from collections.abc import Sequence
from functools import partial

from scarlet_tf.arch.space import Genotype
from scarlet_tf.data import Dataset
from scarlet_tf.studies.finding import Finding
from scarlet_tf.studies.one_shot import OneShot, one_shot_accuracies
from scarlet_tf.studies.ranking_finding import ranking_finding
from scarlet_tf.studies.supernets import StudySupernet, train_supernets
from scarlet_tf.studies.truth import Truth, trained_truth
from scarlet_tf.studies.workdir import StudyWorkdir
from scarlet_tf.train.config import TrainConfig


def study_ranking(
    supernets: Sequence[StudySupernet],
    genotypes: Sequence[Genotype],
    truth: Truth | TrainConfig,
    images: int,
    bn: str,
    workdir: StudyWorkdir,
    dataset: Dataset,
) -> Finding:
    """Trains what is not trained yet, evaluates `genotypes` in each supernet, and compares.

    `truth` is of these networks, or how each is trained alone. One-shot accuracies are those on the first `images`
    validation images, with BN statistics as `bn` says (see `one_shot_accuracies`).
    """
    workdir.begin()
    train_supernets(supernets, dataset)
    images = min(images, dataset.num_examples("validation"))
    measured = []
    for one in supernets:
        evaluate = partial(one_shot_accuracies, one.path, genotypes, dataset, images, bn)
        accuracies = workdir.kept(f"one_shot_{one.name}", evaluate)
        measured.append(OneShot(one.config.stabilizer, one.config.method, one.config.seed, tuple(accuracies)))
    if isinstance(truth, TrainConfig):
        truth = trained_truth(genotypes, truth, workdir, dataset)
    return ranking_finding(measured, truth, supernets[0].config, images, bn, dataset.num_classes)
