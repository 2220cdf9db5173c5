import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';
import type { Client, IProblem, IWatch } from '../api/client';
import type { IChanged, What } from '../api/events';
import type { LogResult, MetricsChartResult, StatusResult, VerdictResult } from '../api/schema';
import { asProblem, isPassing } from './problem';
import { RunningModel } from './running';

/** What is read in rounds; runs are read at a pace of their own. */
type Read = 'status' | 'log' | 'chart' | 'verdicts';
export type Part = Read | 'runs';

const ALL: readonly Part[] = ['status', 'log', 'chart', 'verdicts', 'runs'];
const PARTS_OF: Record<What, readonly Part[]> = {
  git: ALL,
  store: ALL,
  run: ['runs'],
  config: ALL,
  project: ALL
};
const RENEWALS_PER_LEASE = 2;
const UNREACHABLE_SECONDS = 10;
const NEWEST_POINTS = 500;
/** How soon the status is read after a run has logged: one that goes on logs all the time. */
const STATUS_MILLISECONDS = 3000;

/** What the user chose to see; kept by the settings and the saved layout. */
export interface IView {
  /** The full names of the metrics that are drawn, one above the other; the most telling one where there are none. */
  metrics: readonly string[];
  /** Branches that are not drawn; an empty text stands for all that have no look of their own. */
  hidden: readonly string[];
  /** Branches that have a look of their own because the user said so. */
  broughtOut: readonly string[];
  /** Remote-tracking branches as well. */
  allBranches: boolean;
  /** How many points are asked for, the newest ones. */
  newest: number;
}

/**
 * The project that the user works in, as far as somebody looks.
 *
 * While it is visible it says so to the server, reads what the server says has moved, and emits
 * `changed`. While it is hidden it asks for nothing and listens to nothing.
 */
export class ProjectModel implements IDisposable {
  constructor(
    readonly client: Client,
    private readonly _page: string
  ) {
    this.running = new RunningModel(client, () => this._changed.emit(undefined));
  }

  readonly running: RunningModel;

  get changed(): ISignal<this, undefined> {
    return this._changed;
  }

  /** The folder that is looked at, relative to the server's root. */
  get at(): string {
    return this._at;
  }

  /** The project of that folder; null before the server has answered. */
  get watch(): IWatch | null {
    return this._watch;
  }

  get status(): StatusResult | null {
    return this._status;
  }

  get log(): LogResult | null {
    return this._log;
  }

  get chart(): MetricsChartResult | null {
    return this._chart;
  }

  get verdicts(): VerdictResult | null {
    return this._verdicts;
  }

  /** The folder of the project, or the folder that is looked at where it is in none. */
  get root(): string {
    return this._watch?.project ?? this._at;
  }

  /** Why there is nothing to show. */
  get problem(): IProblem | null {
    return this._problem ?? (this._hasData ? null : this._trouble);
  }

  /** Why what is shown may be old. */
  get trouble(): IProblem | null {
    return this._trouble;
  }

  /** Why one part could not be read. */
  problemOf(part: Read): IProblem | null {
    return this._problems.get(part) ?? null;
  }

  get isReading(): boolean {
    return this._reading || !this._known;
  }

  get isVisible(): boolean {
    return this._visible;
  }

  get view(): IView {
    return this._view;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  dispose(): void {
    if (!this._disposed) {
      this.hide();
      this._disposed = true;
      Signal.clearData(this);
    }
  }

  /** Somebody looks from now on. */
  show(): void {
    if (!this._visible && !this._disposed) {
      this._visible = true;
      if (this._isPlaced) {
        void this._look(true);
      }
    }
  }

  /** Nobody looks any more. */
  hide(): void {
    if (this._visible) {
      this._visible = false;
      this._stopRenewing();
      clearTimeout(this._statusSoon);
      this._statusSoon = undefined;
      this._asked.clear();
      this.running.stop();
      if (this._watch !== null) {
        this.client.unwatch(this._page).catch(() => undefined);
      }
    }
  }

  /** Look at this folder from now on; nothing is looked at before the first one is known. */
  follow(at: string): void {
    if (at !== this._at || !this._isPlaced) {
      this._at = at;
      this._isPlaced = true;
      this._known = false;
      if (this._visible) {
        void this._look(true);
      }
    }
  }

  /** Change what is shown, and read what that needs. */
  choose(view: Partial<IView>): void {
    const before = this._view;
    this._view = { ...before, ...view };
    const { metrics, allBranches, newest } = this._view;
    if (
      !isSame(metrics, before.metrics) ||
      allBranches !== before.allBranches ||
      newest !== before.newest
    ) {
      this.refresh(['chart']);
    }
    this._changed.emit(undefined);
  }

  /** Read some parts again, where there is something to read. */
  refresh(parts: readonly Part[] = ALL): void {
    if (!this._visible || !this._canRead) {
      return;
    }
    for (const part of parts) {
      if (part === 'runs') {
        this.running.refresh(this._at);
      } else {
        this._asked.add(part);
      }
    }
    void this._readAsked();
  }

  /** Look at everything again, also where there was nothing to look at. */
  retry(): void {
    if (this._visible && this._isPlaced) {
      void this._look(true);
    }
  }

  /** Take what the server's event stream says. */
  hear({ project, what }: IChanged): void {
    if (!this._visible || this._watch === null || project !== (this._watch.project ?? this._at)) {
      return;
    }
    if (what.includes('project') || what.includes('config')) {
      void this._look(true);
    } else {
      this.refresh([...new Set(what.flatMap(one => PARTS_OF[one]))]);
      if (what.includes('run')) {
        this._statusSoon ??= setTimeout(() => {
          this._statusSoon = undefined;
          this.refresh(['status']);
        }, STATUS_MILLISECONDS);
      }
    }
  }

  /**
   * Say that somebody looks, and go on saying so in time. Read everything where the folder
   * `isNew`, or where it could not be read before.
   */
  private async _look(isNew: boolean): Promise<void> {
    const turn = ++this._turn;
    this._stopRenewing();
    let watch: IWatch | null = null;
    let trouble: IProblem | null = null;
    try {
      watch = await this.client.watch(this._at, this._page);
    } catch (error) {
      trouble = asProblem(error);
    }
    if (!this._visible) {
      this.client.unwatch(this._page).catch(() => undefined);
      return;
    }
    if (turn !== this._turn) {
      return;
    }
    const seconds = watch ? watch.lease_seconds / RENEWALS_PER_LEASE : UNREACHABLE_SECONDS;
    this._renewal = setTimeout(() => void this._look(false), seconds * 1000);
    const couldRead = this._canRead;
    if (watch) {
      this._place(watch);
    }
    this._trouble = trouble;
    this._known = true;
    this._changed.emit(undefined);
    if (isNew || !couldRead) {
      this.refresh();
    }
  }

  /** Another project: nothing of the one before is shown. */
  private _place(watch: IWatch): void {
    if (this._watch !== null && watch.project !== this._watch.project) {
      this._status = this._log = this._chart = this._verdicts = null;
      this._problems.clear();
      this.running.clear();
    }
    this._watch = watch;
    this._problem = watch.problem;
  }

  private get _canRead(): boolean {
    return this._known && this._problem === null && this._trouble === null;
  }

  private get _hasData(): boolean {
    return this._status !== null || this._log !== null || this._chart !== null;
  }

  private _stopRenewing(): void {
    clearTimeout(this._renewal);
  }

  /** One round of reading at a time; what is asked for meanwhile is read in the next. */
  private async _readAsked(): Promise<void> {
    if (this._reading) {
      return;
    }
    this._reading = true;
    while (this._asked.size > 0) {
      const parts = [...this._asked];
      this._asked.clear();
      await Promise.all(parts.map(part => this._read(part)));
    }
    this._reading = false;
    this._changed.emit(undefined);
  }

  private async _read(part: Read): Promise<void> {
    const at = this._at;
    const view = this._view;
    try {
      const value = await this._ask(part, at, view);
      if (at === this._at && isSame(view.metrics, this._view.metrics)) {
        value();
        this._trouble = null;
        this._problems.delete(part);
      }
    } catch (error) {
      if (at === this._at) {
        this._fail(part, asProblem(error));
      }
    }
    this._changed.emit(undefined);
  }

  /** Ask for a part, and return what puts it in place. */
  private async _ask(part: Read, at: string, view: IView): Promise<() => void> {
    switch (part) {
      case 'status': {
        const status = await this.client.read('status', at, {});
        return () => (this._status = status);
      }
      case 'log': {
        const log = await this.client.read('log', at, {});
        return () => (this._log = log);
      }
      case 'chart': {
        const chart = await this.client.read('metrics/chart', at, {
          metric: [...view.metrics],
          all_branches: view.allBranches,
          limit: view.newest
        });
        return () => (this._chart = chart);
      }
      case 'verdicts': {
        const verdicts = await this.client.read('notebook/verdict', at, {});
        return () => (this._verdicts = verdicts);
      }
    }
  }

  private _fail(part: Read, problem: IProblem): void {
    if (problem.code === 'unknown-metric' && this._view.metrics.length > 0) {
      this.choose({ metrics: [] });
    } else if (isPassing(problem)) {
      this._trouble = problem;
    } else {
      this._problems.set(part, problem);
    }
  }

  private readonly _changed = new Signal<this, undefined>(this);
  private _at = '';
  private _isPlaced = false;
  private _visible = false;
  private _disposed = false;
  private _view: IView = {
    metrics: [],
    hidden: [],
    broughtOut: [],
    allBranches: false,
    newest: NEWEST_POINTS
  };
  private _watch: IWatch | null = null;
  private _status: StatusResult | null = null;
  private _log: LogResult | null = null;
  private _chart: MetricsChartResult | null = null;
  private _verdicts: VerdictResult | null = null;
  private _problem: IProblem | null = null;
  private _trouble: IProblem | null = null;
  private _turn = 0;
  private readonly _problems = new Map<Read, IProblem>();
  private readonly _asked = new Set<Read>();
  private _statusSoon: ReturnType<typeof setTimeout> | undefined;
  private _reading = false;
  /** Whether the server has said what there is at the folder. */
  private _known = false;
  private _renewal: ReturnType<typeof setTimeout> | undefined;
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, at) => name === other[at]);
}
