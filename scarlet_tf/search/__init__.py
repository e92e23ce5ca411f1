"""Searching a space for networks under a budget: constrained, weighted NSGA-II. Never imports TensorFlow."""

from scarlet_tf.search.config import ObjectiveWeights, SearchConfig, journal_header, parse_weights
from scarlet_tf.search.journal import Journal
from scarlet_tf.search.nsga2 import GenerationRecord, Individual, SearchResult, search
from scarlet_tf.search.operators import MutationRates
from scarlet_tf.search.results import write_results

__all__ = [
    "GenerationRecord",
    "Individual",
    "Journal",
    "MutationRates",
    "ObjectiveWeights",
    "SearchConfig",
    "SearchResult",
    "journal_header",
    "parse_weights",
    "search",
    "write_results",
]
