"""What weft.nn.Module inherits from native code: the call, and the lookup of registered names."""

import abc
import copy
import inspect
import pickle
import threading
from typing import Any

import pytest

import weft
from weft import nn


class Doubled(nn.Linear):
    """At the top of the file, so that it can be pickled."""

    def forward(self, input: weft.Tensor) -> weft.Tensor:
        return 2 * super().forward(input)


def test_what_is_registered_is_found_and_ordinary_attributes_go_first() -> None:
    class Net(nn.Module):
        kind = "class attribute"

        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(2, 2)
            self.scale = nn.Parameter(weft.ones(2))
            self.register_buffer("offset", weft.zeros(2))
            self.note = "instance"

    net = Net()
    assert net.fc is net._modules["fc"]
    assert net.scale is net._parameters["scale"]
    assert net.offset is net._buffers["offset"]
    assert (net.kind, net.note) == ("class attribute", "instance")
    net._parameters["kind"] = nn.Parameter(weft.ones(1))
    assert net.kind == "class attribute"
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'missing'"):
        _ = net.missing
    assert not hasattr(net, "missing")


def test_a_property_that_raises_attribute_error_is_looked_up_in_the_registries() -> None:
    class Net(nn.Module):
        @property
        def size(self) -> int:
            return self.undefined

        @property
        def broken(self) -> int:
            raise ValueError("broken on purpose")

    with pytest.raises(AttributeError, match="no attribute 'size'"):
        _ = Net().size
    with pytest.raises(ValueError, match="on purpose"):
        _ = Net().broken


def test_a_subclass_may_define_its_own_lookup() -> None:
    class Lazy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(1, 1)

        def __getattr__(self, name: str) -> Any:
            return "made up" if name == "unknown" else super().__getattr__(name)

    class Below(Lazy):
        pass

    for net in (Lazy(), Below()):
        assert net.unknown == "made up"
        assert isinstance(net.fc, nn.Linear)
        with pytest.raises(AttributeError, match="no attribute 'other'"):
            _ = net.other

    class Seen(nn.Module):
        def __getattribute__(self, name: str) -> Any:
            return 7 if name == "lucky" else super().__getattribute__(name)

    assert Seen().lucky == 7
    with pytest.raises(AttributeError):
        _ = Seen().missing


def test_lookup_may_be_assigned_to_a_class_that_exists() -> None:
    class Net(nn.Module):
        pass

    class Below(Net):
        pass

    net = Below()
    assert not hasattr(net, "late")
    Net.__getattr__ = lambda self, name: f"late {name}"  # type: ignore[method-assign]
    assert net.late == "late late"
    del Net.__getattr__
    assert not hasattr(net, "late")
    net.weight = nn.Parameter(weft.ones(1))
    assert net.weight is net._parameters["weight"]


def test_forward_of_the_instance_of_a_base_and_static_ones() -> None:
    class Static(nn.Module):
        @staticmethod
        def forward(x: int) -> int:
            return x + 1

    class Of(nn.Module):
        @classmethod
        def forward(cls, x: int) -> tuple[str, int]:
            return cls.__name__, x

    class Many(nn.Module):
        def forward(self, *args: int, last: int = 0, **kwargs: int) -> tuple[Any, ...]:
            return args, last, kwargs

    assert Static()(1) == 2
    assert Of()(3) == ("Of", 3)
    assert Many()(*range(12)) == (tuple(range(12)), 0, {})
    assert Many()(1, last=2, more=3) == ((1,), 2, {"more": 3})
    net = Many()
    net.forward = lambda x: x * 10
    assert net(4) == 40
    assert Doubled(1, 1)(weft.zeros(1, 1)).shape == (1, 1)
    with pytest.raises(NotImplementedError, match='missing the required "forward" function'):
        nn.Module()(1)


def test_hooks_and_a_compiled_call_are_seen_by_every_call() -> None:
    net = nn.Identity()
    one = weft.ones(1)
    with net.register_forward_hook(lambda module, args, output: output + 1):
        assert net(one).item() == 2
    with nn.modules.module.register_module_forward_pre_hook(lambda module, args: (args[0] * 5,)):
        assert net(one).item() == 5
    assert net(one).item() == 1
    net._compiled_call_impl = lambda x: x + 41
    assert net(one).item() == 42


def test_call_may_be_replaced() -> None:
    class Own(nn.Module):
        def __call__(self, x: int) -> int:
            return super().__call__(x) + 100

        def forward(self, x: int) -> int:
            return x

    assert Own()(1) == 101

    class Plain(nn.Module):
        def forward(self, x: int) -> int:
            return x

    class Wrapped(Plain):
        def _call_impl(self, *args: int, **kwargs: int) -> int:
            return 10 * super()._call_impl(*args, **kwargs)

    assert Wrapped()(1) == 10

    Plain.__call__ = lambda self, x: -x  # type: ignore[method-assign]
    assert Plain()(1) == -1
    del Plain.__call__
    assert Plain()(1) == 1


def test_other_bases_keep_their_part() -> None:
    class Noted:
        seen: str = ""

        def __init_subclass__(cls, note: str = "none", **kwargs: Any) -> None:
            super().__init_subclass__(**kwargs)
            cls.seen = note

    class Net(nn.Module, Noted, abc.ABC, note="kept"):
        @abc.abstractmethod
        def width(self) -> int: ...

    class Wide(Net):
        def width(self) -> int:
            return 3

        def forward(self) -> int:
            return self.width()

    assert (Net.seen, Wide.seen) == ("kept", "none")
    assert Wide()() == 3
    with pytest.raises(TypeError, match="abstract"):
        Net()  # type: ignore[abstract]
    with pytest.raises(TypeError, match=r"no keyword arguments|unexpected keyword|takes no arguments"):
        type("Bad", (nn.Module,), {}, surplus=1)


def test_copies_and_pickles_are_called_and_looked_up_the_same() -> None:
    net = Doubled(2, 2)
    x = weft.ones(1, 2)
    for other in (copy.deepcopy(net), copy.copy(net), pickle.loads(pickle.dumps(net))):
        assert weft.equal(other(x), net(x))
        assert weft.equal(other.weight, net.weight)


def test_without_init_the_error_names_what_is_missing() -> None:
    class Forgot(nn.Module):
        def __init__(self) -> None:
            pass

        def forward(self) -> None:
            pass

    with pytest.raises(AttributeError, match="'Forgot' object has no attribute '_"):
        Forgot()()


def test_attributes_come_and_go_while_other_threads_look_them_up() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    x = weft.ones(2, 4)
    done = threading.Event()
    wrong: list[BaseException] = []

    def call() -> None:
        try:
            while not done.is_set():
                assert net(x).shape == (2, 4)
                assert net[0].weight.shape == (4, 4)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    for i in range(300):
        net[0].weight = nn.Parameter(weft.full((4, 4), float(i)))
        net[0].register_buffer("count", weft.tensor(i))
        del net[0].count
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_native_forward_takes_arguments_as_its_declaration_does() -> None:
    layer, x = nn.Linear(3, 2), weft.ones(4, 3)
    expected = weft.nn.functional.linear(x, layer.weight, layer.bias)
    for result in (layer(x), layer(input=x), layer.forward(x), nn.Linear.forward(layer, x), layer.forward(input=x)):
        assert weft.equal(result, expected)
    for call in (layer, layer.forward):
        with pytest.raises(TypeError, match=r"missing 1 required positional argument: 'input'"):
            call()
        with pytest.raises(TypeError, match="takes 2 positional arguments but 3 were given"):
            call(x, x)
        with pytest.raises(TypeError, match="unexpected keyword argument 'x'"):
            call(x=x)
    with pytest.raises(TypeError, match="by position"):
        nn.Linear.forward(self=layer, input=x)


def test_a_native_forward_looks_like_a_function() -> None:
    forward = nn.Linear.forward
    assert (forward.__name__, forward.__qualname__, forward.__module__) == (
        "forward",
        "Linear.forward",
        "weft.nn.modules.linear",
    )
    assert forward.__doc__ == "Shape (..., out_features)."
    assert list(inspect.signature(forward).parameters) == ["self", "input"]
    assert list(inspect.signature(nn.Linear(1, 1).forward).parameters) == ["input"]
    assert repr(forward).startswith("<function Linear.forward at 0x")
    assert inspect.isroutine(forward)


def test_a_native_forward_reads_the_module_as_it_is() -> None:
    relu, x = nn.ReLU(), weft.tensor([-1.0, 2.0])
    assert relu(x) is not x
    assert x.tolist() == [-1, 2]
    relu.inplace = True
    assert relu(x) is x
    assert x.tolist() == [0, 2]
    layer = nn.Linear(1, 1, bias=False)
    layer.weight = nn.Parameter(weft.full((1, 1), 3.0))
    assert layer(weft.ones(1)).tolist() == [3]
    layer.bias = nn.Parameter(weft.ones(1))
    assert layer(weft.ones(1)).tolist() == [4]
    del layer.weight
    with pytest.raises(AttributeError, match="no attribute 'weight'"):
        layer(weft.ones(1))
