"""What a detector sees, drawn on the picture."""

import colorsys
from collections.abc import Sequence
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont

from scarlet_tf.detect.categories import Category

_GOLDEN = 0.618034  # turns of the colour circle: neighbouring classes lie far apart


def class_colour(label: int) -> tuple[int, int, int]:
    """A dark enough colour, RGB, for white letters on it; the same for a class on every picture."""
    return tuple(round(255 * part) for part in colorsys.hls_to_rgb(label * _GOLDEN % 1.0, 0.38, 0.85))


def draw_boxes(
    picture: Image.Image,
    boxes: Sequence[Sequence[float]],
    labels: Sequence[int],
    scores: Sequence[float],
    categories: Sequence[Category],
) -> Image.Image:
    """A copy of `picture` with boxes, (left, top, right, bottom) in its pixels, each with its category and score; the
    first ones end up on top."""
    drawn = picture.convert("RGB")
    canvas = ImageDraw.Draw(drawn)
    short = min(drawn.size)
    font = ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf", max(short // 32, 10))
    line = max(short // 160, 2)
    for box, label, score in reversed(list(zip(boxes, labels, scores, strict=True))):
        left, top, right, bottom = map(round, box)
        right, bottom = max(right, left), max(bottom, top)
        colour = class_colour(label)
        canvas.rectangle((left, top, right, bottom), outline=colour, width=line)
        text = f"{categories[label].name} {score:.0%}"
        x1, y1, x2, y2 = canvas.textbbox((0, 0), text, font=font)
        width, height = x2 - x1 + 2 * line, y2 - y1 + 2 * line
        x = max(min(left, drawn.width - width), 0)
        y = top - height if top >= height else top  # above the box, or in it at the picture's edge
        canvas.rectangle((x, y, x + width, y + height), fill=colour)
        canvas.text((x + line - x1, y + line - y1), text, fill="white", font=font)
    return drawn
