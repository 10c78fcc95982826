"""``weft.backends``: the switches of PyTorch's libraries. They can be set, as programs do, and change nothing here, but
for ``nnpack``: it says whether convolutions may go by Winograd's way.

>>> weft.backends.cudnn.benchmark = True
>>> weft.backends.mps.is_available()
False
"""

from weft.backends import cpu, cuda, cudnn, mha, mkl, mkldnn, mps, nnpack, openmp, opt_einsum, quantized

__all__ = ["cpu", "cuda", "cudnn", "mha", "mkl", "mkldnn", "mps", "nnpack", "openmp", "opt_einsum", "quantized"]
