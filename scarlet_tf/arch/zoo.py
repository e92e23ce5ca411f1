"""The published networks SCARLET-A, B and C, a row a block (paper Fig. 6), and A2 and A4, made of A by scaling."""

from dataclasses import dataclass

from scarlet_tf.arch.scaling import scale
from scarlet_tf.arch.spaces import S2
from scarlet_tf.arch.spec import ArchSpec, MBConv, Skip
from scarlet_tf.errors import InputError

SCARLET_A = ArchSpec(
    "scarlet_a",
    S2.stem,
    (
        MBConv(expansion=3, kernel=7, filters=32, stride=2),  # 112 -> 56
        MBConv(expansion=6, kernel=5, filters=32),
        MBConv(expansion=3, kernel=5, filters=40, stride=2),  # 56 -> 28
        MBConv(expansion=3, kernel=7, filters=40, se=True),
        MBConv(expansion=6, kernel=3, filters=40, se=True),
        MBConv(expansion=3, kernel=5, filters=40, se=True),
        MBConv(expansion=6, kernel=3, filters=80, stride=2, se=True),  # 28 -> 14
        MBConv(expansion=3, kernel=3, filters=80),
        MBConv(expansion=3, kernel=7, filters=80, se=True),
        MBConv(expansion=3, kernel=7, filters=80),
        MBConv(expansion=3, kernel=5, filters=96),
        MBConv(expansion=3, kernel=7, filters=96, se=True),
        MBConv(expansion=3, kernel=3, filters=96),
        MBConv(expansion=3, kernel=7, filters=96, se=True),
        MBConv(expansion=6, kernel=3, filters=192, stride=2, se=True),  # 14 -> 7
        MBConv(expansion=6, kernel=5, filters=192, se=True),
        MBConv(expansion=3, kernel=3, filters=192, se=True),
        MBConv(expansion=6, kernel=3, filters=192, se=True),
        MBConv(expansion=6, kernel=7, filters=320, se=True),
    ),
    S2.head,
)

SCARLET_B = ArchSpec(
    "scarlet_b",
    S2.stem,
    (
        MBConv(expansion=3, kernel=3, filters=32, stride=2, se=True),  # 112 -> 56
        MBConv(expansion=3, kernel=5, filters=32, se=True),
        MBConv(expansion=3, kernel=3, filters=40, stride=2, se=True),  # 56 -> 28
        MBConv(expansion=6, kernel=7, filters=40, se=True),
        MBConv(expansion=3, kernel=3, filters=40),
        MBConv(expansion=3, kernel=5, filters=40),
        MBConv(expansion=6, kernel=7, filters=80, stride=2, se=True),  # 28 -> 14
        MBConv(expansion=3, kernel=3, filters=80, se=True),
        Skip(filters=80),
        MBConv(expansion=3, kernel=5, filters=80),
        MBConv(expansion=3, kernel=3, filters=96, se=True),
        MBConv(expansion=3, kernel=3, filters=96, se=True),
        MBConv(expansion=6, kernel=7, filters=96, se=True),
        MBConv(expansion=3, kernel=3, filters=96, se=True),
        MBConv(expansion=6, kernel=5, filters=192, stride=2, se=True),  # 14 -> 7
        MBConv(expansion=6, kernel=5, filters=192, se=True),
        Skip(filters=192),
        MBConv(expansion=6, kernel=7, filters=192, se=True),
        MBConv(expansion=6, kernel=5, filters=320, se=True),
    ),
    S2.head,
)

SCARLET_C = ArchSpec(
    "scarlet_c",
    S2.stem,
    (
        MBConv(expansion=3, kernel=5, filters=32, stride=2, se=True),  # 112 -> 56
        MBConv(expansion=3, kernel=3, filters=32, se=True),
        MBConv(expansion=3, kernel=5, filters=40, stride=2, se=True),  # 56 -> 28
        Skip(filters=40),
        Skip(filters=40),
        MBConv(expansion=3, kernel=3, filters=40),
        MBConv(expansion=6, kernel=7, filters=80, stride=2, se=True),  # 28 -> 14
        MBConv(expansion=3, kernel=3, filters=80, se=True),
        MBConv(expansion=3, kernel=3, filters=80, se=True),
        MBConv(expansion=3, kernel=5, filters=80),
        MBConv(expansion=3, kernel=7, filters=96, se=True),
        MBConv(expansion=3, kernel=7, filters=96),
        MBConv(expansion=3, kernel=3, filters=96, se=True),
        MBConv(expansion=3, kernel=7, filters=96, se=True),
        MBConv(expansion=3, kernel=3, filters=192, stride=2, se=True),  # 14 -> 7
        Skip(filters=192),
        MBConv(expansion=6, kernel=3, filters=192, se=True),
        MBConv(expansion=6, kernel=7, filters=192, se=True),
        MBConv(expansion=6, kernel=5, filters=320, se=True),
    ),
    S2.head,
)


@dataclass(frozen=True)
class Published:
    """A published network: the rows it is made of, the factors that scale them, and the image size in pixels."""

    base: ArchSpec
    width: float = 1.0
    depth: float = 1.0
    image_size: int = 224


ZOO = {
    "scarlet_a": Published(SCARLET_A),
    "scarlet_b": Published(SCARLET_B),
    "scarlet_c": Published(SCARLET_C),
    "scarlet_a2": Published(SCARLET_A, width=1.4, image_size=260),
    "scarlet_a4": Published(SCARLET_A, width=1.4, depth=2.0, image_size=380),
}


def get_arch(name: str) -> ArchSpec:
    """The published network of that name. Raises InputError for another."""
    if name not in ZOO:
        raise InputError(f"A network is one of {', '.join(ZOO)}. Received: {name!r}.")
    published = ZOO[name]
    return scale(published.base, published.width, published.depth, name)
