"""Made by ``python -m jupyter_mlops.commands.reference`` from the signatures."""

from os import PathLike
from typing import Literal

from IPython.core.interactiveshell import InteractiveShell

from jupyter_mlops.commands.check import CheckResult
from jupyter_mlops.commands.check_notebooks import CheckNotebooksResult
from jupyter_mlops.commands.ci_doctor import CiDoctorResult
from jupyter_mlops.commands.ci_init import CiInitResult
from jupyter_mlops.commands.ci_post import PostedReport
from jupyter_mlops.commands.ci_pr import CiPrResult
from jupyter_mlops.commands.completion import CompletionScript
from jupyter_mlops.commands.demo import DemoResult
from jupyter_mlops.commands.diff import DiffResult
from jupyter_mlops.commands.doctor import DoctorResult
from jupyter_mlops.commands.erase import EraseResult
from jupyter_mlops.commands.evict import EvictResult
from jupyter_mlops.commands.export import ExportResult
from jupyter_mlops.commands.fetch import FetchResult
from jupyter_mlops.commands.forget import ForgetResult
from jupyter_mlops.commands.gates import GatesResult
from jupyter_mlops.commands.gc import GcResult
from jupyter_mlops.commands.get import GetResult
from jupyter_mlops.commands.help import Help
from jupyter_mlops.commands.import_data import ImportResult
from jupyter_mlops.commands.init import InitResult
from jupyter_mlops.commands.log import LogResult
from jupyter_mlops.commands.metrics_blame import MetricsBlameResult
from jupyter_mlops.commands.metrics_diff import MetricsDiffResult
from jupyter_mlops.commands.metrics_history import MetricsHistoryResult
from jupyter_mlops.commands.metrics_show import MetricsShowResult
from jupyter_mlops.commands.move import MoveResult
from jupyter_mlops.commands.notebook_diff import NotebookDiffResult
from jupyter_mlops.commands.notebook_verdict import VerdictResult
from jupyter_mlops.commands.notebook_verify import VerifyResult
from jupyter_mlops.commands.params_diff import ParamsDiffResult
from jupyter_mlops.commands.plot_results import PlotsResult
from jupyter_mlops.commands.pull import PullResult
from jupyter_mlops.commands.push import PushResult
from jupyter_mlops.commands.remote_add import RemoteAddResult
from jupyter_mlops.commands.remote_list import RemoteListResult
from jupyter_mlops.commands.remote_remove import RemoteRemoveResult
from jupyter_mlops.commands.remote_test import RemoteTestResult
from jupyter_mlops.commands.repair import RepairResult
from jupyter_mlops.commands.report_composed import ReportResult
from jupyter_mlops.commands.resolve import ResolveResult
from jupyter_mlops.commands.restore import RestoreResult
from jupyter_mlops.commands.runs_list import RunsListResult
from jupyter_mlops.commands.runs_show import RunsShowResult
from jupyter_mlops.commands.selftest import SelftestResult
from jupyter_mlops.commands.snapshot import SnapshotResult
from jupyter_mlops.commands.snapshot_branch import SnapshotBranchResult
from jupyter_mlops.commands.snapshot_drop import SnapshotDropResult
from jupyter_mlops.commands.snapshot_name import SnapshotNameResult
from jupyter_mlops.commands.snapshot_note import SnapshotNoteResult
from jupyter_mlops.commands.status import StatusResult
from jupyter_mlops.commands.strip import StripResult
from jupyter_mlops.commands.undo import UndoResult
from jupyter_mlops.commands.untrack import UntrackResult
from jupyter_mlops.commands.update import UpdateResult
from jupyter_mlops.commands.upgrade import UpgradeResult
from jupyter_mlops.commands.why import WhyResult
from jupyter_mlops.errors import ConflictError as ConflictError
from jupyter_mlops.errors import IntegrityError as IntegrityError
from jupyter_mlops.errors import InternalError as InternalError
from jupyter_mlops.errors import MlopsError as MlopsError
from jupyter_mlops.errors import NotFoundError as NotFoundError
from jupyter_mlops.errors import UnavailableError as UnavailableError
from jupyter_mlops.errors import UnsupportedError as UnsupportedError
from jupyter_mlops.errors import UsageError as UsageError
from jupyter_mlops.reading.open import open as open
from jupyter_mlops.reading.open import read_table as read_table
from jupyter_mlops.tracking import Run as Run
from jupyter_mlops.tracking import flush as flush
from jupyter_mlops.tracking import log as log
from jupyter_mlops.tracking import log_artifact as log_artifact
from jupyter_mlops.tracking import log_figure as log_figure
from jupyter_mlops.tracking import log_image as log_image
from jupyter_mlops.tracking import log_metric as log_metric
from jupyter_mlops.tracking import log_metrics as log_metrics
from jupyter_mlops.tracking import log_model as log_model
from jupyter_mlops.tracking import log_note as log_note
from jupyter_mlops.tracking import log_param as log_param
from jupyter_mlops.tracking import log_params as log_params
from jupyter_mlops.tracking import log_table as log_table
from jupyter_mlops.tracking import log_tags as log_tags
from jupyter_mlops.tracking import log_text as log_text
from jupyter_mlops.tracking import next_step as next_step
from jupyter_mlops.tracking import run as run
from jupyter_mlops.tracking import use_data as use_data

__version__: str

def load_ipython_extension(shell: InteractiveShell) -> None: ...
def unload_ipython_extension(shell: InteractiveShell) -> None: ...
def init(
    *,
    store: str | PathLike[str] | None = ...,
    new_store: str | PathLike[str] | None = ...,
) -> InitResult: ...
def doctor() -> DoctorResult: ...
def snapshot(
    *paths: str | PathLike[str],
    message: str | None = ...,
    name: str | None = ...,
    commit: bool = ...,
    keep_mine: bool = ...,
    external: str | None = ...,
) -> SnapshotResult: ...
def snapshot_list(*, limit: int | None = ...) -> LogResult: ...
def snapshot_name(
    snapshot: str,
    name: str | None = ...,
    *,
    remove: bool = ...,
) -> SnapshotNameResult: ...
def snapshot_note(snapshot: str, text: str) -> SnapshotNoteResult: ...
def snapshot_branch(snapshot: str, name: str) -> SnapshotBranchResult: ...
def snapshot_drop(*snapshots: str) -> SnapshotDropResult: ...
def restore(
    revision: str | None = ...,
    *paths: str | PathLike[str],
    code: bool = ...,
    outputs: bool = ...,
    dry_run: bool = ...,
    yes: bool = ...,
) -> RestoreResult: ...
def resolve(*paths: str | PathLike[str], ours: bool = ..., theirs: bool = ...) -> ResolveResult: ...
def status(*paths: str | PathLike[str], external: bool = ...) -> StatusResult: ...
def snapshot_log(*, limit: int | None = ...) -> LogResult: ...
def diff(
    old: str = ...,
    new: str | None = ...,
    *paths: str | PathLike[str],
    rows: bool = ...,
    limit: int = ...,
) -> DiffResult: ...
def push(
    *paths: str | PathLike[str],
    remote: str | None = ...,
    all_branches: bool = ...,
    tags: bool = ...,
    snapshots: list[str] | tuple[str, ...] | None = ...,
    allow_secrets: bool = ...,
    yes: bool = ...,
) -> PushResult: ...
def pull(
    *paths: str | PathLike[str],
    glob: str | None = ...,
    remote: str | None = ...,
    all_branches: bool = ...,
    tags: bool = ...,
    snapshots: list[str] | tuple[str, ...] | None = ...,
    yes: bool = ...,
) -> PullResult: ...
def fetch(
    *paths: str | PathLike[str],
    glob: str | None = ...,
    remote: str | None = ...,
    all_branches: bool = ...,
    tags: bool = ...,
    snapshots: list[str] | tuple[str, ...] | None = ...,
    yes: bool = ...,
) -> FetchResult: ...
def get(
    url: str,
    path: str,
    *,
    rev: str | None = ...,
    output: str | PathLike[str] | None = ...,
    yes: bool = ...,
) -> GetResult: ...
def import_data(
    url: str,
    path: str,
    *,
    rev: str | None = ...,
    output: str | None = ...,
    yes: bool = ...,
) -> ImportResult: ...
def update(
    *paths: str | PathLike[str],
    rev: str | None = ...,
    theirs: bool = ...,
    yes: bool = ...,
) -> UpdateResult: ...
def export(revision: str, destination: str, *paths: str | PathLike[str]) -> ExportResult: ...
def remote_add(name: str, url: str) -> RemoteAddResult: ...
def remote_list() -> RemoteListResult: ...
def remote_remove(name: str) -> RemoteRemoveResult: ...
def remote_test(name: str | None = ..., *, yes: bool = ...) -> RemoteTestResult: ...
def gc(
    *,
    remote: str | None = ...,
    dry_run: bool = ...,
    grace_hours: float | None = ...,
    trash_days: float = ...,
    even_all: bool = ...,
) -> GcResult: ...
def evict(*, remote: str | None = ..., dry_run: bool = ...) -> EvictResult: ...
def erase(
    *paths: str | PathLike[str],
    rev: str | None = ...,
    hash: list[str] | tuple[str, ...] = ...,
    reason: str | None = ...,
    remote: list[str] | tuple[str, ...] = ...,
    local_only: bool = ...,
    lift: bool = ...,
    dry_run: bool = ...,
    yes: bool = ...,
) -> EraseResult: ...
def forget(
    *,
    keep_last: int = ...,
    keep_hourly: int = ...,
    keep_daily: int = ...,
    keep_weekly: int = ...,
    keep_monthly: int = ...,
    keep_yearly: int = ...,
    keep_named: bool = ...,
    dry_run: bool = ...,
) -> ForgetResult: ...
def undo() -> UndoResult: ...
def untrack(path: str | PathLike[str]) -> UntrackResult: ...
def move(old: str | PathLike[str], new: str | PathLike[str]) -> MoveResult: ...
def metrics_show(revision: str | None = ...) -> MetricsShowResult: ...
def metrics_diff(old: str | None = ..., new: str | None = ...) -> MetricsDiffResult: ...
def metrics_history(
    *,
    metric: list[str] | tuple[str, ...] = ...,
    branch: list[str] | tuple[str, ...] = ...,
    all_branches: bool = ...,
    limit: int | None = ...,
    html: str | PathLike[str] | None = ...,
) -> MetricsHistoryResult: ...
def metrics_blame(
    name: str,
    *,
    branch: str | None = ...,
    limit: int = ...,
) -> MetricsBlameResult: ...
def why(old: str | None = ..., new: str | None = ...) -> WhyResult: ...
def runs_list(
    *,
    limit: int = ...,
    state: list[str] | tuple[str, ...] = ...,
    latest: bool = ...,
) -> RunsListResult: ...
def runs_show(
    run: str,
    *,
    metric: list[str] | tuple[str, ...] = ...,
    limit: int = ...,
    points: int = ...,
) -> RunsShowResult: ...
def params_diff(old: str | None = ..., new: str | None = ...) -> ParamsDiffResult: ...
def plots_show(
    revision: str | None = ...,
    *,
    plot: list[str] | tuple[str, ...] = ...,
    html: str | PathLike[str] | None = ...,
) -> PlotsResult: ...
def plots_diff(
    old: str | None = ...,
    *new: str,
    plot: list[str] | tuple[str, ...] = ...,
    html: str | PathLike[str] | None = ...,
) -> PlotsResult: ...
def ci_init(
    *,
    github: bool = ...,
    gitlab: bool = ...,
    bitbucket: bool = ...,
    azure: bool = ...,
    forks: bool = ...,
    force: bool = ...,
) -> CiInitResult: ...
def ci_doctor() -> CiDoctorResult: ...
def ci_comment(
    *files: str | PathLike[str],
    name: str = ...,
    job: str | None = ...,
    status: Literal["pending", "success", "failure", "error", "cancelled", "skipped"] | None = ...,
    dry_run: bool = ...,
) -> PostedReport: ...
def ci_pr(
    *paths: str | PathLike[str],
    title: str = ...,
    body: str | PathLike[str] | None = ...,
    base: str | None = ...,
    branch: str | None = ...,
) -> CiPrResult: ...
def strip(*paths: str | PathLike[str], check: bool = ...) -> StripResult: ...
def notebook_diff(
    old: str = ...,
    new: str | None = ...,
    *notebooks: str | PathLike[str],
) -> NotebookDiffResult: ...
def notebook_verdict(*notebooks: str | PathLike[str], rev: str | None = ...) -> VerdictResult: ...
def notebook_verify(
    revision: str,
    *notebooks: str | PathLike[str],
    tolerance: float = ...,
    timeout: int | None = ...,
) -> VerifyResult: ...
def check_notebooks(
    *paths: str | PathLike[str],
    execute: bool = ...,
    repeat: int = ...,
    select: list[str] | tuple[str, ...] = ...,
    ignore: list[str] | tuple[str, ...] = ...,
    fast: bool = ...,
    format: Literal["text", "json", "junit", "sarif", "github", "codequality"] = ...,
    base: str | None = ...,
    timeout: int | None = ...,
    kernel: str | None = ...,
    parameter: list[str] | tuple[str, ...] = ...,
    tolerance: float | None = ...,
    allow_errors: bool = ...,
    yes: bool = ...,
) -> CheckNotebooksResult: ...
def report(
    *,
    base: str | None = ...,
    execute: bool = ...,
    format: Literal["text", "md", "html", "json"] = ...,
    name: str = ...,
    post: bool = ...,
    job: str | None = ...,
    most_characters: int | None = ...,
    yes: bool = ...,
) -> ReportResult: ...
def gates(
    *,
    base: str | None = ...,
    update_ratchet: bool = ...,
    yes: bool = ...,
) -> GatesResult: ...
def demo(folder: str | PathLike[str] = ...) -> DemoResult: ...
def check(*, read_data: bool = ..., remote: str | None = ...) -> CheckResult: ...
def repair(*, remote: str | None = ..., yes: bool = ...) -> RepairResult: ...
def selftest(
    folder: str | PathLike[str] = ...,
    *,
    seconds: int = ...,
    seed: int | None = ...,
) -> SelftestResult: ...
def upgrade() -> UpgradeResult: ...
def help(*words: str) -> Help: ...
def completion(shell: Literal["bash", "zsh"]) -> CompletionScript: ...
