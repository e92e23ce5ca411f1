"""How long a network of a space takes on a device, as the sum of its parts, each measured alone."""
