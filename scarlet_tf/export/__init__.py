"""From a network in memory to files that run elsewhere, proved equal to it."""
