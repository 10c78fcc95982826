"""A table of a model's layers: output shapes, parameters, multiply-adds and memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import weft
from weft import Tensor
from weft.nn import Module, modules

__all__ = ["Layer", "Summary", "summary"]


@dataclass
class Layer:
    """One module as it was called."""

    name: str
    kind: str
    depth: int
    shape: str
    parameters: int
    multiply_adds: int
    output_bytes: int
    is_leaf: bool


@dataclass
class Summary:
    """The layers in the order of their calls, and their sums; printed as a table.

    Attributes:
        layers: one for each call of a module.
        parameters, trainable: how many numbers, each once however often it is used.
        multiply_adds: of one forward pass: products of matrices and convolutions.
        parameter_bytes, output_bytes: memory of the parameters and buffers, and of what the layers give.
    """

    layers: list[Layer] = field(default_factory=list)
    parameters: int = 0
    trainable: int = 0
    multiply_adds: int = 0
    parameter_bytes: int = 0
    output_bytes: int = 0

    def __str__(self) -> str:
        rows = [("Layer", "Output", "Parameters", "Multiply-adds")]
        for layer in self.layers:
            label = f"{'  ' * layer.depth}{layer.name}: {layer.kind}" if layer.name else layer.kind
            rows.append((label, layer.shape, f"{layer.parameters:,}", f"{layer.multiply_adds:,}"))
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        lines = [
            f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}  {d:>{widths[3]}}".rstrip() for a, b, c, d in rows
        ]
        rule = "-" * max(len(line) for line in lines)
        return "\n".join(
            [
                lines[0],
                rule,
                *lines[1:],
                rule,
                f"Parameters: {self.parameters:,} ({self.trainable:,} trainable), {_size(self.parameter_bytes)}",
                f"Multiply-adds: {self.multiply_adds:,}",
                f"Outputs of layers: {_size(self.output_bytes)}",
            ]
        )

    __repr__ = __str__


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.2f} {unit}"
        size /= 1000
    return f"{size:.2f} GB"


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [tensor for item in value for tensor in _tensors(item)] if isinstance(value, (tuple, list)) else []


def _multiply_adds(module: Module, args: Any, outputs: list[Tensor]) -> int:
    """What the module itself multiplies, without the modules below it."""
    if not outputs:
        return 0
    out = outputs[0]
    if isinstance(module, modules.Linear):
        return out.numel() * module.in_features
    if isinstance(module, modules.conv._ConvNd):
        inputs = _tensors(args)
        # Every position of the smaller of both sides meets the whole kernel.
        positions = inputs[0] if module.transposed and inputs else out
        channels = module.in_channels if module.transposed else module.out_channels
        return positions.numel() // channels * module.weight.numel()
    if isinstance(module, modules.RNNBase):
        steps = out.numel() // out.size(-1) if out.dim() else 0
        return steps * sum(weight.numel() for weight in module.parameters() if weight.dim() == 2)
    if isinstance(module, modules.MultiheadAttention):
        projections = out.numel() * module.embed_dim * 4
        keys = _tensors(args)[1] if len(_tensors(args)) > 1 else out
        length = keys.size(1 if module.batch_first and keys.dim() == 3 else 0)
        return projections + 2 * out.numel() * length
    return 0


def summary(model: Module, input: Any, **kwargs: Any) -> Summary:
    """Run ``model`` once and describe its layers.

    Args:
        model: any module; it is run as it is, in its mode, without gradients.
        input: one argument or a tuple of them: tensors, or shapes of tensors of zeros.
        kwargs: further arguments of the call.

    >>> import weft
    >>> print(weft.summary(weft.nn.Sequential(weft.nn.Linear(4, 8), weft.nn.ReLU()), (2, 4)))
    Layer        Output  Parameters  Multiply-adds
    ----------------------------------------------
    Sequential   (2, 8)          40             64
      0: Linear  (2, 8)          40             64
      1: ReLU    (2, 8)           0              0
    ----------------------------------------------
    Parameters: 40 (40 trainable), 160 B
    Multiply-adds: 64
    Outputs of layers: 128 B
    """
    result = Summary()
    stack: list[Layer] = []
    names = {id(module): name.rpartition(".")[2] for name, module in model.named_modules()}

    def enter(module: Module, args: Any) -> None:
        is_leaf = next(iter(module.children()), None) is None
        layer = Layer(names.get(id(module), ""), type(module).__name__, len(stack), "", 0, 0, 0, is_leaf)
        layer.parameters = sum(p.numel() for p in module.parameters())
        result.layers.append(layer)
        stack.append(layer)

    def leave(module: Module, args: Any, output: Any) -> None:
        layer = stack.pop()
        outputs = _tensors(output)
        layer.shape = ", ".join(str(tuple(tensor.shape)) for tensor in outputs) or type(output).__name__
        layer.multiply_adds += _multiply_adds(module, args, outputs)
        layer.output_bytes = sum(tensor.numel() * tensor.element_size() for tensor in outputs)
        result.multiply_adds += layer.multiply_adds if not stack else 0
        if stack:
            stack[-1].multiply_adds += layer.multiply_adds
        if layer.is_leaf:
            result.output_bytes += layer.output_bytes

    handles = []
    for module in model.modules():
        handles += [module.register_forward_pre_hook(enter), module.register_forward_hook(leave)]
    try:
        with weft.no_grad():
            model(*_arguments(input), **kwargs)
    finally:
        for handle in handles:
            handle.remove()
    for parameter in model.parameters():
        result.parameters += parameter.numel()
        result.trainable += parameter.numel() if parameter.requires_grad else 0
        result.parameter_bytes += parameter.numel() * parameter.element_size()
    result.parameter_bytes += sum(buffer.numel() * buffer.element_size() for buffer in model.buffers())
    return result


def _arguments(input: Any) -> tuple[Any, ...]:
    if _is_shape(input):
        return (weft.zeros(*input),)
    parts = input if isinstance(input, (tuple, list)) else (input,)
    return tuple(weft.zeros(*part) if _is_shape(part) else part for part in parts)


def _is_shape(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and len(value) > 0 and all(isinstance(size, int) for size in value)
