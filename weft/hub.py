"""``weft.hub``: downloading is left to other packages; what does no download is here.

A model's repository is code to be run from the network; get files with their own tools, then `weft.load` them.
"""

from __future__ import annotations

import os
from typing import Any

from weft._legacy import refusing

__all__ = ["download_url_to_file", "get_dir", "help", "list", "load", "load_state_dict_from_url", "set_dir"]

_dir: str | None = None
_REFUSAL = "weft does not download: get the file with another tool, then weft.load() it"

load = list = help = refusing(f"torch.hub runs code from the network. {_REFUSAL}", NotImplementedError)
download_url_to_file = refusing(_REFUSAL, NotImplementedError)


def _get_torch_home() -> str:
    cache = os.getenv("XDG_CACHE_HOME", os.path.join("~", ".cache"))
    return os.path.expanduser(os.getenv("TORCH_HOME", os.path.join(cache, "torch")))


def get_dir() -> str:
    """The folder where files of PyTorch's hub lie."""
    return os.path.join(_get_torch_home(), "hub") if _dir is None else _dir


def set_dir(d: str | os.PathLike[str]) -> None:
    """Chooses that folder."""
    global _dir
    _dir = os.path.expanduser(d)


def load_state_dict_from_url(
    url: str,
    model_dir: str | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = False,
) -> Any:
    """Loads the file of that name if it lies in the hub's folder already.

    Raises:
        NotImplementedError: it would have to be downloaded.
    """
    from weft.serialization import load

    folder = os.path.join(get_dir(), "checkpoints") if model_dir is None else model_dir
    path = os.path.join(folder, file_name or os.path.basename(url.partition("?")[0]))
    if not os.path.isfile(path):
        raise NotImplementedError(f"weft does not download: get {url} with another tool and put it at {path}")
    return load(path, map_location=map_location, weights_only=weights_only)
