"""Training of supernets and of standalone networks."""
