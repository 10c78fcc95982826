"""A one-stage detector: anchors on a grid, targets by overlap, a loss of three parts, and non-maximum suppression."""

import torch
import torch.nn as nn
import torch.nn.functional as F

GRID, ANCHORS = 4, torch.tensor([[0.2, 0.2], [0.5, 0.3]])


def box_area(box):
    return (box[:, 2] - box[:, 0]).clamp(min=0) * (box[:, 3] - box[:, 1]).clamp(min=0)


def box_iou(a, b):
    lt = torch.max(a[:, None, :2], b[None, :, :2])
    rb = torch.min(a[:, None, 2:], b[None, :, 2:])
    inter = (rb - lt).clamp_(min=0).prod(2)
    return inter / (box_area(a)[:, None] + box_area(b) - inter)


def nms(boxes, scores, threshold):
    order, keep = scores.argsort(descending=True), []
    while order.numel() > 0:
        keep.append(order[0].item())
        overlap = box_iou(boxes[order[:1]], boxes[order[1:]])[0]
        order = order[1:][overlap <= threshold]
    return torch.tensor(keep)


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.SiLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.SiLU()
        )
        self.head = nn.Conv2d(8, len(ANCHORS) * 8, 1)

    def forward(self, x):
        out = self.head(self.backbone(x))
        out = out.view(len(x), len(ANCHORS), 8, GRID, GRID).permute(0, 1, 3, 4, 2).contiguous()
        gy, gx = torch.meshgrid(torch.arange(GRID), torch.arange(GRID), indexing="ij")
        grid = torch.stack((gx, gy), dim=-1).to(out)
        xy = (out[..., :2].sigmoid() + grid) / GRID
        wh = out[..., 2:4].clamp(max=2).exp() * ANCHORS.to(out).view(1, -1, 1, 1, 2)
        return torch.cat((xy - wh / 2, xy + wh / 2), dim=-1), out[..., 4], out[..., 5:]


def build():
    return Detector()


def train(model, rng):
    images = torch.from_numpy(rng.standard_normal((2, 3, 16, 16)))
    centers, classes = torch.from_numpy(rng.uniform(0.2, 0.8, (2, 2))), torch.tensor([0, 2])
    sizes = torch.from_numpy(rng.uniform(0.2, 0.5, (2, 2)))
    targets = torch.cat((centers - sizes / 2, centers + sizes / 2), dim=1)
    cell = (centers * GRID).long()
    anchor = torch.min(sizes[:, None] / ANCHORS, ANCHORS / sizes[:, None]).prod(2).argmax(1)
    where = (torch.arange(2), anchor, cell[:, 1], cell[:, 0])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    while True:
        boxes, objectness, logits = model(images)
        wanted = torch.zeros_like(objectness)
        wanted[where] = 1.0
        overlap = box_iou(boxes[where], targets).diagonal()
        loss = (
            (1 - overlap).mean()
            + F.binary_cross_entropy_with_logits(objectness, wanted, pos_weight=torch.tensor(4.0))
            + F.cross_entropy(logits[where], classes)
        )
        optimizer.zero_grad(set_to_none=False)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            kept = nms(boxes[0].flatten(0, 2), objectness[0].flatten(), 0.5)
            assert 0 < len(kept) <= GRID * GRID * len(ANCHORS)
        yield loss
