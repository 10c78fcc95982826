"""Automatic differentiation: gradients, modes, and Functions written in Python."""

from __future__ import annotations

import importlib as _importlib
from typing import Any as _Any

from weft._core import is_anomaly_check_nan_enabled, is_anomaly_enabled
from weft._lazy import absent as _absent
from weft.autograd import forward_ad, functional, graph
from weft.autograd._engine import backward, grad
from weft.autograd.anomaly_mode import detect_anomaly, set_detect_anomaly
from weft.autograd.function import Function, once_differentiable
from weft.autograd.grad_mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
    set_multithreading_enabled,
)
from weft.autograd.gradcheck import gradcheck, gradgradcheck
from weft.autograd.graph import Node
from weft.autograd.variable import Variable

__all__ = [
    "Function",
    "Node",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "forward_ad",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "is_anomaly_check_nan_enabled",
    "is_anomaly_enabled",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "once_differentiable",
    "set_detect_anomaly",
    "set_grad_enabled",
    "set_multithreading_enabled",
]


def __getattr__(name: str) -> _Any:
    if name == "profiler":  # loaded when it is used
        return _importlib.import_module("weft.autograd.profiler")
    raise _absent("weft.autograd", name)
