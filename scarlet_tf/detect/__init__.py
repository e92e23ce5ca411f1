"""Object detection: SCARLET networks as backbones of RetinaNet. Needs the extra `detection` once it is used."""
