"""Module behaves as PyTorch's: every test here runs on PyTorch too, where it is installed."""

import copy
import importlib
import pickle
import re
import warnings
from collections import OrderedDict

import pytest


@pytest.fixture(params=["weft", "torch"])
def pkg(request):
    return pytest.importorskip(request.param)


def net(pkg):
    return pkg.nn.Sequential(
        pkg.nn.Linear(2, 3), pkg.nn.BatchNorm1d(3), pkg.nn.Sequential(pkg.nn.Linear(3, 1), pkg.nn.ReLU())
    )


def message(error):
    return re.sub("torch", "weft", str(error.value))


# ---------------------------------------------------------------------- attributes


def test_parameters_modules_and_buffers_are_registered_on_assignment(pkg):
    module = pkg.nn.Module()
    module.weight = pkg.nn.Parameter(pkg.ones(2))
    module.child = pkg.nn.ReLU()
    module.mean = pkg.nn.Buffer(pkg.zeros(2))
    module.register_buffer("cache", pkg.zeros(1), persistent=False)
    module.number = 3
    assert [name for name, _ in module.named_parameters()] == ["weight"]
    assert [name for name, _ in module.named_children()] == ["child"]
    assert [name for name, _ in module.named_buffers()] == ["mean", "cache"]
    assert list(module.state_dict()) == ["weight", "mean"]
    assert {"weight", "child", "mean", "cache", "number", "forward"} <= set(dir(module))


def test_assigning_another_kind_moves_the_name(pkg):
    module = pkg.nn.Module()
    module.x = 3
    module.x = pkg.nn.Parameter(pkg.ones(2))
    assert "x" not in module.__dict__
    module.x = None
    assert module.x is None
    assert list(module.parameters()) == []
    del module.x
    module.x = pkg.nn.ReLU()
    assert list(module._modules) == ["x"]
    assert list(module._parameters) == []


def test_deleted_names_are_gone(pkg):
    module = net(pkg)
    del module[0].weight
    with pytest.raises(AttributeError, match="'Linear' object has no attribute 'weight'"):
        module[0].weight  # noqa: B018


def test_assignment_before_init_is_an_error(pkg):
    class Early(pkg.nn.Module):
        def __init__(self, value):
            self.x = value

    for value, text in [
        (pkg.nn.Parameter(pkg.ones(1)), "cannot assign parameters before Module.__init__() call"),
        (pkg.nn.ReLU(), "cannot assign module before Module.__init__() call"),
        (pkg.nn.Buffer(pkg.ones(1)), "cannot assign buffer before Module.__init__() call"),
    ]:
        with pytest.raises(AttributeError) as error:
            Early(value)
        assert message(error) == text


@pytest.mark.parametrize(
    ("action", "kind", "text"),
    [
        (lambda p, m: setattr(m, "weight", 3), TypeError,
         "cannot assign 'int' as parameter 'weight' (weft.nn.Parameter or None expected)"),
        (lambda p, m: setattr(m, "child", 3), TypeError,
         "cannot assign 'int' as child module 'child' (weft.nn.Module or None expected)"),
        (lambda p, m: setattr(m, "mean", 3), TypeError,
         "cannot assign 'int' as buffer 'mean' (weft.nn.Buffer, weft.Tensor or None expected)"),
        (lambda p, m: m.register_buffer("a.b", None), KeyError, """'buffer name can\\'t contain "."'"""),
        (lambda p, m: m.register_buffer("", None), KeyError, """'buffer name can\\'t be empty string ""'"""),
        (lambda p, m: m.register_buffer("child", None), KeyError, "\"attribute 'child' already exists\""),
        (lambda p, m: m.register_buffer(3, None), TypeError, "buffer name should be a string. Got int"),
        (lambda p, m: m.register_buffer("x", 3), TypeError,
         "cannot assign 'int' object to buffer 'x' (weft Tensor or None required)"),
        (lambda p, m: m.register_parameter("x", 3), TypeError,
         "cannot assign 'int' object to parameter 'x' (weft.nn.Parameter or None required)"),
        (lambda p, m: m.add_module("x", 3), TypeError, "int is not a Module subclass"),
        (lambda p, m: m.add_module("a.b", None), KeyError, """'module name can\\'t contain ".", got: a.b'"""),
        (lambda p, m: m.get_submodule("no.way"), AttributeError, "Module has no attribute `no`"),
        (lambda p, m: m.get_submodule("weight"), AttributeError, "`weight` is not an nn.Module"),
        (lambda p, m: m.get_parameter("mean"), AttributeError, "`mean` is not an nn.Parameter"),
        (lambda p, m: m.get_buffer("weight"), AttributeError, "`weight` is not a buffer"),
        (lambda p, m: m.set_submodule("", p.nn.ReLU()), ValueError,
         "Cannot set the submodule without a target name!"),
        (lambda p, m: m.train(3), ValueError, "training mode is expected to be boolean"),
        (lambda p, m: m.load_state_dict(3), TypeError, "Expected state_dict to be dict-like, got <class 'int'>."),
        (lambda p, m: m(1), NotImplementedError,
         'Module [Module] is missing the required "forward" function'),
        (lambda p, m: m.nothing, AttributeError, "'Module' object has no attribute 'nothing'"),
        (lambda p, m: p.nn.Module(x=1), TypeError, "Module.__init__() got an unexpected keyword argument 'x'"),
        (lambda p, m: m.to(p.int64), TypeError,
         "nn.Module.to only accepts floating point or complex dtypes, but got desired dtype=weft.int64"),
    ],
)  # fmt: skip
def test_errors_are_pytorchs(pkg, action, kind, text):
    module = pkg.nn.Module()
    module.weight = pkg.nn.Parameter(pkg.ones(2))
    module.child = pkg.nn.ReLU()
    module.register_buffer("mean", pkg.zeros(2))
    with pytest.raises(kind) as error:
        action(pkg, module)
    assert message(error) == text


def test_a_parameter_must_be_a_leaf(pkg):
    module = pkg.nn.Module()
    computed = pkg.ones(2, requires_grad=True) * 2
    computed._is_param = True
    with pytest.raises(ValueError, match="Cannot assign non-leaf Tensor to parameter 'x'"):
        module.register_parameter("x", computed)


# ---------------------------------------------------------------------- iterating


def test_names_are_dotted_and_shared_members_come_once(pkg):
    shared = pkg.nn.Linear(2, 2)
    module = pkg.nn.Sequential(shared, pkg.nn.Sequential(shared))
    assert [name for name, _ in module.named_modules()] == ["", "0", "1"]
    assert [name for name, _ in module.named_modules(remove_duplicate=False)] == ["", "0", "1", "1.0"]
    assert [name for name, _ in module.named_parameters("net")] == ["net.0.weight", "net.0.bias"]
    assert len(list(module.named_parameters(remove_duplicate=False))) == 4
    assert list(module.parameters(recurse=False)) == []
    assert list(module.state_dict()) == ["0.weight", "0.bias", "1.0.weight", "1.0.bias"]


def test_submodules_are_found_and_replaced_by_name(pkg):
    module = net(pkg)
    assert module.get_submodule("2.1") is module[2][1]
    assert module.get_parameter("2.0.weight") is module[2][0].weight
    assert module.get_buffer("1.running_mean") is module[1].running_mean
    module.set_submodule("2.1", pkg.nn.Tanh())
    assert isinstance(module[2][1], pkg.nn.Tanh)


def test_train_eval_apply_and_requires_grad_reach_all_modules(pkg):
    module = net(pkg)
    assert module.eval() is module
    assert not any(m.training for m in module.modules())
    assert all(m.training for m in module.train().modules())
    seen = []
    module.apply(lambda m: seen.append(type(m).__name__))
    assert seen == ["Linear", "BatchNorm1d", "Linear", "ReLU", "Sequential", "Sequential"]
    assert not any(p.requires_grad for p in module.requires_grad_(False).parameters())


def test_conversion_keeps_parameters_and_their_gradients(pkg):
    module = net(pkg)
    weight = module[0].weight
    weight.grad = pkg.ones(3, 2)
    module.double()
    assert module[0].weight is weight
    assert weight.dtype == pkg.float64
    assert weight.grad.dtype == pkg.float64
    assert isinstance(weight, pkg.nn.Parameter)
    assert module[1].running_mean.dtype == pkg.float64
    assert module[1].num_batches_tracked.dtype == pkg.int64
    assert module.to(pkg.float32)[0].weight.dtype == pkg.float32
    assert module.to("cpu", pkg.float16)[0].bias.dtype == pkg.float16
    assert module.bfloat16()[1].bias.dtype == pkg.bfloat16


def test_zero_grad_drops_gradients_or_sets_them_to_zero(pkg):
    module = pkg.nn.Linear(2, 1)
    module.weight.grad = pkg.ones(1, 2)
    module.zero_grad(set_to_none=False)
    assert module.weight.grad.tolist() == [[0, 0]]
    module.zero_grad()
    assert module.weight.grad is None


# ---------------------------------------------------------------------- hooks


def identity(pkg):
    return pkg.nn.Identity()


def test_forward_hooks_run_in_order_and_may_change_values(pkg):
    module, events = identity(pkg), []
    module.register_forward_pre_hook(lambda m, args: events.append("pre") or (args[0] + 1,))
    module.register_forward_hook(lambda m, args, out: events.append("hook") or out * 10)
    module.register_forward_hook(lambda m, args, out: events.append("first"), prepend=True)
    assert module(pkg.ones(1)).tolist() == [20]
    assert events == ["pre", "first", "hook"]


def test_hooks_with_kwargs_see_and_change_them(pkg):
    class Scale(pkg.nn.Module):
        def forward(self, x, *, by=1):
            return x * by

    module = Scale()
    module.register_forward_pre_hook(lambda m, args, kwargs: (args, {"by": kwargs["by"] + 1}), with_kwargs=True)
    module.register_forward_hook(lambda m, args, kwargs, out: out + kwargs["by"], with_kwargs=True)
    assert module(pkg.ones(1), by=2).tolist() == [6]


def test_bad_result_of_a_pre_hook_with_kwargs_raises(pkg):
    module = identity(pkg)
    module.register_forward_pre_hook(lambda m, args, kwargs: 3, with_kwargs=True)
    with pytest.raises(RuntimeError, match="forward pre-hook must return None or a tuple"):
        module(pkg.ones(1))


def test_always_called_hooks_run_when_forward_raises(pkg):
    module, events = pkg.nn.Module(), []
    module.register_forward_hook(lambda m, args, out: events.append("never"))
    module.register_forward_hook(lambda m, args, out: events.append(out), always_call=True)
    with pytest.raises(NotImplementedError):
        module(1)
    assert events == [None]


def test_a_removed_hook_is_not_called(pkg):
    module, events = identity(pkg), []
    with module.register_forward_hook(lambda *_: events.append(1)):
        module(pkg.ones(1))
    module(pkg.ones(1))
    assert events == [1]


def test_global_hooks_run_for_every_module(pkg):
    hooks = importlib.import_module(f"{pkg.__name__}.nn.modules.module")
    events = []
    handles = [
        hooks.register_module_forward_pre_hook(lambda m, args: events.append("pre")),
        hooks.register_module_forward_hook(lambda m, args, out: events.append(type(m).__name__)),
        hooks.register_module_parameter_registration_hook(lambda m, name, p: events.append(name)),
    ]
    try:
        module = pkg.nn.PReLU()
        module(pkg.ones(1))
    finally:
        for handle in handles:
            handle.remove()
    module(pkg.ones(1))
    assert events == ["weight", "pre", "PReLU"]


def test_full_backward_hooks_see_and_change_gradients(pkg):
    module, events = pkg.nn.Linear(2, 1, bias=False), []
    with pkg.no_grad():
        module.weight.fill_(3.0)

    def pre(m, grad_output):
        events.append(("pre", grad_output[0].tolist()))
        return (grad_output[0] * 2,)

    def hook(m, grad_input, grad_output):
        events.append(("hook", grad_input[0].tolist(), grad_output[0].tolist()))
        return (grad_input[0] + 1,)

    module.register_full_backward_pre_hook(pre)
    module.register_full_backward_hook(hook)
    x = pkg.ones(1, 2, requires_grad=True)
    module(x).sum().backward()
    assert events == [("pre", [[1]]), ("hook", [[6, 6]], [[2]])]
    assert x.grad.tolist() == [[7, 7]]
    assert module.weight.grad.tolist() == [[2, 2]]


def test_full_backward_hook_without_input_gradients_warns_and_fires(pkg):
    module, events = pkg.nn.Linear(2, 1), []
    module.register_full_backward_hook(lambda m, grad_input, grad_output: events.append(grad_input))
    with pytest.warns(UserWarning, match="Full backward hook is firing"):
        module(pkg.ones(1, 2)).sum().backward()
    assert events == [(None,)]


def test_regular_and_full_backward_hooks_do_not_mix(pkg):
    module = identity(pkg)
    module.register_backward_hook(lambda *_: None)
    with pytest.raises(RuntimeError, match="Cannot use both regular backward hooks and full backward hooks"):
        module.register_full_backward_hook(lambda *_: None)


# ---------------------------------------------------------------------- state


def test_state_dict_shares_memory_and_knows_versions(pkg):
    module = net(pkg)
    state = module.state_dict()
    assert isinstance(state, OrderedDict)
    assert state._metadata["1"] == {"version": 2}
    assert not state["0.weight"].requires_grad
    assert module.state_dict(keep_vars=True)["0.weight"] is module[0].weight
    assert list(module[0].state_dict(prefix="p.")) == ["p.weight", "p.bias"]


def test_loading_copies_values_and_reports_keys(pkg):
    source, target = net(pkg), net(pkg)
    result = target.load_state_dict(source.state_dict())
    assert repr(result) == "<All keys matched successfully>"
    assert target[0].weight.tolist() == source[0].weight.tolist()
    state = source.state_dict()
    del state["0.bias"]
    state["extra"] = pkg.ones(1)
    result = target.load_state_dict(state, strict=False)
    assert result.missing_keys == ["0.bias"]
    assert result.unexpected_keys == ["extra"]
    assert repr(result) == "_IncompatibleKeys(missing_keys=['0.bias'], unexpected_keys=['extra'])"


def test_loading_lists_everything_that_is_wrong(pkg):
    with pytest.raises(RuntimeError) as error:
        pkg.nn.Linear(2, 3).load_state_dict({"weight": pkg.ones(1, 2), "more": pkg.ones(1)})
    assert message(error).split("\n\t") == [
        "Error(s) in loading state_dict for Linear:",
        'Missing key(s) in state_dict: "bias". ',
        'Unexpected key(s) in state_dict: "more". ',
        "size mismatch for weight: copying a param with shape weft.Size([1, 2]) from checkpoint, the shape "
        "in current model is weft.Size([3, 2]).",
    ]


def test_loading_with_assign_takes_the_tensors_themselves(pkg):
    module, weight = pkg.nn.Linear(2, 1), pkg.ones(1, 2, dtype=pkg.float64)
    module.load_state_dict({"weight": weight, "bias": pkg.ones(1)}, assign=True)
    assert isinstance(module.weight, pkg.nn.Parameter)
    assert module.weight.dtype == pkg.float64
    assert module.weight.data_ptr() == weight.data_ptr()


def test_extra_state_is_saved_and_loaded(pkg):
    class Counter(pkg.nn.Module):
        count = 0

        def get_extra_state(self):
            return self.count

        def set_extra_state(self, state):
            self.count = state

    source, target = Counter(), Counter()
    source.count = 5
    assert dict(source.state_dict()) == {"_extra_state": 5}
    target.load_state_dict(source.state_dict())
    assert target.count == 5


def test_state_dict_hooks_run(pkg):
    module, events = pkg.nn.Linear(1, 1), []
    module.register_state_dict_pre_hook(lambda m, prefix, keep_vars: events.append("pre"))
    module.register_state_dict_post_hook(lambda m, state, prefix, meta: state.pop("bias") and None)
    module.register_load_state_dict_pre_hook(lambda m, state, *rest: state.setdefault("bias", pkg.ones(1)))
    module.register_load_state_dict_post_hook(lambda m, keys: events.append(keys.missing_keys))
    state = module.state_dict()
    assert list(state) == ["weight"]
    module.load_state_dict(state)
    assert module.bias.tolist() == [1]
    assert events == ["pre", []]


def test_pickle_and_deepcopy_keep_everything_apart(pkg):
    module = net(pkg)
    for copied in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert repr(copied) == repr(module)
        assert copied[0].weight.tolist() == module[0].weight.tolist()
        assert copied[0].weight.data_ptr() != module[0].weight.data_ptr()
        assert isinstance(copied[0].weight, pkg.nn.Parameter)


# ---------------------------------------------------------------------- containers


def test_sequential_works_like_a_list(pkg):
    nn = pkg.nn
    assert isinstance(nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Tanh())).a, nn.ReLU)
    module = nn.Sequential(nn.ReLU(), nn.Tanh())
    module.append(nn.Sigmoid()).insert(0, nn.ELU())
    assert len(module) == 4
    assert isinstance(module[-1], nn.Sigmoid)
    assert [type(m).__name__ for m in module[1:3]] == ["ReLU", "Tanh"]
    two = nn.Sequential(nn.ReLU()) + nn.Sequential(nn.Tanh())
    assert list(two._modules) == ["0", "1"]
    assert len(two * 2) == 4
    two *= 2
    two += nn.Sequential(nn.ELU())
    assert list(two._modules) == ["0", "1", "2", "3", "4"]
    assert isinstance(two.pop(-1), nn.ELU)
    del two[0]
    assert list(two._modules) == ["0", "1", "2"]
    with pytest.raises(IndexError, match="index 9 is out of range"):
        two[9]


def test_module_list_and_dict(pkg):
    nn = pkg.nn
    layers = nn.ModuleList([nn.ReLU()])
    layers += [nn.Tanh()]
    layers.extend([nn.ELU()]).append(nn.ReLU())
    layers.insert(1, nn.GELU())
    assert [type(m).__name__ for m in layers] == ["ReLU", "GELU", "Tanh", "ELU", "ReLU"]
    del layers[1:3]
    assert len(layers + nn.ModuleList([nn.ReLU()])) == 4
    assert repr(nn.ModuleList()) == "ModuleList()"
    table = nn.ModuleDict([("a", nn.ReLU())])
    table.update({"b": nn.Tanh()})
    assert list(table.keys()) == ["a", "b"]
    assert "a" in table
    assert isinstance(table.pop("b"), nn.Tanh)
    table.clear()
    assert len(table) == 0


def test_parameter_list_and_dict(pkg):
    nn = pkg.nn
    values = nn.ParameterList([pkg.ones(2), nn.Parameter(pkg.ones(3)), "text"])
    assert isinstance(values[0], nn.Parameter)
    assert len(list(values.parameters())) == 2
    assert re.sub("torch", "weft", repr(values)) == (
        "ParameterList(\n    (0): Parameter containing: [weft.float32 of size 2]\n"
        "    (1): Parameter containing: [weft.float32 of size 3]\n    (2): Object of type: str\n)"
    )
    named = nn.ParameterDict({"b": pkg.ones(1), "a": pkg.ones(2)})
    assert list(named) == ["a", "b"]
    assert named.setdefault("c", pkg.ones(4)).shape == (4,)
    assert named.popitem()[0] == "c"
    assert list(named | nn.ParameterDict({"z": pkg.ones(1)})) == ["a", "b", "z"]


def test_parameter_is_a_tensor_with_its_own_repr(pkg):
    parameter = pkg.nn.Parameter(pkg.ones(2))
    assert repr(parameter) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    assert isinstance(parameter, pkg.Tensor)
    assert type(parameter * 2) is pkg.Tensor
    assert not pkg.nn.Parameter(pkg.ones(2), requires_grad=False).requires_grad


def test_module_without_hooks_does_not_warn(pkg):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net(pkg)(pkg.ones(4, 2))
