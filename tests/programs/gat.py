"""Graph attention over a list of edges: gathers, a softmax within each node's edges by scatter, and sums."""

import torch
import torch.nn as nn
import torch.nn.functional as F

NODES, FEATURES, HEADS, CLASSES = 16, 6, 2, 3


class GATLayer(nn.Module):
    def __init__(self, in_features, out_features, concat=True):
        super().__init__()
        self.out_features, self.concat = out_features, concat
        self.linear_proj = nn.Linear(in_features, HEADS * out_features, bias=False)
        self.scoring_source = nn.Parameter(torch.empty(1, HEADS, out_features))
        self.scoring_target = nn.Parameter(torch.empty(1, HEADS, out_features))
        self.skip_proj = nn.Linear(in_features, HEADS * out_features, bias=False)
        for p in (self.linear_proj.weight, self.scoring_source, self.scoring_target):
            nn.init.xavier_uniform_(p)

    def forward(self, nodes, edge_index):
        source, target = edge_index
        proj = self.linear_proj(nodes).view(-1, HEADS, self.out_features)
        scores_source = (proj * self.scoring_source).sum(dim=-1)
        scores_target = (proj * self.scoring_target).sum(dim=-1)
        scores = F.leaky_relu(scores_source.index_select(0, source) + scores_target.index_select(0, target), 0.2)
        weights = (scores - scores.max()).exp()
        index = target.unsqueeze(-1).expand_as(weights)
        total = torch.zeros(nodes.size(0), HEADS, dtype=nodes.dtype).scatter_add_(0, index, weights)
        weights = weights / (total.index_select(0, target) + 1e-16)
        lifted = proj.index_select(0, source) * weights.unsqueeze(-1)
        out = torch.zeros_like(proj).scatter_add_(0, target.view(-1, 1, 1).expand_as(lifted), lifted)
        out = out + self.skip_proj(nodes).view_as(out)
        return F.elu(out.flatten(1)) if self.concat else out.mean(dim=1)


class GAT(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = GATLayer(FEATURES, 5)
        self.second = GATLayer(5 * HEADS, CLASSES, concat=False)

    def forward(self, nodes, edge_index):
        return self.second(self.first(nodes, edge_index), edge_index)


def build():
    return GAT()


def train(model, rng):
    edges = torch.from_numpy(rng.integers(0, NODES, (2, 40)))
    edge_index = torch.cat([edges, torch.arange(NODES).expand(2, NODES)], dim=1)
    nodes = torch.from_numpy(rng.standard_normal((NODES, FEATURES)))
    labels = torch.from_numpy(rng.integers(0, CLASSES, NODES))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-2, weight_decay=5e-4)
    while True:
        loss = F.cross_entropy(model(nodes, edge_index), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss
