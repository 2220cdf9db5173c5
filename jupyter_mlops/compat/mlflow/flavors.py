"""``mlflow.sklearn`` and its like: models that a run keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from jupyter_mlops.compat.mlflow.runs import current_run
from jupyter_mlops.compat.stand_in import StandIn, find_unsupported, guarded, tell_once, unsupported

FLAVORS = (
    "catboost",
    "keras",
    "lightgbm",
    "onnx",
    "pytorch",
    "sklearn",
    "tensorflow",
    "xgboost",
)
"""The libraries whose models can be logged; the others have no module here."""

_PICKLES = frozenset({"pickle", "cloudpickle"})


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What MLflow tells of a model that was logged."""

    artifact_path: str
    run_id: str
    flavor: str
    signature: None = None

    @property
    def model_uri(self) -> str:
        """A name for the model; it is no address."""
        return f"runs:/{self.run_id}/{self.artifact_path}"


@guarded
def log_model(
    flavor: str, model: Any, artifact_path: str | None, name: str | None, pickle: bool
) -> ModelInfo:
    """Keep a model in its library's own format; as a pickle only where that was asked for."""
    run, called = current_run(), name or artifact_path or "model"
    if flavor == "sklearn" and not pickle and find_spec("skops") is None:
        tell_once(
            "mlflow.sklearn.log_model keeps a model safely where skops is installed: pip install"
            ' skops. With serialization_format="pickle" it keeps a pickle, which can run any code'
            " when it is read. This model was not kept."
        )
    else:
        run.run.log_model(called, model, pickle=pickle)
    return ModelInfo(called, run.info.run_id, flavor)


def make_flavor(package: str, flavor: str) -> ModuleType:
    """Return the module ``mlflow.FLAVOR``."""
    module = ModuleType(f"{package}.{flavor}", f"mlflow.{flavor}")

    def log(
        model: Any = None, artifact_path: str | None = None, *args: Any, **options: Any
    ) -> ModelInfo:
        """Keep a model; every parameter of MLflow's call may be given, by its name there."""
        if model is None:
            model = next((value for key, value in options.items() if key.endswith("model")), None)
        pickle = options.get("serialization_format") in _PICKLES
        return log_model(flavor, model, artifact_path, options.get("name"), pickle)

    def autolog(*args: Any, **options: Any) -> None:
        """Tell that nothing is logged by itself."""
        unsupported(f"mlflow.{flavor}.autolog", "log what matters by log_params and log_metrics")

    log.__name__ = "log_model"
    vars(module).update(log_model=log, autolog=autolog, __getattr__=_missing(f"mlflow.{flavor}"))
    return module


def make_models(package: str) -> ModuleType:
    """Return the module ``mlflow.models``: signatures of models are not kept."""
    module = ModuleType(f"{package}.models", "mlflow.models")

    def infer_signature(*args: Any, **options: Any) -> None:
        """Return None: signatures are not kept."""

    vars(module).update(infer_signature=infer_signature, __getattr__=_missing("mlflow.models"))
    return module


def _missing(library: str) -> Callable[[str], StandIn]:
    return lambda name: find_unsupported(library, name)
