"""Which pairs of networks a supernet with plain skips orders wrongly and one with ELS rightly, and the reverse (paper
Table 1)."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property, partial

import numpy as np

from scarlet_tf.analysis.correlation import MIN_NETWORKS, bootstrapped_over_networks
from scarlet_tf.analysis.estimate import Estimate, over_seeds
from scarlet_tf.analysis.pair_order import (
    apart,
    rank_residuals,
    resampled_mean,
    slope,
    two_by_two,
    worst_pairs,
    wrongness,
)
from scarlet_tf.arch.spaces import space_to_data
from scarlet_tf.errors import InputError
from scarlet_tf.figures.contrast_study import MOST_SHOWN, ShownPair, contrast_figure
from scarlet_tf.numbers import is_number
from scarlet_tf.studies.finding import Finding
from scarlet_tf.studies.measured_ranking import MeasuredRanking

PLAIN, ELS = "skip", "els"
STABILIZERS = (PLAIN, ELS)


@dataclass(frozen=True)
class ContrastConfig:
    """Pairs count whose truths differ by at least `margin` points of accuracy, of supernets trained by `method`; up to
    `pairs` are shown of each kind. Raises InputError, naming the flag, where a value is off."""

    pairs: int = 5
    margin: float = 1.0
    method: str = "fair"

    def __post_init__(self) -> None:
        if self.pairs < 1:
            raise InputError(f"--pairs must be at least 1. Received: {self.pairs}.")
        if not is_number(self.margin) or not 0 <= self.margin < 100:
            raise InputError(f"--margin must be at least 0 points and below 100. Received: {self.margin}.")


@dataclass(frozen=True)
class Contrast:
    """The networks of `ranking`, in the supernets of each seed that is there with plain skips and with ELS.

    Raises InputError where there is no such seed, or where networks or pairs are too few.
    """

    ranking: MeasuredRanking
    config: ContrastConfig

    def __post_init__(self) -> None:
        number, method = len(self.ranking.genotypes), self.config.method
        if not self.seeds:
            held = sorted({f"{one.method} {one.stabilizer} {one.seed}" for one in self.ranking.supernets})
            raise InputError(
                f"--ranking must hold supernets with {PLAIN} and {ELS} of one seed, trained by --method={method}. "
                f"Received: {', '.join(held) or 'none'}."
            )
        if number < MIN_NETWORKS:
            raise InputError(
                f"--ranking must hold at least {MIN_NETWORKS} networks, or nothing can be said of others. Received: "
                f"{number}."
            )
        if not self.pairs.any():
            apart_by = 100 * np.ptp(self.ranking.truth)
            raise InputError(
                f"--margin must leave pairs to be ordered: the truths of all networks lie within {apart_by:.2f} "
                f"points. Received: {self.config.margin:g}."
            )

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """Those of which there are supernets of both kinds."""
        plain, els = (self.ranking.of(name, self.config.method) for name in STABILIZERS)
        return tuple(sorted(plain.keys() & els.keys()))

    @cached_property
    def accuracies(self) -> dict[str, np.ndarray]:
        """One-shot accuracies (seeds, networks) by stabilizer."""
        return {
            name: np.array([self.ranking.of(name, self.config.method)[seed] for seed in self.seeds])
            for name in STABILIZERS
        }

    @cached_property
    def pairs(self) -> np.ndarray:
        """(networks, networks) bool: whether that of the row is the better one of a pair that counts."""
        return apart(self.ranking.truth, self.config.margin / 100)

    @cached_property
    def wrong(self) -> dict[str, np.ndarray]:
        """How wrong each supernet is about each pair, (seeds, networks, networks), by stabilizer."""
        return {name: np.array(list(map(wrongness, rows))) for name, rows in self.accuracies.items()}

    @cached_property
    def residuals(self) -> dict[str, np.ndarray]:
        """How much higher each network ranks than is usual for its truth, in percent of the networks, mean over the
        seeds."""
        truth = self.ranking.truth
        return {
            name: np.mean([rank_residuals(truth, row) for row in rows], axis=0)
            for name, rows in self.accuracies.items()
        }

    def errors(self) -> dict[str, list[float]]:
        """The share of pairs ordered wrongly, seed by seed, in percent, by stabilizer."""
        return {name: [float(100 * each[self.pairs].mean()) for each in wrong] for name, wrong in self.wrong.items()}

    def errors_over_networks(self) -> dict[str, Estimate]:
        """Those shares, mean over the seeds, and the `difference`, ELS less plain skips, in points: with intervals over
        the networks. Pairs share networks, so these are drawn anew, not the pairs."""
        means = {name: 100 * wrong.mean(axis=0) for name, wrong in self.wrong.items()}
        means["difference"] = means[ELS] - means[PLAIN]
        return {
            name: _over_networks(partial(resampled_mean, values, self.pairs), len(self.pairs))
            for name, values in means.items()
        }

    def difference_over_seeds(self) -> Estimate | None:
        """ELS less plain skips, in points, with the interval over seeds; None of one seed."""
        errors = self.errors()
        return over_seeds(np.subtract(errors[ELS], errors[PLAIN])) if len(self.seeds) > 1 else None

    def tables(self) -> list[dict[str, float]]:
        """Two by two, for each seed: pairs that both get wrong, only plain skips, only ELS, or none of them."""
        named = {"both": "both", "first": f"only_{PLAIN}", "other": f"only_{ELS}", "none": "none"}
        counted = (two_by_two(*pair, self.pairs) for pair in zip(self.wrong[PLAIN], self.wrong[ELS], strict=True))
        return [{named[key]: count for key, count in table.items()} for table in counted]

    def skip_slopes(self) -> dict[str, Estimate] | None:
        """How many places in a hundred a network ranks higher than is usual for its truth with each slot more that it
        skips, by stabilizer, with intervals over the networks; None where all skip as many."""
        skips = self.ranking.skips.astype(float)
        if np.ptp(skips) == 0:
            return None
        return {
            name: _over_networks(lambda drawn, values=values: slope(skips[drawn], values[drawn]), len(skips))
            for name, values in self.residuals.items()
        }

    def judged(self, name: str) -> dict[str, float | None]:
        """The mean number of skips of networks that are under- and that are overestimated; None where nobody is."""
        residuals, skips = self.residuals[name], self.ranking.skips
        groups = {"underestimated": skips[residuals < 0], "overestimated": skips[residuals > 0]}
        return {group: float(members.mean()) if members.size else None for group, members in groups.items()}

    def skips_of_mistakes(self) -> dict[str, float | None]:
        """How many slots more the better network skips than the worse one: mean over all pairs, and over those that
        only one kind of supernet gets wrong, all seeds together; None where there is no such pair."""
        skips = self.ranking.skips.astype(float)
        more = (skips[:, None] - skips)[self.pairs]
        plain, els = (self.wrong[name][:, self.pairs] for name in STABILIZERS)  # (seeds, pairs)
        weights = {
            "all": np.ones_like(plain),
            f"only_{PLAIN}": plain * (1 - els),
            f"only_{ELS}": els * (1 - plain),
        }
        return {
            name: float((weight * more).sum() / weight.sum()) if weight.any() else None
            for name, weight in weights.items()
        }

    def shown(self, mistaken: str, right: str, seed: int | None = None) -> list[ShownPair]:
        """The pairs that one kind of supernet gets wrong and the other right, the worst first; by the mean accuracies
        over the seeds, or by those of one seed."""
        row = slice(None) if seed is None else [self.seeds.index(seed)]
        means = {name: values[row].mean(axis=0) for name, values in self.accuracies.items()}
        truth, margin = self.ranking.truth, self.config.margin / 100
        found = worst_pairs(truth, means[mistaken], means[right], margin, self.config.pairs)
        ranked = {"truth": truth, **means}
        percentiles = {name: _percentiles(values) for name, values in ranked.items()}
        return [
            ShownPair(
                networks=(better, worse),
                accuracies={name: (float(v[better]), float(v[worse])) for name, v in ranked.items()},
                percentiles={name: (float(v[better]), float(v[worse])) for name, v in percentiles.items()},
                skips=(int(self.ranking.skips[better]), int(self.ranking.skips[worse])),
                wrong_seeds={
                    name: int((rows[:, better] < rows[:, worse]).sum()) for name, rows in self.accuracies.items()
                },
            )
            for better, worse in found
        ]


def _over_networks(statistic: Callable[[np.ndarray], float], number: int) -> Estimate:
    """`statistic` of the indices of networks, with its interval."""
    return bootstrapped_over_networks(lambda drawn: float(statistic(drawn.astype(int))), np.arange(number))


def _percentiles(values: np.ndarray) -> np.ndarray:
    """(n,): the share of all networks, in percent, that each exceeds."""
    return 100 * (values[:, None] > values).mean(axis=1)


def _conclusions(contrast: Contrast) -> str:
    errors, tables = contrast.errors_over_networks(), contrast.tables()
    number, margin, seeds = int(contrast.pairs.sum()), contrast.config.margin, len(contrast.seeds)
    means = {key: np.mean([table[key] for table in tables]) for key in tables[0]}
    told = [
        f"Of {number:,} pairs whose truths differ by {margin:g} or more points of accuracy, supernets with plain skips "
        f"order {errors[PLAIN].text('.1f')}% wrongly, those with ELS {errors[ELS].text('.1f')}%; by lot it would be "
        "half of them (95% intervals over the networks).",
        f"In the two supernets{' of a seed' if seeds > 1 else ''}, {means[f'only_{PLAIN}']:,.1f} pairs are "
        f"wrong with plain skips alone, {means[f'only_{ELS}']:,.1f} with ELS alone, {means['both']:,.1f} with both and "
        f"{means['none']:,.1f} with none.",
        f"ELS changes the share by {errors['difference'].text('+.1f')} points: "
        + {
            -1: "in these very supernets fewer orders are wrong with ELS, as the paper reports.",
            1: "in these very supernets more orders are wrong with ELS, contrary to what the paper reports.",
            0: "undecided, as the interval holds zero.",
        }[errors["difference"].sign],
    ]
    trained = contrast.difference_over_seeds()
    if trained is None:
        told.append("One seed says nothing of supernets trained with others.")
    else:
        told.append(
            f"Over {seeds} seeds it is {trained.text('+.1f')} points: for supernets of other seeds "
            + {-1: "ELS orders better.", 1: "plain skips order better.", 0: "that is undecided."}[trained.sign]
        )
    slopes = contrast.skip_slopes()
    if slopes is None:
        told.append("All networks skip as many slots, so skips explain no mistake.")
        return " ".join(told)
    told.append(
        f"With plain skips each skipped slot moves a network by {slopes[PLAIN].text('+.1f')} places in a hundred, at "
        "equal truth: "
        + {
            -1: "networks with more skips are underestimated",
            1: "networks with more skips are overestimated",
            0: "no clear relation of mistakes to skips",
        }[slopes[PLAIN].sign]
        + f"; with ELS by {slopes[ELS].text('+.1f')}."
    )
    return " ".join(told)


def _rows(contrast: Contrast, mistaken: str, pairs: list[ShownPair]) -> list[tuple[str, ...]]:
    def cells(values: tuple[float, float]) -> str:
        better, worse = values
        return f"{better:.1%} {'>' if better > worse else '<' if better < worse else '='} {worse:.1%}"

    names = [" ".join(map(str, genotype)) for genotype in contrast.ranking.genotypes]
    seeds = len(contrast.seeds)
    return [
        (
            f"{mistaken} {number}",
            " > ".join(names[network] for network in pair.networks),
            *(cells(pair.accuracies[column]) for column in ("truth", PLAIN, ELS)),
            f"{pair.skips[0]}, {pair.skips[1]}",
            f"{pair.wrong_seeds[PLAIN]}, {pair.wrong_seeds[ELS]} of {seeds}",
        )
        for number, pair in enumerate(pairs, 1)
    ]


def contrast_finding(contrast: Contrast) -> Finding:
    """The numbers, the figure and the conclusions."""
    ranking, config, errors = contrast.ranking, contrast.config, contrast.errors()
    only_plain, only_els = contrast.shown(PLAIN, ELS), contrast.shown(ELS, PLAIN)
    over_networks, trained, slopes = (
        contrast.errors_over_networks(),
        contrast.difference_over_seeds(),
        contrast.skip_slopes(),
    )

    def listed(pairs: list[ShownPair]) -> list[dict]:
        return [asdict(pair) | {"genotypes": [list(ranking.genotypes[one]) for one in pair.networks]} for pair in pairs]

    numbers = {
        "space": space_to_data(ranking.space),
        "truth_source": ranking.truth_source,
        "images": ranking.images,
        "method": config.method,
        "margin": config.margin,
        "networks": len(ranking.genotypes),
        "pairs": int(contrast.pairs.sum()),
        "seeds": list(contrast.seeds),
        "errors": errors,
        "errors_over_networks": {name: one.to_dict() for name, one in over_networks.items()},
        "difference_over_seeds": trained and trained.to_dict(),
        "two_by_two": dict(zip(map(str, contrast.seeds), contrast.tables(), strict=True)),
        "only_skip_wrong": listed(only_plain),
        "only_els_wrong": listed(only_els),
        "by_seed": {
            str(seed): {
                "only_skip_wrong": listed(contrast.shown(PLAIN, ELS, seed)),
                "only_els_wrong": listed(contrast.shown(ELS, PLAIN, seed)),
            }
            for seed in contrast.seeds
        },
        "skips": ranking.skips.tolist(),
        "residuals": {name: values.tolist() for name, values in contrast.residuals.items()},
        "residual_by_skip": slopes and {name: one.to_dict() for name, one in slopes.items()},
        "mean_skips": {name: contrast.judged(name) for name in STABILIZERS},
        "more_skips_of_the_better": contrast.skips_of_mistakes(),
    }
    shown = f"up to {min(config.pairs, MOST_SHOWN)} pairs of each kind"
    return Finding(
        title=f"Pairs that a supernet orders wrongly: {ranking.space.name}",
        question=(
            "The paper shows pairs of networks whose order a supernet with plain skips gets wrong and one with ELS "
            f"right (Table 1). Here all pairs of {len(ranking.genotypes)} networks are counted, of which the truth "
            f"({ranking.truth_source}) differs by {config.margin:g} or more points, by one-shot accuracies on "
            f"{ranking.images:,} images in supernets trained by the method {config.method} with "
            f"{len(contrast.seeds)} seed{'s' * (len(contrast.seeds) > 1)}, and the reverse is counted too."
        ),
        numbers=numbers,
        header=("wrong in", "better > worse", "truth", "skip", "els", "skips", "wrong in seeds: skip, els"),
        rows=_rows(contrast, PLAIN, only_plain) + _rows(contrast, ELS, only_els),
        figures={
            "contrast": contrast_figure(only_plain, only_els, errors, over_networks, ranking.skips, contrast.residuals)
        },
        captions={
            "contrast": f"Above: {shown}, with the one-shot accuracies, mean over the seeds, beside where these rank. "
            "Below: how many pairs are ordered wrongly, and how much higher networks rank than is usual for their "
            "truth, by the number of slots they skip."
        },
        conclusions=_conclusions(contrast),
        notes=_notes(contrast),
    )


def _notes(contrast: Contrast) -> list[str]:
    judged = {name: contrast.judged(name) for name in STABILIZERS}
    more = contrast.skips_of_mistakes()

    def mean(value: float | None) -> str:
        return "-" if value is None else f"{value:.2f}"

    return [
        "Pairs of equal one-shot accuracy count as half wrong. Intervals are of a bootstrap of the networks, as pairs "
        "share them; the truth is taken as exact.",
        "Listed are pairs by the mean accuracies over the seeds, those furthest apart in truth first, each network "
        "once.",
        *(
            f"{name}: networks that rank too low skip {mean(one['underestimated'])} slots on average, those that rank "
            f"too high {mean(one['overestimated'])}."
            for name, one in judged.items()
        ),
        f"The better network of a pair skips {mean(more['all'])} slots more than the worse one on average; where only "
        f"plain skips are wrong {mean(more[f'only_{PLAIN}'])}, where only ELS is {mean(more[f'only_{ELS}'])}.",
    ]
