"""Knowledge distillation: a small network taught by a large one, watched by hooks, with its gradients accumulated."""

import torch
import torch.nn as nn
import torch.nn.functional as F

TEMPERATURE = 3.0


def mlp(width, depth):
    layers = [nn.Flatten(), nn.Linear(20, width)]
    for _ in range(depth):
        layers += [nn.Mish(), nn.utils.parametrizations.weight_norm(nn.Linear(width, width))]
    return nn.Sequential(*layers, nn.ELU(), nn.Linear(width, 4))


def build():
    return nn.ModuleDict({"teacher": mlp(16, 2), "student": mlp(8, 1)})


def train(model, rng):
    teacher, student = model["teacher"].eval().requires_grad_(False), model["student"]
    seen = {}
    for name in ("teacher", "student"):
        model[name][-2].register_forward_hook(lambda m, args, out, name=name: seen.__setitem__(name, out))
    data = torch.from_numpy(rng.standard_normal((12, 4, 5)))
    optimizer = torch.optim.Rprop(student.parameters(), lr=1e-2)
    while True:
        optimizer.zero_grad()
        total = 0.0
        for chunk in data.chunk(3):
            with torch.no_grad():
                wanted = teacher(chunk)
            found = student(chunk)
            soft = F.kl_div(
                F.log_softmax(found / TEMPERATURE, dim=1),
                F.log_softmax(wanted / TEMPERATURE, dim=1),
                reduction="batchmean",
                log_target=True,
            )
            hard = F.cross_entropy(found, wanted.argmax(1))
            spread = F.l1_loss(seen["student"].std(1), seen["teacher"].std(1))
            loss = (TEMPERATURE**2 * soft + 0.5 * hard + 0.1 * spread) / 3
            loss.backward()
            total = total + loss.detach()
        optimizer.step()
        yield total
