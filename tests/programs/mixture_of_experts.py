"""A mixture of experts: the two best of four for each token, with a loss that balances them."""

import torch
import torch.nn as nn
import torch.nn.functional as F

DIM, EXPERTS, TOP = 8, 4, 2


class MoE(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(DIM, EXPERTS, bias=False)
        self.w1 = nn.Parameter(torch.randn(EXPERTS, DIM, 12) * 0.3)
        self.w2 = nn.Parameter(torch.randn(EXPERTS, 12, DIM) * 0.3)

    def forward(self, x):
        flat = x.reshape(-1, DIM)
        probs = F.softmax(self.gate(flat), dim=-1)
        weights, chosen = torch.topk(probs, TOP, dim=-1)
        weights = weights / weights.sum(dim=-1, keepdim=True)
        out = torch.zeros_like(flat)
        for e in range(EXPERTS):
            token, slot = (chosen == e).nonzero(as_tuple=True)
            if token.numel() == 0:
                continue
            y = F.silu(flat[token] @ self.w1[e]) @ self.w2[e]
            out.index_add_(0, token, y * weights[token, slot, None])
        share = F.one_hot(chosen, EXPERTS).to(probs.dtype).mean(dim=(0, 1))
        return out.view_as(x), EXPERTS * torch.einsum("e,e->", share, probs.mean(0))


class Mixer(nn.Module):
    def __init__(self, tokens=6):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(DIM), nn.RMSNorm(DIM)
        self.token_mix = nn.Sequential(nn.Linear(tokens, 10), nn.GELU(), nn.Linear(10, tokens))
        self.moe = MoE()
        self.head = nn.Linear(DIM, 3)

    def forward(self, x):
        x = x + self.token_mix(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        y, balance = self.moe(self.norm2(x))
        return self.head((x + y).mean(dim=1)), balance


def build():
    return Mixer()


def train(model, rng):
    x, labels = torch.from_numpy(rng.standard_normal((8, 6, DIM))), torch.from_numpy(rng.integers(0, 3, 8))
    optimizer = torch.optim.Adamax(model.parameters(), lr=1e-2)
    while True:
        logits, balance = model(x)
        loss = F.cross_entropy(logits, labels) + 0.01 * balance
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss
