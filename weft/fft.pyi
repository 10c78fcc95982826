# Generated from weft/_compose by `python -m gen --docs`. Do not edit.
from weft._compose.fourier import fft as fft
from weft._compose.fourier import fft2 as fft2
from weft._compose.fourier import fftfreq as fftfreq
from weft._compose.fourier import fftn as fftn
from weft._compose.fourier import fftshift as fftshift
from weft._compose.fourier import hfft as hfft
from weft._compose.fourier import hfft2 as hfft2
from weft._compose.fourier import hfftn as hfftn
from weft._compose.fourier import ifft as ifft
from weft._compose.fourier import ifft2 as ifft2
from weft._compose.fourier import ifftn as ifftn
from weft._compose.fourier import ifftshift as ifftshift
from weft._compose.fourier import ihfft as ihfft
from weft._compose.fourier import ihfft2 as ihfft2
from weft._compose.fourier import ihfftn as ihfftn
from weft._compose.fourier import irfft as irfft
from weft._compose.fourier import irfft2 as irfft2
from weft._compose.fourier import irfftn as irfftn
from weft._compose.fourier import rfft as rfft
from weft._compose.fourier import rfft2 as rfft2
from weft._compose.fourier import rfftfreq as rfftfreq
from weft._compose.fourier import rfftn as rfftn
from weft._core.fft import *  # noqa: F403
