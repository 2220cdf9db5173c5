import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';
import { type Client, type IProblem, type IWatch, RequestError } from '../api/client';
import type { IChanged, What } from '../api/events';
import type { LogResult, MetricsChartResult, StatusResult } from '../api/schema';

export type Part = 'status' | 'log' | 'chart';

const ALL: readonly Part[] = ['status', 'log', 'chart'];
const PARTS_OF: Record<What, readonly Part[]> = {
  git: ALL,
  store: ALL,
  run: ['status'],
  config: ALL,
  project: ALL
};
const RENEWALS_PER_LEASE = 2;
const UNREACHABLE_SECONDS = 10;
const NEWEST_POINTS = 500;

/** What the user chose to see; kept by the settings and the saved layout. */
export interface IView {
  /** The full name of the metric that is drawn, null for the most telling one. */
  metric: string | null;
  /** Branches that are not drawn. */
  hidden: readonly string[];
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
  ) {}

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

  /** Why there is nothing to show at all. */
  get problem(): IProblem | null {
    return this._problem;
  }

  /** Why one part could not be read. */
  problemOf(part: Part): IProblem | null {
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
        void this._begin();
      }
    }
  }

  /** Nobody looks any more. */
  hide(): void {
    if (this._visible) {
      this._visible = false;
      this._stopRenewing();
      this._asked.clear();
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
        void this._begin();
      }
    }
  }

  /** Change what is shown, and read what that needs. */
  choose(view: Partial<IView>): void {
    const before = this._view;
    this._view = { ...before, ...view };
    const { metric, allBranches, newest } = this._view;
    if (
      metric !== before.metric ||
      allBranches !== before.allBranches ||
      newest !== before.newest
    ) {
      this.refresh(['chart']);
    }
    this._changed.emit(undefined);
  }

  /** Read some parts again, where there is something to read. */
  refresh(parts: readonly Part[] = ALL): void {
    if (!this._visible || !this._known || this._problem !== null) {
      return;
    }
    for (const part of parts) {
      this._asked.add(part);
    }
    void this._readAsked();
  }

  /** Look at everything again, also where there was nothing to look at. */
  retry(): void {
    if (this._visible && this._isPlaced) {
      void this._begin();
    }
  }

  /** Take what the server's event stream says. */
  hear({ project, what }: IChanged): void {
    if (!this._visible || this._watch === null || project !== (this._watch.project ?? this._at)) {
      return;
    }
    if (what.includes('project') || what.includes('config')) {
      void this._begin();
    } else {
      this.refresh([...new Set(what.flatMap(one => PARTS_OF[one]))]);
    }
  }

  /** Look at the folder anew: which project is it in, and what is there? */
  private async _begin(): Promise<void> {
    if (await this._renew()) {
      this.refresh();
    }
  }

  /** Say that somebody looks, and will say so again; return whether there is a project to read. */
  private async _renew(): Promise<boolean> {
    const at = this._at;
    this._stopRenewing();
    const had = this._problem;
    let watch: IWatch | null = null;
    let problem: IProblem | null = null;
    try {
      watch = await this.client.watch(at, this._page);
      problem = watch.problem;
    } catch (error) {
      problem = asProblem(error);
    }
    if (!this._visible) {
      this.client.unwatch(this._page).catch(() => undefined);
    }
    if (!this._visible || at !== this._at) {
      return false;
    }
    this._stopRenewing();
    const seconds = watch ? watch.lease_seconds / RENEWALS_PER_LEASE : UNREACHABLE_SECONDS;
    this._renewal = setTimeout(() => void this._renewAgain(), seconds * 1000);
    if (watch) {
      this._place(watch);
    }
    this._problem = problem;
    if (problem !== had || !this._known) {
      this._known = true;
      this._changed.emit(undefined);
    }
    return problem === null;
  }

  /** Go on looking; read all where that could not be done before. */
  private async _renewAgain(): Promise<void> {
    const had = this._problem;
    if ((await this._renew()) && had !== null) {
      this.refresh();
    }
  }

  /** Another project: nothing of the one before is shown. */
  private _place(watch: IWatch): void {
    if (this._watch !== null && watch.project !== this._watch.project) {
      this._status = this._log = this._chart = null;
      this._problems.clear();
    }
    this._watch = watch;
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

  private async _read(part: Part): Promise<void> {
    const at = this._at;
    const view = this._view;
    try {
      const value = await this._ask(part, at, view);
      if (at === this._at && view.metric === this._view.metric) {
        value();
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
  private async _ask(part: Part, at: string, view: IView): Promise<() => void> {
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
          metric: view.metric === null ? [] : [view.metric],
          all_branches: view.allBranches,
          limit: view.newest
        });
        return () => (this._chart = chart);
      }
    }
  }

  private _fail(part: Part, problem: IProblem): void {
    if (problem.code === 'unknown-metric' && this._view.metric !== null) {
      this.choose({ metric: null });
    } else if (NOTHING_TO_SHOW.has(problem.code)) {
      this._problem = problem;
    } else {
      this._problems.set(part, problem);
    }
  }

  private readonly _changed = new Signal<this, undefined>(this);
  private _at = '';
  private _isPlaced = false;
  private _visible = false;
  private _disposed = false;
  private _view: IView = { metric: null, hidden: [], allBranches: false, newest: NEWEST_POINTS };
  private _watch: IWatch | null = null;
  private _status: StatusResult | null = null;
  private _log: LogResult | null = null;
  private _chart: MetricsChartResult | null = null;
  private _problem: IProblem | null = null;
  private readonly _problems = new Map<Part, IProblem>();
  private readonly _asked = new Set<Part>();
  private _reading = false;
  /** Whether the server has said what there is at the folder. */
  private _known = false;
  private _renewal: ReturnType<typeof setTimeout> | undefined;
}

/** Problems that concern the whole project, so that no part of it can be shown. */
const NOTHING_TO_SHOW = new Set([
  'unreachable',
  'server-side-missing',
  'not-a-git-project',
  'no-mlops-toml',
  'folder-not-found'
]);

/** Return whatever was thrown as something that can be told. */
export function asProblem(error: unknown): IProblem {
  return error instanceof RequestError
    ? error
    : { code: 'defect', message: String(error), hints: [] };
}
