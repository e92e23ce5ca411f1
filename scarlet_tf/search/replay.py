"""What a search that ended would have found with other objectives or constraints, without any evaluation."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from scarlet_tf.arch import SearchSpace
from scarlet_tf.arch.spaces import space_from_data
from scarlet_tf.errors import InputError
from scarlet_tf.search.candidates import Candidates, Latency
from scarlet_tf.search.config import SearchConfig
from scarlet_tf.search.individual import Individual
from scarlet_tf.search.journal import JOURNAL, read_journal
from scarlet_tf.search.objectives import violated
from scarlet_tf.search.selection import SearchResult, Selection
from scarlet_tf.search.unsatisfiable import Unsatisfiable


@dataclass(frozen=True)
class PastSearch:
    """What a journal tells of a search: who was evaluated, in that order, in which space, with which settings."""

    journal: Path
    space: SearchSpace
    config: SearchConfig
    individuals: tuple[Individual, ...]

    @classmethod
    def read(cls, path: str | Path) -> "PastSearch":
        """Reads a journal, or the one in a search's workdir. Raises InputError where there is none."""
        path = Path(path)
        path = path / JOURNAL if path.is_dir() else path
        header, individuals, generations = read_journal(path)
        if not individuals:
            raise InputError(f"{path} must hold a network that was evaluated. Received: none.")
        space = space_from_data(header.get("space"), str(path))
        for one in individuals:
            try:
                space.check(one.genotype)
            except ValueError as error:
                raise InputError(f"{path}: {error}") from error
        settings = header.get("config")
        if not isinstance(settings, dict):
            raise InputError(f"{path} must hold the settings of a search in its first line. Received: {settings!r}.")
        config = SearchConfig.from_dict({**settings, "generations": generations}, path)
        return cls(path, space, config, individuals)

    def check_other_workdir(self, workdir: str | Path) -> None:
        """Raises InputError where `workdir` is that of a search: its front would be replaced."""
        if (Path(workdir) / JOURNAL).exists():
            raise InputError(f"--workdir must be another directory than a search's. Received: {workdir}.")

    def rerank(self, config: SearchConfig, latency: Latency | None = None) -> SearchResult:
        """The result with the objectives and constraints of `config`, of those who were evaluated.

        Who was too costly then was never evaluated, and is in no result. `latency` takes the place of what the journal
        holds. Raises InputError where nobody meets the constraints.
        """
        individuals = self.individuals
        if latency is not None:
            individuals = [
                replace(one, measures={**one.measures, "latency": latency(one.genotype)}) for one in individuals
            ]
        elif config.needs_latency and all("latency" in one.measures for one in individuals):
            known = {one.genotype: one.measures["latency"] for one in individuals}
            latency = known.__getitem__
        candidates = Candidates(self.space, config, latency)

        def largest(measure: str) -> float:
            if measure == "latency":  # of a journal's networks alone
                return max(one.measures[measure] for one in individuals)
            return candidates.largest(measure)

        constraints = config.all_constraints
        judged = [replace(one, violated=violated(constraints, one.measures)) for one in individuals]
        places = {one.genotype: place for place, one in enumerate(judged)}
        selection, order = Selection(config, largest), {}
        for generation in range(self.config.generations):
            born = [one for one in judged if one.generation == generation]
            order |= {one.genotype: places[one.genotype] for one in born}
            rejected = Counter({one.measure: 0 for one in constraints}, duplicate=0)
            rejected.update(one.violated[0] for one in born if one.violated)
            selection.add([one for one in born if not one.violated], rejected, order)
        if not selection.front:
            measures = {one.genotype: one.measures for one in judged}
            tried = f"{len(judged):,} networks evaluated"
            raise Unsatisfiable(constraints, measures, tried, "search anew")
        return selection.result(judged)
