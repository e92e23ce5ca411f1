"""A network as 8-bit integers compute it: its twin for tensorflow-model-optimization, calibrated or trained so."""
