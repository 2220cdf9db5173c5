"""Models as files that run no code when they are read."""

from __future__ import annotations

import pickle as pickling
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from jupyter_mlops.tracking.content import Content, NotKeptError, of_bytes

_OCTETS = "application/octet-stream"


def model_content(model: Any, *, pickle: bool = False) -> Content:
    """Return ``model`` in its library's own format, with ``pickle`` as Python pickles it.

    Raises:
        NotKeptError: there is no safe format for it; the message says what to do.
    """
    if pickle:
        return of_bytes("model", _OCTETS, ".pkl", pickling.dumps(model))
    for library in (kind.__module__.partition(".")[0] for kind in type(model).__mro__):
        write = _WRITERS.get(library)
        if write is not None:
            return write(model)
    raise NotKeptError(
        f"there is no safe format for a model of type {type(model).__name__}; log_model(…,"
        " pickle=True) keeps it as a pickle, which can run any code when it is read"
    )


def _torch(model: Any) -> Content:
    state = model.state_dict() if hasattr(model, "state_dict") else model
    try:
        safetensors = import_module("safetensors.torch")
    except ImportError:
        torch = sys.modules["torch"]

        def save(path: Path) -> None:
            torch.save(state, path)

        return Content("model", _OCTETS, ".pt", save)
    if hasattr(model, "state_dict"):  # it knows which tensors share memory
        return Content("model", _OCTETS, ".safetensors", lambda p: safetensors.save_model(model, p))
    return of_bytes("model", _OCTETS, ".safetensors", safetensors.save(state))


def _xgboost(model: Any) -> Content:
    booster = model.get_booster() if hasattr(model, "get_booster") else model
    return of_bytes("model", _OCTETS, ".ubj", bytes(booster.save_raw("ubj")))


def _lightgbm(model: Any) -> Content:
    booster = getattr(model, "booster_", model)
    return of_bytes("model", "text/plain", ".txt", booster.model_to_string().encode())


def _catboost(model: Any) -> Content:
    return Content("model", _OCTETS, ".cbm", lambda path: model.save_model(str(path)))


def _keras(model: Any) -> Content:
    return Content("model", _OCTETS, ".keras", lambda path: model.save(path))


def _onnx(model: Any) -> Content:
    return of_bytes("model", _OCTETS, ".onnx", model.SerializeToString())


def _sklearn(model: Any) -> Content:
    try:
        skops = import_module("skops.io")
    except ImportError:
        raise NotKeptError(
            "a model of scikit-learn is kept safely where skops is installed: pip install skops;"
            " log_model(…, pickle=True) keeps it as a pickle, which can run any code when it is"
            " read"
        ) from None
    return of_bytes("model", _OCTETS, ".skops", skops.dumps(model))


_WRITERS = {
    "catboost": _catboost,
    "keras": _keras,
    "lightgbm": _lightgbm,
    "onnx": _onnx,
    "sklearn": _sklearn,
    "torch": _torch,
    "xgboost": _xgboost,
}
"""By the library that a model's type, or one that it is made from, is of."""
