"""Downloads of models: see weft.hub."""

from weft.hub import load_state_dict_from_url as load_url

__all__ = ["load_url"]
