"""Pairs of images through one network: are they of the same class? Adadelta, contrastive and binary losses."""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.optim.lr_scheduler import StepLR


class SiameseNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 8, 3), nn.ReLU(), nn.AdaptiveMaxPool2d(2)
        )
        self.fc = nn.Sequential(nn.Linear(2 * 32, 16), nn.ReLU(inplace=True), nn.Linear(16, 1))
        self.sigmoid = nn.Sigmoid()
        self.apply(self.init_weights)

    def init_weights(self, m):
        if isinstance(m, nn.Linear):
            torch.nn.init.xavier_uniform_(m.weight)
            m.bias.data.fill_(0.01)

    def forward_once(self, x):
        output = self.features(x)
        return output.view(output.size()[0], -1)

    def forward(self, input1, input2):
        a, b = self.forward_once(input1), self.forward_once(input2)
        return self.sigmoid(self.fc(torch.cat((a, b), 1))), a, b


def contrastive(a, b, same, margin=1.0):
    distance = F.pairwise_distance(a, b)
    return (same * distance.pow(2) + (1 - same) * torch.clamp(margin - distance, min=0.0).pow(2)).mean()


def build():
    return SiameseNetwork()


def train(model, rng):
    first, second = (torch.from_numpy(rng.standard_normal((8, 1, 14, 14))) for _ in range(2))
    targets = torch.from_numpy(rng.integers(0, 2, 8)).to(first.dtype)
    criterion = nn.BCELoss()
    optimizer = optim.Adadelta(model.parameters(), lr=1.0)
    scheduler = StepLR(optimizer, step_size=2, gamma=0.9)
    while True:
        optimizer.zero_grad()
        outputs, a, b = model(first, second)
        loss = criterion(outputs.squeeze(), targets) + 0.1 * contrastive(a, b, targets)
        loss += 0.1 * nn.CosineEmbeddingLoss(margin=0.2)(a, b, 2 * targets - 1)
        loss.backward()
        optimizer.step()
        scheduler.step()
        yield loss
