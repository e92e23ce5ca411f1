"""Measures how long networks of a space take on a device, for a search to ask.

kit writes every part that a network of the space can be made of as a .tflite file, with scripts that time them on a
phone or on this machine. fit makes latency.json of the times, the table that search reads, and says how far it is from
whole networks.
"""

from scarlet_tf import command

SUBCOMMANDS = {name: f"scarlet_tf.latency.commands.{name}" for name in ("kit", "fit")}

if __name__ == "__main__":
    command.run_subcommand(SUBCOMMANDS, globals())
