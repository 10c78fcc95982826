"""SimCLR: two views of each image attract each other, all others repel; cosine schedule, gradients clipped."""

import torch
import torch.nn as nn
import torch.nn.functional as F


def info_nce_loss(features, n_views=2, temperature=0.2):
    batch = len(features) // n_views
    labels = torch.cat([torch.arange(batch) for _ in range(n_views)], dim=0)
    labels = (labels.unsqueeze(0) == labels.unsqueeze(1)).float()
    features = F.normalize(features, dim=1)
    similarity = torch.matmul(features, features.T)
    mask = torch.eye(labels.shape[0], dtype=torch.bool)
    labels = labels[~mask].view(labels.shape[0], -1)
    similarity = similarity[~mask].view(similarity.shape[0], -1)
    positives = similarity[labels.bool()].view(labels.shape[0], -1)
    negatives = similarity[~labels.bool()].view(similarity.shape[0], -1)
    logits = torch.cat([positives, negatives], dim=1) / temperature
    return F.cross_entropy(logits, torch.zeros(logits.shape[0], dtype=torch.long))


class SimCLR(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, 6, 3, bias=False), nn.GroupNorm(2, 6), nn.ReLU(), nn.AdaptiveMaxPool2d(2)
        )
        self.fc = nn.Linear(24, 12)
        dim_mlp = self.fc.in_features
        self.fc = nn.Sequential(nn.Linear(dim_mlp, dim_mlp), nn.ReLU(), self.fc)

    def forward(self, x):
        return self.fc(self.backbone(x).flatten(1))


def build():
    return SimCLR()


def train(model, rng):
    images = torch.from_numpy(rng.standard_normal((6, 1, 8, 8)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20, eta_min=1e-4)
    views = torch.cat([torch.flip(images, dims=[-1]), torch.roll(images, 1, dims=2) * 0.9 + 0.05])
    while True:
        loss = info_nce_loss(model(views))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_(model.parameters(), 0.5)
        optimizer.step()
        scheduler.step()
        yield loss
