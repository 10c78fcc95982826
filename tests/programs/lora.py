"""Low-rank adaptation of a frozen layer by parametrization, as in the tutorials; the rest by functional_call and vmap."""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.nn.utils.parametrize as parametrize
from torch.func import functional_call, grad, vmap


class LoRA(nn.Module):
    def __init__(self, rows, columns, rank=2, alpha=4):
        super().__init__()
        self.lora_A = nn.Parameter(torch.empty(rank, columns))
        self.lora_B = nn.Parameter(torch.zeros(rows, rank))
        nn.init.normal_(self.lora_A)
        self.scale, self.enabled = alpha / rank, True

    def forward(self, weight):
        return weight + (self.lora_B @ self.lora_A) * self.scale if self.enabled else weight


def build():
    model = nn.Sequential(nn.Linear(6, 8), nn.GELU(approximate="tanh"), nn.Linear(8, 3))
    for layer in (model[0], model[2]):
        parametrize.register_parametrization(layer, "weight", LoRA(*layer.weight.shape))
    for name, param in model.named_parameters():
        param.requires_grad = "lora" in name
    return model


def train(model, rng):
    x, y = torch.from_numpy(rng.standard_normal((10, 6))), torch.from_numpy(rng.integers(0, 3, 10))
    params = [param for param in model.parameters() if param.requires_grad]
    optimizer = torch.optim.RAdam(params, lr=5e-2)

    def sample_loss(trained, sample, label):
        return F.cross_entropy(functional_call(model, trained, (sample[None],)), label[None])

    while True:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        trained = {name: param.detach() for name, param in model.named_parameters() if param.requires_grad}
        each = vmap(grad(sample_loss), in_dims=(None, 0, 0))(trained, x, y)
        for name, param in model.named_parameters():
            if param.requires_grad:
                assert torch.allclose(each[name].mean(0), param.grad)
        optimizer.step()
        yield loss
