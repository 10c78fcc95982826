"""What `compile` makes of a module."""

from __future__ import annotations

import weft
from weft import nn


def test_a_compiled_module_is_the_module_under_another_name() -> None:
    layer = nn.Dropout(0.5)
    layer.note = "kept"  # type: ignore[assignment]
    model = weft.compile(nn.Sequential(nn.Linear(2, 2), layer), mode="max-autotune")
    assert list(model.state_dict()) == ["_orig_mod.0.weight", "_orig_mod.0.bias"]
    assert len(list(model.parameters())) == 2
    assert model.get_submodule("_orig_mod.1").note == "kept"
    assert not model.eval().training
    assert not layer.training
    assert model.train()._orig_mod.training
    model.temperature = 2
    assert model._orig_mod.temperature == 2
    model.requires_grad_(False).half()
    assert model._orig_mod[0].weight.dtype is weft.float16
    assert repr(model).startswith("OptimizedModule(\n  (_orig_mod): Sequential(")
