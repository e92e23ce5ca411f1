"""Measures of a supernet: how its training went, how well it ranks its networks, and how alike the outputs of its
choices are; and intervals of what is measured."""
