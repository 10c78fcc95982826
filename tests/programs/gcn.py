"""Graph convolution over a sparse, normalised adjacency matrix, trained on some of the nodes."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

NODES, FEATURES, CLASSES = 20, 8, 3


class GraphConvolution(nn.Module):
    def __init__(self, in_features, out_features):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(in_features, out_features))
        self.bias = nn.Parameter(torch.empty(out_features))
        stdv = 1.0 / math.sqrt(out_features)
        self.weight.data.uniform_(-stdv, stdv)
        self.bias.data.uniform_(-stdv, stdv)

    def forward(self, input, adj):
        support = torch.mm(input, self.weight)
        return torch.spmm(adj, support) + self.bias


class GCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.gc1 = GraphConvolution(FEATURES, 12)
        self.gc2 = GraphConvolution(12, CLASSES)

    def forward(self, x, adj):
        x = F.relu(self.gc1(x, adj))
        return F.log_softmax(self.gc2(x, adj), dim=1)


def normalised(edges):
    indices = torch.cat([edges, edges.flip(0), torch.arange(NODES).repeat(2, 1)], dim=1)
    degree = torch.zeros(NODES).index_add_(0, indices[0], torch.ones(indices.size(1)))
    values = (degree[indices[0]] * degree[indices[1]]).rsqrt()
    return torch.sparse_coo_tensor(indices, values, (NODES, NODES)).coalesce()


def build():
    return GCN()


def train(model, rng):
    adj = normalised(torch.from_numpy(rng.integers(0, NODES, (2, 30))))
    features = torch.from_numpy(rng.standard_normal((NODES, FEATURES)))
    labels = torch.from_numpy(rng.integers(0, CLASSES, NODES))
    idx_train = torch.arange(0, NODES, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02, weight_decay=5e-4)
    while True:
        model.train()
        optimizer.zero_grad()
        output = model(features, adj)
        loss = F.nll_loss(output[idx_train], labels[idx_train])
        loss.backward()
        optimizer.step()
        yield loss
