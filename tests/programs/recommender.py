"""Matrix factorisation with bags of features: sparse tables under SparseAdam, the rest under Adam."""

import torch
import torch.nn as nn
import torch.nn.functional as F

USERS, ITEMS, TAGS, WIDTH = 30, 40, 12, 8


class Recommender(nn.Module):
    def __init__(self):
        super().__init__()
        self.users = nn.Embedding(USERS, WIDTH, sparse=True)
        self.items = nn.Embedding(ITEMS, WIDTH, padding_idx=0, sparse=True)
        self.tags = nn.EmbeddingBag(TAGS, WIDTH, mode="mean", sparse=True)
        self.bias = nn.Linear(WIDTH, 1)

    def forward(self, user, item, tags, offsets):
        item = self.items(item) + self.tags(tags, offsets)
        return (self.users(user) * item).sum(1) + self.bias(item).squeeze(1)


def build():
    return Recommender()


def train(model, rng):
    tables = [p for name, p in model.named_parameters() if not name.startswith("bias")]
    sparse = torch.optim.SparseAdam(tables, lr=0.05)
    dense = torch.optim.Adam(model.bias.parameters(), lr=0.01)
    user = torch.from_numpy(rng.integers(0, USERS, 16))
    item = torch.from_numpy(rng.integers(0, ITEMS, 16))
    tags = torch.from_numpy(rng.integers(0, TAGS, 32))
    rating = torch.from_numpy(rng.standard_normal(16))
    while True:
        sparse.zero_grad()
        dense.zero_grad()
        loss = F.mse_loss(model(user, item, tags, torch.arange(0, 32, 2)), rating)
        loss.backward()
        sparse.step()
        dense.step()
        yield loss
