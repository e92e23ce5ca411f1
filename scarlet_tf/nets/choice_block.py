"""A searchable slot of the supernet: every candidate operation side by side."""

import keras
import tensorflow as tf

from scarlet_tf.arch.space import SearchSpace
from scarlet_tf.arch.spec import PlainConv, Projection, Skip
from scarlet_tf.nets.blocks import ConvBlock, InvertedBottleneck, ProjectionConv
from scarlet_tf.nets.stabilizer import Stabilizer


@keras.saving.register_keras_serializable("scarlet_tf")
class ChoiceBlock(keras.layers.Layer):
    """All candidate operations of slot `slot` of `space` (a SearchSpace or its plain data), of which a call uses one;
    before it the `entry`, a layer, unless the slot has none and this is None.

    Input (batch, h, w, in channels of the slot), output (batch, ceil(h / s), ceil(w / s), filters of the slot).
    """

    def __init__(self, space: SearchSpace | dict, slot: int, stabilizer: str = "els", **kwargs) -> None:
        super().__init__(**kwargs)
        self.space = space if isinstance(space, SearchSpace) else SearchSpace.from_dict(space)
        self.slot, self.stabilizer = slot, stabilizer
        self.starts_stage = self.space.stage_starts[slot]
        in_channels = self.space.in_channels[slot]
        row, self.entry = self.space.slots[slot], None
        if row.entry:
            self.entry = ConvBlock(
                row.filters, 1, self.space.activation, row.stride, name="entry", dtype=self.dtype_policy
            )
        self.candidates = []
        for index, row in enumerate(self.space.rows[slot]):
            common = {"name": f"choice_{index}", "dtype": self.dtype_policy}
            if isinstance(row, Skip):
                candidate = Stabilizer(row.filters, 1 if row.entry else row.stride, stabilizer, **common)
            elif isinstance(row, PlainConv):
                candidate = ConvBlock(row.filters, row.kernel, self.space.activation, **common)
            elif isinstance(row, Projection):
                candidate = ProjectionConv(row.filters, row.stride, **common)
            else:
                candidate = InvertedBottleneck(
                    row.expansion * in_channels,
                    row.filters,
                    row.kernel,
                    row.stride,
                    use_se=row.se,
                    use_shortcut=not self.starts_stage,
                    activation=self.space.activation,
                    **common,
                )
            self.candidates.append(candidate)

    def layers_of(self, choice: int) -> list[keras.layers.Layer]:
        """What a call with that choice runs: the entry, where there is one, and the candidate."""
        return [self.candidates[choice]] if self.entry is None else [self.entry, self.candidates[choice]]

    def build(self, input_shape: tuple) -> None:
        if self.entry is not None:
            self.entry.build(input_shape)
            input_shape = self.entry.compute_output_shape(input_shape)
        for candidate in self.candidates:
            candidate.build(input_shape)
        self.built = True

    def call(
        self,
        x: tf.Tensor,
        choice: int | tf.Tensor,
        shortcut: bool | tf.Tensor = True,
        training: bool = False,
    ) -> tf.Tensor:
        """`choice`: index of the candidate, a number or a scalar tensor. `shortcut`: whether the shortcut of a block
        is on here, on this path; of no effect in the first slot of a stage, where there is none."""

        if self.entry is not None:
            x = self.entry(x, training=training)

        def run(index: int) -> tf.Tensor:
            candidate = self.candidates[index]
            if isinstance(candidate, Stabilizer):
                return candidate(x)
            if isinstance(candidate, ProjectionConv | ConvBlock):
                return candidate(x, training=training)
            return candidate(x, shortcut=False if self.starts_stage else shortcut, training=training)

        if isinstance(choice, int):
            return run(choice)
        branches = [lambda index=index: run(index) for index in range(len(self.candidates))]
        return tf.switch_case(choice, branches)

    def get_config(self) -> dict:
        return super().get_config() | {
            "space": self.space.to_dict(),
            "slot": self.slot,
            "stabilizer": self.stabilizer,
        }
