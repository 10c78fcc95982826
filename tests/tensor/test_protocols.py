"""Tensors as numbers, sequences and operands of Python."""

import numpy as np
import pytest
from oracle import agree

PROTOCOLS = """
m.tensor([1, 2]).item()
m.tensor([1]).item()
m.tensor([[2.5]]).item()
m.tensor(True).item()
m.tensor(1 + 2j).item()
m.tensor([]).item()
m.tensor([1.5, 2]).tolist()
m.tensor(3).tolist()
m.zeros(2, 0).tolist()
m.zeros(0, 2).tolist()
int(m.tensor(2.7))
int(m.tensor([3]))
int(m.tensor([3, 4]))
int(m.tensor(float("nan")))
int(m.tensor(float("inf")))
float(m.tensor(3))
float(m.tensor([1.0, 2.0]))
float(m.tensor(1 + 0j))
complex(m.tensor(1 + 2j))
complex(m.tensor(2.0))
bool(m.tensor([]))
bool(m.tensor([0]))
bool(m.tensor([1, 2]))
bool(m.tensor(0.5))
[1, 2, 3][m.tensor(1)]
[1, 2, 3][m.tensor(1.0)]
[1, 2, 3][m.tensor([1])]
[1, 2, 3][m.tensor(True)]
range(10)[m.tensor(2) : m.tensor(5)].start
len(m.ones(3, 2))
len(m.tensor(1))
list(m.arange(3))
list(m.tensor(1))
[r.shape for r in m.ones(2, 3)]
2 in m.tensor([1, 2])
m.tensor(2) in m.tensor([1, 2])
"a" in m.tensor([1])
2.5 in m.tensor([1, 2])
[1] in m.tensor([1])
m.tensor([1, 2]) == m.tensor([1, 3])
(m.tensor([1]) == "a")
(m.tensor([1]) == None)
(m.tensor([1]) != None)
m.tensor([1]) < "a"
m.tensor([1]) < None
-m.tensor([True])
~m.tensor([1, 2])
~m.tensor([True])
+m.tensor([1])
abs(m.tensor([-1]))
m.tensor([1]) - m.tensor([True])
m.tensor([True]) - m.tensor([True])
m.tensor([True]) + m.tensor([True])
m.tensor([True]) * m.tensor([True])
1 - m.tensor([True])
m.tensor([1]) + "a"
"a" + m.tensor([1])
m.tensor([1]) + None
m.tensor([1]) + [1]
[1] + m.tensor([1])
m.tensor([1]) + (1,)
m.tensor([1]) @ m.tensor([1])
m.tensor([1]) + {}
m.ones(2) + m.ones(3)
m.ones(2, 1) + m.ones(3)
m.ones(0) + m.ones(1)
m.ones(0) + m.ones(2)
m.ones(2, 0) + m.ones(1, 1)
m.tensor([1, 2]).__iadd__(1.5)
m.tensor([1, 2]).add_(m.ones(2))
m.ones(2).add_(m.ones(3, 2))
m.ones(2).add_(m.tensor(1, dtype=m.float64))
m.tensor([1]).mul_(True)
m.tensor([True]).mul_(2)
m.tensor([1], dtype=m.uint8) + 300
m.tensor([200], dtype=m.uint8) + m.tensor([100], dtype=m.uint8)
m.tensor([127], dtype=m.int8) + 1
m.tensor([1]) / m.tensor([0])
m.tensor([1.5], dtype=m.float16) + 1e5
m.tensor([3], dtype=m.int32) * 2**40
m.add(m.ones(2), m.ones(2), alpha=2.5)
m.add(m.ones(2), 2, alpha=3)
m.add(m.tensor([True]), m.tensor([True]), alpha=True)
m.add(m.ones(2), other=m.ones(2))
m.add(input=m.ones(2), other=1)
m.add(m.ones(2))
m.add(m.ones(2), 1, 2, 3)
m.add(m.ones(2), 1, foo=1)
m.add(m.ones(2), m.ones(2), out=m.empty(0))
m.add(m.ones(2), m.ones(2), out=m.empty(2, dtype=m.int64))
m.add(m.ones(2), m.ones(2), out=m.empty(2, dtype=m.float64))
m.add(m.ones(2), m.ones(2), out=None)
m.add(m.ones(2, 2), m.ones(2, 2), out=m.empty(2, 2).t()).stride()
"""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("expression", PROTOCOLS.strip().splitlines())
def test_agrees_with_torch(expression):
    agree(lambda m: eval(expression, {"m": m, "np": np}))
