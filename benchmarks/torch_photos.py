"""An input pipeline for photos as one writes it in PyTorch: Pillow in the workers of a DataLoader.

It does what torchvision's RandomResizedCrop, RandomHorizontalFlip, Resize, CenterCrop, ToTensor and Normalize do.
"""

import itertools
import math
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from scarlet_tf.data.preprocessing import IMAGENET


class Photos(torch.utils.data.Dataset):
    """`(image, label)` of files: float32 (3, image_size, image_size), normalised, and int. In training a random part of
    the image, else the centre of it, resized to `short_side` first."""

    def __init__(self, paths: Sequence[Path], labels: Sequence[int], image_size: int, short_side: int | None) -> None:
        self.paths, self.labels, self.image_size, self.short_side = paths, labels, image_size, short_side
        self.mean, self.std = (torch.tensor(value).view(3, 1, 1) for value in (IMAGENET.mean, IMAGENET.std))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        with Image.open(self.paths[index]) as file:
            image = file.convert("RGB")
        image = self._random_part(image) if self.short_side is None else self._centre(image)
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
        return pixels.float().div_(255).sub_(self.mean).div_(self.std), self.labels[index]

    def _random_part(self, image: Image.Image) -> Image.Image:
        width, height = image.size
        for _ in range(10):
            area = random.uniform(0.08, 1.0) * width * height
            aspect = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
            w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if w <= width and h <= height:
                break
        else:
            w = h = min(width, height)
        left, top = random.randint(0, width - w), random.randint(0, height - h)
        size = (self.image_size, self.image_size)
        image = image.crop((left, top, left + w, top + h)).resize(size, Image.Resampling.BILINEAR)
        return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if random.random() < 0.5 else image

    def _centre(self, image: Image.Image) -> Image.Image:
        factor = self.short_side / min(image.size)
        width, height = (round(side * factor) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BILINEAR)
        left, top = (width - self.image_size) // 2, (height - self.image_size) // 2
        return image.crop((left, top, left + self.image_size, top + self.image_size))


def endless_batches(photos: Photos, batch_size: int, workers: int) -> Iterable[tuple[torch.Tensor, torch.Tensor]]:
    """Batches of all photos in one random order, over and over."""
    order = np.random.default_rng(0).permutation(len(photos)).tolist()
    start = "fork" if workers else None  # PyTorch's own choice on Linux, in a process that was not spawned itself
    return torch.utils.data.DataLoader(
        photos, batch_size, sampler=itertools.cycle(order), num_workers=workers, multiprocessing_context=start
    )
