"""Searching a space for networks under constraints: weighted NSGA-II. Never imports TensorFlow."""

from scarlet_tf.search.config import SearchConfig, journal_header
from scarlet_tf.search.individual import Individual
from scarlet_tf.search.journal import Journal, read_journal
from scarlet_tf.search.nsga2 import NSGA2, search
from scarlet_tf.search.objectives import Constraint, Objective, parse_constraints, parse_objectives, reweighted
from scarlet_tf.search.operators import MutationRates
from scarlet_tf.search.results import write_results
from scarlet_tf.search.selection import GenerationRecord, SearchResult

__all__ = [
    "NSGA2",
    "Constraint",
    "GenerationRecord",
    "Individual",
    "Journal",
    "MutationRates",
    "Objective",
    "SearchConfig",
    "SearchResult",
    "journal_header",
    "parse_constraints",
    "parse_objectives",
    "read_journal",
    "reweighted",
    "search",
    "write_results",
]
