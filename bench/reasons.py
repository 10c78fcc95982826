"""Why rows lose, for bench/RESULTS.md: the first entry all of whose words are in a row's family and name."""

from __future__ import annotations

REASONS: dict[str, str] = {
    "arithmetic bfloat16": "converted block by block, in float32",
    "reductions bfloat16": "widened to float32 a block at a time, then added",
    "depthwise nhwc": "as fast as memory: 13 to 20 GB/s",
    "indexing scatter_add": "every index is checked before anything is written: a sixth of the time",
    "matmul 512": "PyTorch's product runs at nine tenths of the peak as well",
    "matmul 1024": "PyTorch's product runs at nine tenths of the peak as well",
    "matmul 2048": "PyTorch's product runs at nine tenths of the peak as well",
    "other convolutions conv3d": "copying windows and writing the result take an eighth of the time",
    "convolution nchw 7x7": "few taps for the result that is written: an eighth of the time",
    "convolution nhwc 1x256@14": "the weights are turned at every call, a tenth of the time",
    "convolution nhwc 7x7": "three input channels: runs of 21 elements",
    "other convolutions conv_transpose": "one pass for each phase of the stride, with few taps",
    "pooling fold": "adds one tap at a time, each through the output",
    "attention one query": "keys and values are read once, from L3, at 22 GB/s",
    "reductions prod over 1": "products of a thousand random numbers pass through subnormal ones, which cost an assist each",
    "arithmetic 16M out=": "lines of the output are read before they are written: no stores past the cache",
}


def reason(row: str) -> str:
    """The reason for a row called "family: name", or nothing."""
    words = row.lower()
    found = (why for key, why in REASONS.items() if all(word in words for word in key.lower().split()))
    return next(found, "")
