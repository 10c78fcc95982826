"""Windows are SciPy's, symmetric and periodic."""

from __future__ import annotations

import doctest
from typing import Any

import numpy as np
import pytest
from scipy.signal import windows as reference

import weft
import weft.signal.windows as W

_ARGUMENTS: dict[str, dict[str, Any]] = {
    "bartlett": {},
    "blackman": {},
    "cosine": {},
    "exponential": {"tau": 2.0},
    "gaussian": {"std": 1.5},
    "general_cosine": {"a": [0.5, 0.3, 0.2]},
    "general_hamming": {"alpha": 0.6},
    "hamming": {},
    "hann": {},
    "kaiser": {"beta": 8.0},
    "nuttall": {},
}


def test_every_window_is_tried() -> None:
    assert sorted(_ARGUMENTS) == W.__all__


@pytest.mark.parametrize("sym", [True, False])
@pytest.mark.parametrize("M", [0, 1, 2, 7, 8])
@pytest.mark.parametrize("name", W.__all__)
def test_values(name: str, M: int, sym: bool) -> None:
    arguments = _ARGUMENTS[name]
    expected = getattr(reference, name)(M, sym=sym, **arguments) if M else np.zeros(0)
    window = getattr(W, name)(M, sym=sym, dtype=weft.float64, **arguments)
    np.testing.assert_allclose(window.numpy(), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("name", ["bartlett", "blackman", "hamming", "hann"])
def test_names_of_weft_itself(name: str, periodic: bool) -> None:
    window = getattr(weft, f"{name}_window")(9, periodic, dtype=weft.float64)
    np.testing.assert_allclose(window.numpy(), getattr(reference, name)(9, sym=not periodic), rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: W.hann(-1), ValueError),
        (lambda: W.hann(3, dtype=weft.int64), ValueError),
        (lambda: W.gaussian(3, std=0.0), ValueError),
        (lambda: W.exponential(3, tau=-1.0), ValueError),
        (lambda: W.exponential(3, center=1.0), ValueError),
        (lambda: W.general_cosine(3, a=[]), ValueError),
        (lambda: W.general_cosine(3, a=0.5), TypeError),
        (lambda: W.kaiser(3, beta=-1.0), ValueError),
        (lambda: weft.hann_window(-1), RuntimeError),
        (lambda: weft.hann_window(3, dtype=weft.int64), RuntimeError),
    ],
)
def test_mistakes_raise(call: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        call()


def test_examples_run() -> None:
    failed, tried = doctest.testmod(W, extraglobs={"weft": weft})
    assert tried >= len(W.__all__)
    assert failed == 0
