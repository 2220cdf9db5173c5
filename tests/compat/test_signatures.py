"""Every call takes what the real one takes, in its order: mlflow 3.17, wandb 0.31, dvclive 3.49."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import jupyter_mlops.compat.dvclive as dvclive
import jupyter_mlops.compat.mlflow as mlflow
import jupyter_mlops.compat.wandb as wandb

MLFLOW = {
    "set_tracking_uri": "uri",
    "get_tracking_uri": "",
    "set_registry_uri": "uri",
    "set_experiment": "experiment_name experiment_id trace_location",
    "create_experiment": "name artifact_location tags trace_location",
    "get_experiment": "experiment_id",
    "get_experiment_by_name": "name",
    "start_run": "run_id experiment_id run_name nested parent_run_id tags description "
    "log_system_metrics",
    "end_run": "status",
    "active_run": "",
    "last_active_run": "",
    "get_run": "run_id",
    "log_param": "key value synchronous",
    "log_params": "params synchronous run_id",
    "log_metric": "key value step synchronous timestamp run_id model_id dataset",
    "log_metrics": "metrics step synchronous run_id timestamp model_id dataset",
    "log_artifact": "local_path artifact_path run_id",
    "log_artifacts": "local_dir artifact_path run_id",
    "log_figure": "figure artifact_file *save_kwargs",
    "log_image": "image artifact_file key step timestamp synchronous",
    "log_text": "text artifact_file run_id",
    "log_dict": "dictionary artifact_file run_id",
    "log_table": "data artifact_file run_id",
    "set_tag": "key value synchronous",
    "set_tags": "tags synchronous",
    "set_experiment_tag": "key value",
    "delete_tag": "key",
    "get_artifact_uri": "artifact_path",
    "is_tracking_uri_set": "",
    "enable_system_metrics_logging": "",
    "disable_system_metrics_logging": "",
    "flush_async_logging": "",
    "autolog": "log_input_examples log_model_signatures log_models log_datasets log_traces disable "
    "exclusive disable_for_unsupported_versions silent extra_tags exclude_flavors",
    "sklearn.log_model": "sk_model artifact_path conda_env code_paths serialization_format "
    "registered_model_name signature input_example await_registration_for pip_requirements "
    "extra_pip_requirements pyfunc_predict_fn metadata extra_files params tags model_type step "
    "model_id name",
    "pytorch.log_model": "pytorch_model artifact_path conda_env code_paths pickle_module "
    "registered_model_name signature input_example await_registration_for extra_files "
    "pip_requirements extra_pip_requirements metadata name params tags model_type step model_id "
    "export_model serialization_format",
    "keras.log_model": "model artifact_path save_exported_model conda_env signature input_example",
    "tensorflow.log_model": "model artifact_path custom_objects conda_env code_paths signature",
    "xgboost.log_model": "xgb_model artifact_path conda_env code_paths registered_model_name",
    "lightgbm.log_model": "lgb_model artifact_path conda_env code_paths registered_model_name",
    "catboost.log_model": "cb_model artifact_path conda_env code_paths registered_model_name",
    "onnx.log_model": "onnx_model artifact_path conda_env code_paths registered_model_name",
    "models.infer_signature": "model_input model_output params",
}
WANDB = {
    "init": "entity project dir id name notes tags config config_exclude_keys config_include_keys "
    "allow_val_change group job_type mode force reinit resume resume_from fork_from save_code "
    "tensorboard sync_tensorboard monitor_gym settings",
    "finish": "exit_code",
    "log": "data step commit",
    "define_metric": "name step_metric step_sync hidden summary overwrite",
    "save": "glob_str base_path policy glob",
    "watch": "models criterion log log_freq idx log_graph",
    "unwatch": "models",
    "log_artifact": "artifact_or_path name type aliases tags",
    "use_artifact": "artifact_or_name type aliases use_as",
    "log_model": "path name aliases",
    "use_model": "name",
    "login": "key relogin host force timeout verify referrer prompt",
    "setup": "settings",
    "alert": "title text level wait_duration",
    "mark_preempting": "",
    "sweep": "sweep entity project prior_runs",
    "agent": "sweep_id function entity project count forward_signals term_timeout "
    "max_consecutive_failed_runs",
    "termlog": "string newline repeat prefix",
    "Image": "data_or_path mode caption grouping classes boxes masks file_type",
    "Table": "columns data rows dataframe dtype optional allow_mixed_types log_mode",
    "Histogram": "sequence np_histogram num_bins",
    "Html": "data inject data_is_not_path",
    "Artifact": "name type description metadata incremental use_as storage_region digest_algorithm",
    "plot.line": "table x y stroke title split_table",
    "plot.scatter": "table x y title split_table",
    "plot.bar": "table label value title split_table",
    "plot.histogram": "table value title split_table",
    "plot.line_series": "xs ys keys title xname split_table",
    "plot.confusion_matrix": "probs y_true preds class_names title split_table",
    "plot.roc_curve": "y_true y_probas labels classes_to_plot title split_table",
    "plot.pr_curve": "y_true y_probas labels classes_to_plot interp_size title split_table",
    "Run.log": "self data step commit",
    "Run.finish": "self exit_code",
    "Run.save": "self glob_str base_path policy glob",
    "Run.watch": "self models criterion log log_freq idx log_graph",
    "Run.define_metric": "self name step_metric step_sync hidden summary overwrite",
    "Run.log_artifact": "self artifact_or_path name type aliases tags",
    "Run.log_code": "self root name include_fn exclude_fn",
    "Run.alert": "self title text level wait_duration",
    "Table.add_data": "self data",
    "Table.add_column": "self name data optional",
    "Table.get_column": "self name convert_to",
    "Artifact.add_file": "self local_path name is_tmp skip_cache policy overwrite",
    "Artifact.add_dir": "self local_path name skip_cache policy merge",
    "Artifact.add_reference": "self uri name checksum max_objects",
    "Artifact.new_file": "self name mode encoding policy",
    "Artifact.wait": "self timeout",
    "Config.update": "self d *allow_val_change",
    "Config.setdefaults": "self d",
    "Config.as_dict": "self",
}
DVCLIVE = {
    "Live": "dir resume report save_dvc_exp dvcyaml cache_images exp_name exp_message "
    "monitor_system",
    "Live.log_metric": "self name val timestamp plot",
    "Live.log_param": "self name val",
    "Live.log_params": "self params",
    "Live.log_image": "self name val",
    "Live.log_plot": "self name datapoints x y template title x_label y_label",
    "Live.log_sklearn_plot": "self kind labels predictions name title x_label y_label normalized",
    "Live.log_artifact": "self path type name desc labels meta copy cache",
    "Live.next_step": "self",
    "Live.make_summary": "self",
    "Live.make_report": "self",
    "Live.make_dvcyaml": "self",
    "Live.save_dvc_exp": "self",
    "Live.monitor_system": "self interval num_samples directories_to_monitor",
    "Live.cache": "self",
    "Live.sync": "self",
    "Live.read_step": "self",
    "Live.read_latest": "self",
    "Live.end": "self",
}
CALLS = [
    pytest.param(module, name, words, id=f"{library}.{name}")
    for library, module, calls in (
        ("mlflow", mlflow, MLFLOW),
        ("wandb", wandb, WANDB),
        ("dvclive", dvclive, DVCLIVE),
    )
    for name, words in calls.items()
]


def find(module: object, name: str) -> Callable[..., Any]:
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part)
    assert callable(found)
    return found  # type: ignore[no-any-return]


@pytest.mark.parametrize(("module", "name", "words"), CALLS)
def test_a_call_takes_what_the_real_one_takes(module: object, name: str, words: str) -> None:
    call = find(module, name)
    signature = inspect.signature(call)
    names = words.split()
    positional = [one for one in names if not one.startswith("*")]
    by_name = [one.lstrip("*") for one in names]
    signature.bind(*positional, **{one[1:]: one for one in names if one.startswith("*")})
    if by_name[:1] == ["self"]:
        if _takes_names(signature):
            signature.bind("self", **dict.fromkeys(by_name[1:]))
    else:
        signature.bind(**dict.fromkeys(by_name))
    own = [
        one.name
        for one in signature.parameters.values()
        if one.kind is one.POSITIONAL_OR_KEYWORD and one.name in positional
    ]
    assert own == [one for one in positional if one in own], "in another order"


def _takes_names(signature: inspect.Signature) -> bool:
    """Return whether no parameter but the first is by position alone (``add_data(*data)``)."""
    kinds = [one.kind for one in list(signature.parameters.values())[1:]]
    return not any(
        kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)
        for kind in kinds
    )
