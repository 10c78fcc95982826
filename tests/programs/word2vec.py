"""Skip-gram with negative samples, and bags of words: embeddings, bags, and their products."""

import torch
import torch.nn as nn
import torch.nn.functional as F

WORDS, DIM, NEGATIVES = 25, 8, 3


class SkipGram(nn.Module):
    def __init__(self):
        super().__init__()
        self.target = nn.Embedding(WORDS, DIM)
        self.context = nn.Embedding(WORDS, DIM)
        self.bag = nn.EmbeddingBag(WORDS, DIM, mode="mean")
        self.classifier = nn.Linear(DIM, 2)

    def forward(self, target, context, negatives):
        t, c, n = self.target(target), self.context(context), self.context(negatives)
        positive = F.logsigmoid((t * c).sum(1))
        negative = F.logsigmoid(-torch.bmm(n, t.unsqueeze(2)).squeeze(2)).sum(1)
        return -(positive + negative).mean()


def build():
    return SkipGram()


def train(model, rng):
    target, context = (torch.from_numpy(rng.integers(0, WORDS, 20)) for _ in range(2))
    negatives = torch.from_numpy(rng.integers(0, WORDS, (20, NEGATIVES)))
    text, offsets = torch.from_numpy(rng.integers(0, WORDS, 15)), torch.tensor([0, 4, 9])
    labels = torch.tensor([0, 1, 1])
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.2, lr_decay=1e-3)
    while True:
        loss = model(target, context, negatives)
        loss = loss + F.cross_entropy(model.classifier(model.bag(text, offsets)), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss
