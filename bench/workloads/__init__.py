"""The workloads, a module a family or few; importing this package declares them all."""

from bench.workloads import (  # noqa: F401  (each declares its workloads on import)
    attention,
    convolution,
    dispatch,
    indexing,
    matmul,
    normalization,
    pointwise,
    reduction,
    training,
    whole_models,
)
