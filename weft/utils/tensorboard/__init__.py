"""``SummaryWriter``: event files for TensorBoard, written by tensorboardX (`pip install weft[tensorboard]`)."""

from weft.utils.tensorboard._writer import SummaryWriter

__all__ = ["SummaryWriter"]
