"""The count of training images that cannot be read."""

import sys
from collections.abc import Iterable

from scarlet_tf.errors import InputError

_LISTED = 20


class BadImages:
    """The files met so far that hold no readable image, of which there may be `limit`."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._paths: dict[str, None] = {}

    def add(self, paths: Iterable[str]) -> None:
        """Says on stderr which of `paths` are new. Raises InputError, naming the files, where they become too many."""
        for path in paths:
            if path in self._paths:
                continue
            self._paths[path] = None
            if len(self._paths) > self.limit:
                listed = ", ".join(list(self._paths)[:_LISTED])
                more = f" and {len(self._paths) - _LISTED} more" if len(self._paths) > _LISTED else ""
                raise InputError(
                    f"At most --max_bad_images={self.limit} training images may be unreadable. Received: "
                    f"{len(self._paths)}: {listed}{more}. Replace them, or allow more."
                )
            print(
                f"WARNING: {path} is no whole JPEG or PNG image; others of its class are trained on in its place "
                f"({len(self._paths)} such, {self.limit} allowed).",
                file=sys.stderr,
            )
