"""Reruns the paper's studies (SCARLET-NAS, arXiv 1908.06022), each on your data or, with --quick, in minutes on a CPU.

stability: how supernets train, and how their paths spread. similarity: how alike the choices of a slot are. features:
what each choice makes of an image. ranking: whether one-shot accuracies order networks as the truth does. equivariance:
a network trained with stabilizers, with rectified ones, and without. constraint: a search with and without a bound on
accuracy. contrast: pairs of networks whose order a supernet gets wrong. extremes: the smallest and the largest network.
Each writes numbers.json, figures and report.md into its --workdir.
"""

from scarlet_tf import command

STUDIES = (
    "stability",
    "similarity",
    "features",
    "ranking",
    "equivariance",
    "constraint",
    "contrast",
    "extremes",
)

if __name__ == "__main__":
    command.run_subcommand({name: f"scarlet_tf.studies.commands.{name}" for name in STUDIES}, globals())
