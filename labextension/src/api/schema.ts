// Made by `python -m jupyter_mlops.commands.reference` from the commands' own signatures.

export interface BlamedCommit {
  commit: string;
  previous: string;
  committed_at: string;
  author: string | null;
  subject: string;
  old: number;
  new: number;
  delta: number | null;
  better: boolean | null;
  differences: Difference[];
  unknown: string[];
  command: string;
}

export interface CellChange {
  change: 'added' | 'edited' | 'moved' | 'removed';
  cell_type: string;
  id: string | null;
  old_index: number | null;
  new_index: number | null;
  moved: boolean;
  fields: FieldChange[];
  hunks: Hunk[];
}

export interface CellDifference {
  column: string;
  old: string | null;
  new: string | null;
}

export interface CellPlace {
  index: number;
  id: string | null;
}

export interface ChangedLine {
  sign: ' ' | '+' | '-';
  text: string;
  marks: [number, number][];
}

export interface CheckResult {
  ok: boolean;
  packs: number;
  chunks: number;
  damaged: Damage[];
  pointers: number;
  absent: number;
  read_data: boolean;
  elsewhere: number;
  erased: number;
  remote: string | null;
}

export interface CompletionScript {
  shell: 'bash' | 'zsh';
  script: string;
}

export interface Damage {
  what: string;
  id: string;
  why: string;
  paths: string[];
  snapshots: string[];
}

export interface DiffResult {
  paths: PathDiff[];
  unknown: string[];
}

export interface Difference {
  kind: 'code' | 'data' | 'duration' | 'environment' | 'hardware' | 'parameter' | 'seed';
  name: string;
  change: string;
  share: number;
  old: string | null;
  new: string | null;
  command: string | null;
  rows: RowChanges | null;
}

export interface DoctorResult {
  findings: Finding[];
}

export interface Drawing {
  columns: number;
  lanes: number;
  branches: string[];
  styled: number;
  authors: string[];
  metrics: DrawnMetric[];
  left_out: number;
  dots: DrawnDots;
  edges: DrawnEdges;
  lines: number[][];
  tags: DrawnTags[];
  production: string | null;
}

export interface DrawnDots {
  column: number[];
  lane: number[];
  branch: number[];
  others: number[];
  commit: (string | null)[];
  snapshot: (string | null)[];
  subject: string[];
  author: number[];
  when: string[];
  previous: number[];
}

export interface DrawnEdges {
  parent: number[];
  child: number[];
  merge: boolean[];
}

export interface DrawnMetric {
  name: string;
  label: string;
  way: 'higher' | 'lower' | null;
  values: (number | null)[];
  production: number | null;
}

export interface DrawnPlot {
  name: string;
  title: string;
  template:
    'bar' | 'confusion' | 'histogram' | 'image' | 'line' | 'pr' | 'residuals' | 'roc' | 'scatter';
  source: string;
  x_label: string;
  y_label: string;
  mode: 'bars' | 'dots' | 'line' | 'outline';
  scale: 'category' | 'number' | 'time';
  categories: string[];
  guide: 'diagonal' | 'zero' | null;
  traces: PlotTrace[];
  matrices: PlotMatrix[];
  images: PlotImage[];
  notes: string[];
  same: boolean;
}

export interface DrawnTags {
  dot: number;
  names: string[];
}

export interface EraseResult {
  done: boolean;
  lifted: boolean;
  hashes: string[];
  referrers: ReferrerResult[];
  shared_bytes: number;
  sharers: ReferrerResult[];
  packs: number;
  destroyed_bytes: number;
  remotes: RemoteResult[];
  in_worktree: string[];
  in_alternates: string[];
  in_git: string[];
  unread: string[];
  confirmation: string | null;
}

export interface EvictResult {
  done: boolean;
  freed_bytes: number;
  only_here_bytes: number;
  remote: string | null;
}

export interface FetchResult {
  remote: string;
  packs: number;
  chunks: number;
  bytes: number;
  snapshots: number;
  up_to_date: boolean;
  waiting: number;
  refused: string[];
  absent: number;
  erased: string[];
}

export interface FieldChange {
  key: string;
  old: string | null;
  new: string | null;
}

export interface Finding {
  rule: string;
  severity: 'error' | 'warning';
  why: string;
  fix: string;
  notebook: string | null;
  cell: CellPlace | null;
  subject: string | null;
  value: number | null;
  limit: number | null;
  file: string | null;
}

export interface ForgetResult {
  done: boolean;
  dropped: ForgetSnapshot[];
  kept: ForgetSnapshot[];
}

export interface ForgetSnapshot {
  id: string;
  name: string | null;
  created_at: string;
  message: string | null;
  kept_by: string[];
}

export interface GatesResult {
  judged: Judged[];
  findings: Finding[];
  notes: string[];
  raised: RaisedBar[];
}

export interface GcResult {
  done: boolean;
  trashed_bytes: number;
  rewritten_bytes: number;
  purged_bytes: number;
  taken_back_bytes: number;
  kept_bytes: number;
  waiting_bytes: number;
  trash_bytes: number;
  forgotten: string[];
  packs: PackResult[];
  remote: string | null;
}

export interface Help {
  usage: string;
  summary: string;
  details: string[];
  commands: HelpLine[];
  arguments: HelpLine[];
  options: HelpLine[];
}

export interface HelpLine {
  words: string;
  text: string;
}

export interface Hunk {
  old_start: number;
  new_start: number;
  lines: ChangedLine[];
}

export interface InitResult {
  root: string;
  done: string[];
  to_commit: string[];
  in_the_way: string[];
  remotes: string[];
}

export interface Judged {
  metric: string;
  bound: string;
  value: number | null;
  limit: number | null;
  kept: boolean | null;
}

export interface LeftOutResult {
  path: string;
  why: string;
}

export interface Level {
  label: string;
  values: Record<string, number>;
}

export interface LogResult {
  snapshots: LoggedSnapshot[];
}

export interface LoggedSnapshot {
  id: string;
  name: string | null;
  base: string | null;
  branches: string[];
  message: string | null;
  created_at: string;
  metrics: Record<string, number>;
  params: Record<string, string | number | boolean | null>;
  automatic: boolean;
  paths: string[];
  remote: string | null;
}

export interface MetricChange {
  name: string;
  old: number | null;
  new: number | null;
  delta: number | null;
  better: boolean | null;
}

export interface MetricResult {
  name: string;
  label: string;
  better: 'higher' | 'lower' | null;
}

export interface MetricsBlameResult {
  metric: string;
  branch: string | null;
  noise: Noise | null;
  points: number;
  moves: number;
  blamed: number;
  commits: BlamedCommit[];
  is_shallow: boolean;
  problems: Problem[];
}

export interface MetricsChartResult {
  bokeh: string;
  item: Record<string, unknown> | null;
  drawing: Drawing;
  metrics: MetricResult[];
  points: number;
  current: string | null;
  problems: Problem[];
  shallow: boolean;
}

export interface MetricsDiffResult {
  old: string | null;
  new: string | null;
  changes: MetricChange[];
  old_commit: string | null;
  new_commit: string | null;
  problems: Problem[];
}

export interface MetricsHistoryResult {
  branches: string[];
  points: Point[];
  metrics: MetricResult[];
  current: string | null;
  problems: Problem[];
  html: string | null;
  shallow: boolean;
  production: Level | null;
}

export interface MetricsShowResult {
  revision: string | null;
  values: Record<string, number>;
  commit: string | null;
  problems: Problem[];
}

export interface MoveResult {
  old: string;
  new: string;
  hints: string[];
}

export interface Noise {
  level: number;
  basis: 'all' | 'unchanged';
  moves: number;
}

export interface NotebookDiff {
  path: string;
  old_path: string | null;
  change: 'added' | 'edited' | 'removed';
  problem: string | null;
  fields: FieldChange[];
  cells: CellChange[];
}

export interface NotebookDiffResult {
  old: string | null;
  new: string | null;
  notebooks: NotebookDiff[];
}

export interface NotebookResult {
  path: string;
  saved: boolean;
  why: string | null;
}

export interface NotebookVerdict {
  path: string;
  verdict: VerdictWord;
  run: VerdictWord;
  why: string;
  cells: VerdictCell[];
  order: number[];
  replay: string | null;
  replayed_at: string | null;
  not_saved_since: boolean;
}

export interface PackResult {
  pack: string;
  fate: 'kept' | 'rewritten' | 'trashed';
  why: string;
  size_bytes: number;
  needed_bytes: number;
  waiting_bytes: number;
  gone_bytes: number;
}

export interface ParamChange {
  name: string;
  old: string | number | boolean | null;
  new: string | number | boolean | null;
}

export interface ParamsDiffResult {
  old: string | null;
  new: string | null;
  changes: ParamChange[];
  old_commit: string | null;
  new_commit: string | null;
  problems: Problem[];
}

export interface PathDiff {
  path: string;
  added: string[];
  deleted: string[];
  modified: string[];
  renamed: [string, string][];
  rows: TableDiff[] | null;
}

export interface PlotImage {
  side: number;
  media_type: string;
  width: number | null;
  height: number | null;
  size_bytes: number;
  content: string | null;
}

export interface PlotMatrix {
  label: string;
  side: number;
  minus: number | null;
  counts: number[][];
}

export interface PlotProblem {
  name: string;
  revisions: (string | null)[];
  why: string;
  hint: string | null;
}

export interface PlotSide {
  label: string;
  revision: string | null;
  commit: string | null;
}

export interface PlotTrace {
  label: string;
  side: number;
  style: number;
  x: (number | null)[];
  y: (number | null)[];
  count: number;
}

export interface PlotsResult {
  revisions: PlotSide[];
  plots: DrawnPlot[];
  unchanged: string[];
  problems: PlotProblem[];
  html: string | null;
}

export interface Point {
  commit: string | null;
  snapshot: string | null;
  branches: string[];
  committed_at: string;
  subject: string;
  values: Record<string, number>;
  author: string | null;
  parents: number[];
  previous: number | null;
  dvc_experiment: string | null;
  tags: string[];
}

export interface Problem {
  path: string;
  why: string;
  where: string | null;
  versions: number;
}

export interface PullResult {
  remote: string;
  packs: number;
  chunks: number;
  bytes: number;
  snapshots: number;
  up_to_date: boolean;
  written: number;
  left: string[];
  outputs: string[];
  set_up: string[];
  waiting: number;
  refused: string[];
  absent: number;
  erased: string[];
  left_out: string[];
}

export interface PushResult {
  remote: string;
  packs: number;
  chunks: number;
  bytes: number;
  snapshots: number;
  up_to_date: boolean;
  absent: number;
  not_committed: number;
  bundles: string[];
  git_remote: string | null;
  refusal: string | null;
  unnamed: number;
  erased: string[];
  held_back: string[];
  held_snapshots: string[];
}

export interface RaisedBar {
  metric: string;
  old: number | null;
  new: number;
}

export interface ReferrerResult {
  path: string;
  hash: string;
  size_bytes: number | null;
  commits: string[];
  refs: string[];
}

export interface RemoteAddResult {
  name: string;
  url: string;
  is_default: boolean;
}

export interface RemoteListResult {
  remotes: RemoteResult[];
}

export interface RemoteRemoveResult {
  name: string;
  url: string;
}

export interface RemoteResult {
  name: string;
  failure: string | null;
  packs: number;
  destroyed_bytes: number;
  shared_bytes: number;
  holders: string[];
  not_fetched: number;
}

export interface RemoteTestResult {
  name: string;
  url: string;
  works: boolean;
  trials: TrialResult[];
  hints: string[];
}

export interface RepairResult {
  done: boolean;
  rebuilt: string[];
  saved_records: number;
  quarantined: string[];
  taken_back: Damage[];
  remaining: Damage[];
  fetched: Damage[];
  pushed_records: number;
  remote: string | null;
}

export interface ResolveResult {
  paths: string[];
  files_taken: string[];
  hints: string[];
  conclude: string;
}

export interface RestoreResult {
  revision: string | null;
  written: number;
  deleted: number;
  unchanged: number;
  saved_as: string | null;
  dry_run: boolean;
  paths: RestoredPath[];
  code: string[];
  outputs: string[];
  code_saved_as: string | null;
  set_up: string[];
  erased: string[];
}

export interface RestoredPath {
  path: string;
  written: number;
  deleted: number;
  unchanged: number;
  written_bytes: number;
}

export interface RowChanges {
  old_rows: number;
  new_rows: number;
  added: number;
  removed: number;
  changed: number;
  key: string | null;
  reordered: boolean;
  columns_added: string[];
  columns_removed: string[];
  types: TypeChange[];
  columns: number;
  examples: RowExample[];
}

export interface RowExample {
  change: 'added' | 'changed' | 'removed';
  old_row: number | null;
  new_row: number | null;
  key: string | null;
  cells: CellDifference[];
}

export interface RunResult {
  name: string;
  id: string;
  state: 'died' | 'done' | 'failed' | 'running';
  why: string | null;
  began_at: string;
  last_at: string;
  elapsed_seconds: number;
  progress: string | null;
  step: number | null;
  values: Record<string, number>;
  commit: string | null;
  branch: string | null;
  source: string | null;
  processes: number;
  damaged_lines: number;
}

export interface RunsListResult {
  runs: RunResult[];
  problems: Problem[];
}

export interface RunsShowResult {
  run: RunResult;
  params: Record<string, string | number | boolean | null>;
  tags: string[];
  notes: string[];
  series: SeriesResult[];
  others: string[];
}

export interface SeriesResult {
  name: string;
  label: string;
  way: 'higher' | 'lower' | null;
  last: number;
  points: number;
  steps: number[];
  values: (number | null)[];
  committed: number | null;
  better: boolean | null;
}

export interface SnapshotBranchResult {
  id: string;
  branch: string;
  commit: string;
}

export interface SnapshotDropResult {
  dropped: string[];
}

export interface SnapshotNameResult {
  id: string;
  name: string | null;
}

export interface SnapshotNoteResult {
  id: string;
  message: string | null;
}

export interface SnapshotPathResult {
  path: string;
  kind: string;
  hash: string;
  files: number;
  size_bytes: number;
}

export interface SnapshotResult {
  id: string;
  name: string | null;
  base: string | null;
  commit: string | null;
  paths: SnapshotPathResult[];
  new_bytes: number;
  stored_bytes: number;
  left_out: LeftOutResult[];
  hints: string[];
  notebook: NotebookResult | null;
  changed_imports: string[];
  outputs_not_kept: string[];
  notebooks_in_conflict: string[];
}

export type State = 'behind' | 'changed' | 'clean' | 'diverged' | 'missing';

export interface StatusResult {
  branch: string | null;
  head: string | null;
  tracked: TrackedResult[];
  not_pushed: number;
  only_copy_here: number;
  notebooks_with_outputs: string[];
  trash_bytes: number;
  unneeded_bytes: number;
  stores_out_of_reach: string[];
  files_out_of_reach: number | null;
  remotes: string[];
  not_committed: number;
  not_pulled: number;
  outputs_not_kept: string[];
}

export interface StripResult {
  stripped: string[];
  unchanged: number;
  left: Unstrippable[];
  kept: boolean;
  check: boolean;
}

export interface TableDiff {
  file: string;
  changes: RowChanges;
}

export interface TrackedResult {
  path: string;
  state: State;
  files_changed: number | null;
  files_added: number | null;
  files_deleted: number | null;
  size_bytes: number | null;
  in_conflict: boolean;
  files_in_conflict: string[];
  external: string | null;
  external_changes: number | null;
  imported_from: string | null;
  pushed: boolean;
  pulled: boolean;
  files_erased: number;
}

export interface TrialResult {
  ability: string;
  failure: string | null;
}

export interface TypeChange {
  column: string;
  old: string;
  new: string;
}

export interface UndoResult {
  command: string[];
  at: string;
  files: string[];
  refs: string[];
  written: number;
  deleted: number;
  hints: string[];
}

export interface Unstrippable {
  path: string;
  why: string;
}

export interface UntrackResult {
  path: string;
  hints: string[];
}

export interface UpdateResult {
  paths: UpdatedPath[];
  saved_as: string | null;
  hints: string[];
}

export interface UpdatedPath {
  path: string;
  url: string;
  rev: string | null;
  old_commit: string;
  commit: string;
  up_to_date: boolean;
  added: string[] | null;
  deleted: string[] | null;
  modified: string[] | null;
  renamed: [string, string][] | null;
}

export interface UpgradeResult {
  before: number;
  after: number;
}

export interface VerdictCell {
  role:
    | 'deleted'
    | 'edited'
    | 'failed'
    | 'not ended'
    | 'not run'
    | 'out of order'
    | 'ran again'
    | 'skipped';
  cell: number | null;
  id: string | null;
  source: string;
}

export interface VerdictResult {
  revision: string | null;
  notebooks: NotebookVerdict[];
}

export type VerdictWord =
  | 'clean'
  | 'failed replay'
  | 'out of order, replayable'
  | 'unknown'
  | 'used deleted or edited code'
  | 'verified';

export interface WhyResult {
  old: string | null;
  new: string | null;
  metrics: MetricChange[];
  differences: Difference[];
  unknown: string[];
  unrecorded: string[];
  old_commit: string | null;
  new_commit: string | null;
  problems: Problem[];
}

export interface ICommands {
  init: {
    method: 'POST';
    parameters: Record<string, never>;
    result: InitResult;
  };
  doctor: {
    method: 'GET';
    parameters: Record<string, never>;
    result: DoctorResult;
  };
  snapshot: {
    method: 'POST';
    parameters: {
      paths?: string[];
      message?: string | null;
      name?: string | null;
      commit?: boolean;
      keep_mine?: boolean;
    };
    result: SnapshotResult;
  };
  'snapshot/list': {
    method: 'GET';
    parameters: {
      limit?: number | null;
    };
    result: LogResult;
  };
  'snapshot/name': {
    method: 'POST';
    parameters: {
      snapshot: string;
      name?: string | null;
      remove?: boolean;
    };
    result: SnapshotNameResult;
  };
  'snapshot/note': {
    method: 'POST';
    parameters: {
      snapshot: string;
      text: string;
    };
    result: SnapshotNoteResult;
  };
  'snapshot/branch': {
    method: 'POST';
    parameters: {
      snapshot: string;
      name: string;
    };
    result: SnapshotBranchResult;
  };
  'snapshot/drop': {
    method: 'POST';
    parameters: {
      snapshots: string[];
    };
    result: SnapshotDropResult;
  };
  restore: {
    method: 'POST';
    parameters: {
      revision?: string | null;
      paths?: string[];
      code?: boolean;
      outputs?: boolean;
      dry_run?: boolean;
      yes?: boolean;
    };
    result: RestoreResult;
  };
  resolve: {
    method: 'POST';
    parameters: {
      paths?: string[];
      ours?: boolean;
      theirs?: boolean;
    };
    result: ResolveResult;
  };
  status: {
    method: 'GET';
    parameters: {
      paths?: string[];
      external?: boolean;
    };
    result: StatusResult;
  };
  log: {
    method: 'GET';
    parameters: {
      limit?: number | null;
    };
    result: LogResult;
  };
  diff: {
    method: 'GET';
    parameters: {
      old?: string;
      new?: string | null;
      paths?: string[];
      rows?: boolean;
      limit?: number;
    };
    result: DiffResult;
  };
  push: {
    method: 'POST';
    parameters: {
      paths?: string[];
      remote?: string | null;
      all_branches?: boolean;
      tags?: boolean;
      snapshots?: string[] | null;
      allow_secrets?: boolean;
      yes?: boolean;
    };
    result: PushResult;
  };
  pull: {
    method: 'POST';
    parameters: {
      paths?: string[];
      glob?: string | null;
      remote?: string | null;
      all_branches?: boolean;
      tags?: boolean;
      snapshots?: string[] | null;
      yes?: boolean;
    };
    result: PullResult;
  };
  fetch: {
    method: 'POST';
    parameters: {
      paths?: string[];
      glob?: string | null;
      remote?: string | null;
      all_branches?: boolean;
      tags?: boolean;
      snapshots?: string[] | null;
      yes?: boolean;
    };
    result: FetchResult;
  };
  update: {
    method: 'POST';
    parameters: {
      paths?: string[];
      rev?: string | null;
      theirs?: boolean;
      yes?: boolean;
    };
    result: UpdateResult;
  };
  'remote/add': {
    method: 'POST';
    parameters: {
      name: string;
      url: string;
    };
    result: RemoteAddResult;
  };
  'remote/list': {
    method: 'GET';
    parameters: Record<string, never>;
    result: RemoteListResult;
  };
  'remote/remove': {
    method: 'POST';
    parameters: {
      name: string;
    };
    result: RemoteRemoveResult;
  };
  'remote/test': {
    method: 'POST';
    parameters: {
      name?: string | null;
      yes?: boolean;
    };
    result: RemoteTestResult;
  };
  gc: {
    method: 'POST';
    parameters: {
      remote?: string | null;
      dry_run?: boolean;
      grace_hours?: number | null;
      trash_days?: number;
      even_all?: boolean;
    };
    result: GcResult;
  };
  evict: {
    method: 'POST';
    parameters: {
      remote?: string | null;
      dry_run?: boolean;
    };
    result: EvictResult;
  };
  erase: {
    method: 'POST';
    parameters: {
      paths?: string[];
      rev?: string | null;
      hash?: string[];
      reason?: string | null;
      remote?: string[];
      local_only?: boolean;
      lift?: boolean;
      dry_run?: boolean;
      yes?: boolean;
    };
    result: EraseResult;
  };
  forget: {
    method: 'POST';
    parameters: {
      keep_last?: number;
      keep_hourly?: number;
      keep_daily?: number;
      keep_weekly?: number;
      keep_monthly?: number;
      keep_yearly?: number;
      keep_named?: boolean;
      dry_run?: boolean;
    };
    result: ForgetResult;
  };
  undo: {
    method: 'POST';
    parameters: Record<string, never>;
    result: UndoResult;
  };
  untrack: {
    method: 'POST';
    parameters: {
      path: string;
    };
    result: UntrackResult;
  };
  move: {
    method: 'POST';
    parameters: {
      old: string;
      new: string;
    };
    result: MoveResult;
  };
  'metrics/show': {
    method: 'GET';
    parameters: {
      revision?: string | null;
    };
    result: MetricsShowResult;
  };
  'metrics/diff': {
    method: 'GET';
    parameters: {
      old?: string | null;
      new?: string | null;
    };
    result: MetricsDiffResult;
  };
  'metrics/history': {
    method: 'GET';
    parameters: {
      metric?: string[];
      branch?: string[];
      all_branches?: boolean;
      limit?: number | null;
    };
    result: MetricsHistoryResult;
  };
  'metrics/blame': {
    method: 'GET';
    parameters: {
      name: string;
      branch?: string | null;
      limit?: number;
    };
    result: MetricsBlameResult;
  };
  'metrics/chart': {
    method: 'GET';
    parameters: {
      metric?: string[];
      branch?: string[];
      all_branches?: boolean;
      limit?: number | null;
    };
    result: MetricsChartResult;
  };
  why: {
    method: 'GET';
    parameters: {
      old?: string | null;
      new?: string | null;
    };
    result: WhyResult;
  };
  'runs/list': {
    method: 'GET';
    parameters: {
      limit?: number;
      state?: string[];
      latest?: boolean;
    };
    result: RunsListResult;
  };
  'runs/show': {
    method: 'GET';
    parameters: {
      run: string;
      metric?: string[];
      limit?: number;
      points?: number;
    };
    result: RunsShowResult;
  };
  'params/diff': {
    method: 'GET';
    parameters: {
      old?: string | null;
      new?: string | null;
    };
    result: ParamsDiffResult;
  };
  'plots/show': {
    method: 'GET';
    parameters: {
      revision?: string | null;
      plot?: string[];
    };
    result: PlotsResult;
  };
  'plots/diff': {
    method: 'GET';
    parameters: {
      old?: string | null;
      new?: string[];
      plot?: string[];
    };
    result: PlotsResult;
  };
  strip: {
    method: 'POST';
    parameters: {
      paths?: string[];
      check?: boolean;
    };
    result: StripResult;
  };
  'notebook/diff': {
    method: 'GET';
    parameters: {
      old?: string;
      new?: string | null;
      notebooks?: string[];
    };
    result: NotebookDiffResult;
  };
  'notebook/verdict': {
    method: 'GET';
    parameters: {
      notebooks?: string[];
      rev?: string | null;
    };
    result: VerdictResult;
  };
  gates: {
    method: 'POST';
    parameters: {
      base?: string | null;
      update_ratchet?: boolean;
      yes?: boolean;
    };
    result: GatesResult;
  };
  check: {
    method: 'GET';
    parameters: {
      read_data?: boolean;
      remote?: string | null;
    };
    result: CheckResult;
  };
  repair: {
    method: 'POST';
    parameters: {
      remote?: string | null;
      yes?: boolean;
    };
    result: RepairResult;
  };
  upgrade: {
    method: 'POST';
    parameters: Record<string, never>;
    result: UpgradeResult;
  };
  help: {
    method: 'GET';
    parameters: {
      words?: string[];
    };
    result: Help;
  };
  completion: {
    method: 'GET';
    parameters: {
      shell: 'bash' | 'zsh';
    };
    result: CompletionScript;
  };
}
