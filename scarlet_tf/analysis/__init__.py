"""Measures of a supernet: how well it ranks its networks, and how alike the outputs of its choices are."""
