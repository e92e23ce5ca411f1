"""What one-shot accuracies beside the truth say. Never imports TensorFlow."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial

import numpy as np

from scarlet_tf.analysis.correlation import bootstrapped_over_networks, kendall_tau, spearman_rho, top_k_regret
from scarlet_tf.analysis.estimate import Estimate, over_seeds
from scarlet_tf.analysis.ranking import RankingHealth
from scarlet_tf.arch.spaces import space_to_data
from scarlet_tf.figures.ranking_study import ranking_figure
from scarlet_tf.studies.finding import Finding
from scarlet_tf.studies.one_shot import OneShot
from scarlet_tf.studies.truth import Truth
from scarlet_tf.train.config import TrainConfig

STABILIZERS = ("els", "skip")
TOP_K = (1, 5, 10, 50)
QUESTION = """\
The paper claims that a supernet whose skips are stabilised orders its networks better than one with plain skips
(section 6.1). Here supernets that differ in nothing but the stabilizer, trained strictly fairly on the same images in
the same order, give one-shot accuracies to the same networks, which are compared with their true accuracies: {source}.
Kendall's tau is 1 where the orders agree and 0 where they have nothing to do with each other; the top-k regret is by
how much the truly best of these networks beats the truly best of the k that the supernet prefers. Intervals are 95%
bootstrap intervals over the networks."""


def measures(accuracies: Sequence[float], truth: Sequence[float]) -> dict[str, Estimate]:
    """Tau, Spearman's rho and the top-k regrets (in [0, 1]) of one supernet, by name."""
    statistics = {"kendall_tau": kendall_tau, "spearman_rho": spearman_rho}
    statistics |= {f"top_{k}_regret": partial(top_k_regret, k=k) for k in TOP_K if k < len(truth)}
    return {name: bootstrapped_over_networks(one, accuracies, truth) for name, one in statistics.items()}


def mean_tau_gain(els: Sequence[Sequence[float]], skip: Sequence[Sequence[float]], truth: Sequence[float]) -> Estimate:
    """By how much the mean tau of the supernets with ELS exceeds that of those with skips.

    `els` and `skip` hold one-shot accuracies (networks,) of a supernet a seed. The interval is over the networks, the
    same draws for all supernets; of supernets of other seeds it says nothing.
    """

    def statistic(*samples: np.ndarray) -> float:
        *scores, truth = samples
        taus = [kendall_tau(one, truth) for one in scores]
        return float(np.mean(taus[: len(els)]) - np.mean(taus[len(els) :]))

    return bootstrapped_over_networks(statistic, *els, *skip, truth)


def ranking_finding(
    supernets: Sequence[OneShot], truth: Truth, config: TrainConfig, images: int, bn: str, num_classes: int
) -> Finding:
    """The finding about `supernets`, one of each stabilizer for each seed, trained as `config` says otherwise, whose
    accuracies are of the truth's networks, on `images` images."""
    entries, rows = {}, []
    for one in supernets:
        estimates = measures(one.accuracies, truth.accuracies)
        health = RankingHealth.of(one.accuracies, images, num_classes)
        found = {name: estimate.to_dict() for name, estimate in estimates.items()}
        entries[one.name] = asdict(one) | found | {"health": asdict(health)}
        correlations = (estimates[name].text("z.3f") for name in ("kendall_tau", "spearman_rho"))
        regrets = (estimates[f"top_{k}_regret"].percent(1) for k in TOP_K if k < len(truth.accuracies))
        spread = (f"{100 * value:.1f}" for value in (health.mean, health.std, health.min))
        rows.append((f"{one.stabilizer}, {one.seed}", *correlations, *regrets, *spread))
    by_stabilizer = {name: [one for one in supernets if one.stabilizer == name] for name in STABILIZERS}
    gain = mean_tau_gain(*([one.accuracies for one in ones] for ones in by_stabilizer.values()), truth.accuracies)
    taus = {name: [entries[one.name]["kendall_tau"]["value"] for one in ones] for name, ones in by_stabilizer.items()}
    seed_gains = [els - skip for els, skip in zip(taus["els"], taus["skip"], strict=True)]
    gain_over_seeds = over_seeds(seed_gains) if len(seed_gains) > 1 else None
    gains = {
        "mean": gain.to_dict(),
        "by_seed": seed_gains,
        "over_seeds": gain_over_seeds.to_dict() if gain_over_seeds else None,
    }
    spreads = {
        name: float(np.mean([entries[one.name]["health"]["std"] for one in ones]))
        for name, ones in by_stabilizer.items()
    }
    regret_names = (f"top-{k} regret (points)" for k in TOP_K if k < len(truth.accuracies))
    length = f"{config.steps:,} steps" if config.steps else f"{config.epochs} epochs"
    return Finding(
        title=f"Ranking of {len(truth.genotypes)} networks of {config.space.name}",
        question=QUESTION.format(source=truth.source),
        numbers={
            "space": space_to_data(config.space),
            "genotypes": [list(genotype) for genotype in truth.genotypes],
            "truth": list(truth.accuracies),
            "truth_source": truth.source,
            "images": images,
            "bn": bn,
            "supernets": entries,
            "tau_gain": gains,
        },
        header=("stabilizer, seed", "Kendall's tau", "Spearman's rho", *regret_names, "mean (%)", "std", "min"),
        rows=rows,
        figures={"ranking": ranking_figure(list(entries.values()), truth.genotypes, truth.accuracies, config.space)},
        captions={
            "ranking": "True accuracy against one-shot accuracy: a dot a network, coloured by how many slots it "
            "skips. In brackets the 95% interval of tau over the networks."
        },
        conclusions=_conclusions(taus, gain, seed_gains, gain_over_seeds, spreads),
        notes=(
            f"One-shot accuracies (mean, std, min above) are of {images:,} validation images, with {bn} BN statistics.",
            f"Supernets: {length} of {config.batch_size} images of {config.dataset} at {config.image_size} px, "
            f"{config.optimizer} at {config.learning_rate:g}.",
        ),
    )


def _conclusions(
    taus: Mapping[str, Sequence[float]],
    gain: Estimate,
    seed_gains: Sequence[float],
    gain_over_seeds: Estimate | None,
    spreads: Mapping[str, float],
) -> str:
    els, skip = (float(np.mean(taus[name])) for name in STABILIZERS)
    seeds = "one seed" if len(seed_gains) == 1 else f"the mean of {len(seed_gains)} seeds"
    said = [
        f"Kendall's tau is {els:.3f} with ELS and {skip:.3f} with plain skips, in {seeds}: a gain of "
        f"{gain.text('+z.3f')} over the networks."
    ]
    if gain.sign == 0:
        said.append("The interval holds zero: of these supernets neither kind is shown to order networks better.")
    else:
        better = "ELS" if gain.sign > 0 else "plain skips"
        said.append(f"So of these very supernets those with {better} order networks better.")
    if gain_over_seeds is None:
        said.append("One seed says nothing of supernets trained with others.")
    else:
        each = ", ".join(f"{one:+.3f}" for one in seed_gains)
        verdicts = {
            1: "ELS orders better",
            -1: "plain skips order better",
            0: "which of them orders better is undecided",
        }
        said.append(
            f"Seed by seed it is {each}, over seeds {gain_over_seeds.text('+z.3f')}: {verdicts[gain_over_seeds.sign]}."
        )
    said.append(
        f"The one-shot accuracies differ by {100 * spreads['els']:.1f} points (standard deviation) with ELS and by "
        f"{100 * spreads['skip']:.1f} with plain skips."
    )
    return " ".join(said)
