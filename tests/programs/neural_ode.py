"""A differential equation learnt from its path: Runge-Kutta steps, recomputed by checkpoints in the backward pass."""

import torch
import torch.nn as nn
from torch.utils.checkpoint import checkpoint


class ODEFunc(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 12), nn.Tanh(), nn.Linear(12, 2))
        for m in self.net.modules():
            if isinstance(m, nn.Linear):
                nn.init.normal_(m.weight, mean=0, std=0.1)
                nn.init.constant_(m.bias, val=0)

    def forward(self, t, y):
        return self.net(y**3)


def rk4_step(func, t, dt, y):
    k1 = func(t, y)
    k2 = func(t + dt / 2, y + dt * k1 / 2)
    k3 = func(t + dt / 2, y + dt * k2 / 2)
    k4 = func(t + dt, y + dt * k3)
    return y + (k1 + 2 * k2 + 2 * k3 + k4) * (dt / 6)


def odeint(func, y0, t, use_checkpoint=False):
    ys = [y0]
    for t0, t1 in zip(t[:-1], t[1:]):
        args = (func, t0, t1 - t0, ys[-1])
        ys.append(checkpoint(rk4_step, *args, use_reentrant=False) if use_checkpoint else rk4_step(*args))
    return torch.stack(ys)


def build():
    return ODEFunc()


def train(model, rng):
    true_A = torch.tensor([[-0.1, 2.0], [-2.0, -0.1]])
    t = torch.linspace(0.0, 2.0, 12)
    start = torch.from_numpy(rng.uniform(-1.5, 1.5, (4, 2)))
    with torch.no_grad():
        wanted = odeint(lambda t, y: torch.mm(y**3, true_A), start, t)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-2)
    while True:
        optimizer.zero_grad()
        loss = torch.mean(torch.abs(odeint(model, start, t, use_checkpoint=True) - wanted))
        loss.backward()
        optimizer.step()
        yield loss
