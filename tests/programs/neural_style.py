"""Fast neural style: a transformer network held to the Gram matrices that a fixed network sees."""

import torch
import torch.nn as nn


class ConvLayer(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride):
        super().__init__()
        self.reflection_pad = nn.ReflectionPad2d(kernel_size // 2)
        self.conv2d = nn.Conv2d(in_channels, out_channels, kernel_size, stride)

    def forward(self, x):
        return self.conv2d(self.reflection_pad(x))


class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1, self.in1 = ConvLayer(channels, channels, 3, 1), nn.InstanceNorm2d(channels, affine=True)
        self.conv2, self.in2 = ConvLayer(channels, channels, 3, 1), nn.InstanceNorm2d(channels, affine=True)
        self.relu = nn.ReLU()

    def forward(self, x):
        out = self.relu(self.in1(self.conv1(x)))
        return self.in2(self.conv2(out)) + x


class UpsampleConvLayer(ConvLayer):
    def forward(self, x):
        return super().forward(nn.functional.interpolate(x, mode="nearest", scale_factor=2))


class TransformerNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(ConvLayer(3, 6, 3, 2), nn.InstanceNorm2d(6, affine=True), nn.ReLU())
        self.res = ResidualBlock(6)
        self.up = nn.Sequential(UpsampleConvLayer(6, 6, 3, 1), nn.InstanceNorm2d(6, affine=True), nn.ReLU())
        self.last = ConvLayer(6, 3, 5, 1)

    def forward(self, X):
        return self.last(self.up(self.res(self.down(X))))


class Loss(nn.Module):
    def __init__(self):
        super().__init__()
        self.slice1 = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU())
        self.slice2 = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(4, 8, 3, padding=1), nn.ReLU())
        for param in self.parameters():
            param.requires_grad = False

    def forward(self, X):
        first = self.slice1(X)
        return first, self.slice2(first)


def gram_matrix(y):
    (b, ch, h, w) = y.size()
    features = y.view(b, ch, w * h)
    return features.bmm(features.transpose(1, 2)) / (ch * h * w)


def normalize_batch(batch):
    mean = batch.new_tensor([0.485, 0.456, 0.406]).view(-1, 1, 1)
    std = batch.new_tensor([0.229, 0.224, 0.225]).view(-1, 1, 1)
    return (batch.div(255.0) - mean) / std


def build():
    return nn.ModuleDict({"transformer": TransformerNet(), "loss": Loss()})


def train(model, rng):
    transformer, vgg = model["transformer"], model["loss"]
    x = torch.from_numpy(rng.random((2, 3, 12, 12)) * 255)
    gram_style = [gram_matrix(y) for y in vgg(normalize_batch(torch.from_numpy(rng.random((2, 3, 12, 12)) * 255)))]
    optimizer = torch.optim.SGD(transformer.parameters(), 1e-2)
    mse_loss = nn.MSELoss()
    while True:
        optimizer.zero_grad()
        y = transformer(x)
        features_y, features_x = vgg(normalize_batch(y)), vgg(normalize_batch(x))
        content_loss = mse_loss(features_y[1], features_x[1])
        style_loss = 0.0
        for ft_y, gm_s in zip(features_y, gram_style):
            style_loss += mse_loss(gram_matrix(ft_y), gm_s[: len(x), :, :])
        loss = content_loss + 100 * style_loss
        loss.backward()
        optimizer.step()
        yield loss
