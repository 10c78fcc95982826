"""What programs ask about devices, switches and older names: PyTorch's build for the CPU answers the same."""

from __future__ import annotations

import warnings

import numpy
import pytest
from oracle import agree

import weft

ANSWERS = [
    lambda m: m.cuda.is_available(),
    lambda m: m.cuda.device_count(),
    lambda m: m.cuda.is_initialized(),
    lambda m: m.cuda.is_bf16_supported(),
    lambda m: m.cuda.manual_seed_all(0),
    lambda m: m.cuda.empty_cache(),
    lambda m: m.cuda.memory_allocated(),
    lambda m: m.cuda.max_memory_allocated(),
    lambda m: m.cuda.get_rng_state_all(),
    lambda m: m.cuda.get_arch_list(),
    lambda m: m.cuda.synchronize(),
    lambda m: m.cuda.current_device(),
    lambda m: m.cuda.get_device_name(0),
    lambda m: m.cuda.get_device_properties(0),
    lambda m: m.cuda.Stream(),
    lambda m: m.cuda.Event(),
    lambda m: m.cuda.FloatTensor(2),
    lambda m: m.cuda.nvtx.range_push("a"),
    lambda m: m.mps.is_available(),
    lambda m: m.mps.synchronize(),
    lambda m: m.xpu.is_available(),
    lambda m: m.xpu.synchronize(),
    lambda m: m.accelerator.is_available(),
    lambda m: m.accelerator.current_accelerator(),
    lambda m: m.accelerator.synchronize(),
    lambda m: m.backends.mps.is_available(),
    lambda m: m.backends.mps.is_built(),
    lambda m: m.backends.cudnn.is_available(),
    lambda m: m.backends.cudnn.version(),
    lambda m: m.backends.cudnn.benchmark,
    lambda m: m.backends.cuda.matmul.allow_tf32,
    lambda m: m.cpu.device_count(),
    lambda m: m.device("cuda:1"),
    lambda m: m.device("cuda", 1).index,
    lambda m: m.device("nowhere"),
    lambda m: m.device("cuda:1", 1),
    lambda m: m.device("cpu") == m.device("cpu"),
    lambda m: m.ones(1, device="cuda"),
    lambda m: m.ones(1).to("cuda"),
    lambda m: m.ones(1).cuda(),
    lambda m: m.zeros(1, device=m.device("xpu")),
    lambda m: m.ones(1).get_device(),
    lambda m: m.get_default_device(),
    lambda m: m.typename(m.ones(1)),
    lambda m: m.is_storage(m.ones(1).untyped_storage()),
    lambda m: m.ones(1).layout == m.strided,
    lambda m: m.is_autocast_enabled("cpu"),
    lambda m: m.jit.is_scripting(),
    lambda m: m.compiler.is_compiling(),
    lambda m: m.get_float32_matmul_precision(),
    lambda m: m.are_deterministic_algorithms_enabled(),
    lambda m: m.version.cuda,
]


@pytest.mark.parametrize("question", ANSWERS, ids=range(len(ANSWERS)))
def test_answers_are_those_of_torch_without_a_gpu(question) -> None:
    agree(question)


def test_switches_can_be_set() -> None:
    weft.backends.cudnn.benchmark = True
    with weft.backends.cudnn.flags(benchmark=False):
        assert weft.backends.cudnn.benchmark is False
    assert weft.backends.cudnn.benchmark is True
    weft.backends.cudnn.benchmark = False
    weft.set_num_interop_threads(2)
    assert weft.get_num_interop_threads() == 2


@pytest.mark.parametrize(
    "make",
    [
        lambda m: m.Tensor([1, 2]),
        lambda m: m.Tensor(2, 3).shape,
        lambda m: m.Tensor(),
        lambda m: m.Tensor(m.Size([2])).shape,
        lambda m: m.FloatTensor([1, 2]),
        lambda m: m.FloatTensor(2).dtype,
        lambda m: m.LongTensor([1.5]),
        lambda m: m.LongTensor(m.ones(2)),
        lambda m: m.FloatTensor(m.ones(2)),
        lambda m: m.FloatTensor(2.5),
        lambda m: m.ByteTensor(b"ab"),
        lambda m: m.Tensor(numpy.arange(3)),
        lambda m: m.DoubleTensor(numpy.arange(3.0)),
        lambda m: isinstance(m.ones(1), m.FloatTensor),
        lambda m: isinstance(m.ones(1), m.LongTensor),
        lambda m: m.ones(1).type(m.LongTensor),
        lambda m: m.ones(1).type(),
        lambda m: m.ones(1).type("torch.LongTensor"),
        lambda m: m.ones(1).new(3).shape,
        lambda m: m.ones(1).new([3]),
        lambda m: m.autograd.Variable(m.ones(1), requires_grad=True),
        lambda m: isinstance(m.ones(1), m.autograd.Variable),
    ],
)
def test_older_constructors_make_what_torch_makes(make) -> None:
    agree(make)


def test_compile_runs_the_function_as_it_is() -> None:
    def f(x):
        return x + 1

    assert weft.compile(f, mode="max-autotune", fullgraph=True) is f
    assert weft.compile(dynamic=True)(f) is f
    assert weft.jit.script(f) is weft.jit.trace(f, weft.ones(1)) is f
    with pytest.raises(RuntimeError, match="mode or options"):
        weft.compile(f, mode="default", options={})
    with pytest.raises(TypeError, match="expected a function"):
        weft.compile(3)


@pytest.mark.parametrize(
    "refused",
    [
        lambda: weft.onnx.export(None, (), "x"),
        lambda: weft.hub.load("a/b", "c"),
        lambda: weft.jit.load("x"),
        lambda: weft.hub.load_state_dict_from_url("https://example.com/x.pt", "nowhere"),
    ],
)
def test_what_weft_does_not_do_says_so(refused) -> None:
    with pytest.raises(NotImplementedError, match="weft"):
        refused()


def test_dlpack_shares_memory() -> None:
    x = weft.arange(3.0)
    weft.from_dlpack(weft.to_dlpack(x))[0] = 5
    assert x.tolist() == [5, 1, 2]
    array = numpy.from_dlpack(x)
    assert array.tolist() == [5, 1, 2]
    assert weft.utils.dlpack.from_dlpack(array).data_ptr() == x.data_ptr()
    with pytest.raises(BufferError):
        weft.to_dlpack(weft.ones(1, requires_grad=True))


def test_dlpack_crosses_to_torch() -> None:
    torch = pytest.importorskip("torch")
    x = weft.arange(3.0)
    y = torch.from_dlpack(x)
    y[0] = 7
    assert x[0].item() == 7
    assert weft.from_dlpack(y).data_ptr() == x.data_ptr()


def test_numpy_functions_take_tensors() -> None:
    assert isinstance(numpy.exp(weft.zeros(2)), weft.Tensor)
    assert numpy.exp(weft.zeros(2)).tolist() == [1, 1]
    assert numpy.add(weft.ones(2), 1).tolist() == [2, 2]
    assert numpy.greater(weft.ones(2), 0).dtype is weft.bool


def test_einops_takes_tensors() -> None:
    einops = pytest.importorskip("einops")
    x = weft.arange(6.0).view(2, 3)
    assert einops.rearrange(x, "a b -> b a").tolist() == x.T.tolist()
    assert einops.reduce(x, "a b -> a", "sum").tolist() == [3, 12]
    assert einops.repeat(x, "a b -> a b c", c=2).shape == (2, 3, 2)
    assert einops.einsum(x, x, "a b, c b -> a c").tolist() == (x @ x.T).tolist()
    einops.reduce(x.requires_grad_(), "a b -> ", "mean").backward()
    assert x.grad is not None


def test_generators_are_saved_and_copied() -> None:
    generator = weft.Generator().manual_seed(3)
    state = generator.get_state()
    a = weft.rand(3, generator=generator)
    generator.set_state(state)
    assert weft.equal(weft.rand(3, generator=generator), a)
    assert generator.device == weft.device("cpu")


def test_scaler_for_a_gpu_warns_and_does_nothing() -> None:
    with pytest.warns(UserWarning, match="CUDA is not available"):
        scaler = weft.amp.GradScaler()
    assert not scaler.is_enabled()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert scaler.scale(weft.ones(1)).tolist() == [1]


def test_summary_writer_takes_tensors(tmp_path) -> None:
    pytest.importorskip("tensorboardX")
    from weft.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path) as writer:
        writer.add_scalar("loss", weft.tensor(1.5), 0)
        writer.add_histogram("weights", weft.randn(100), 0)
        writer.add_image("image", weft.rand(3, 4, 4), 0)
        writer.add_text("note", "words", 0)
    data = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert all(word in data for word in (b"loss", b"weights", b"image", b"words"))
