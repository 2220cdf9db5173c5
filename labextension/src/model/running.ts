import type { Client, IProblem } from '../api/client';
import type { RunResult, RunsShowResult } from '../api/schema';
import { asProblem, isPassing } from './problem';

const STATES: RunResult['state'][] = ['running', 'died', 'failed'];
const LISTED = 20;
const SHOWN = 5;
const LEADING = 3;
const ALL = 40;
const POINTS = 100;
/** How long a run that failed or died is shown where nobody dismisses it. */
const RECENT_DAYS = 7;
/** At most two answers a second, and a fifth of the server's time as long as that is soon enough. */
const PAUSE_MILLISECONDS = 500;
const PAUSE_PER_READING = 4;
const LONGEST_PAUSE_MILLISECONDS = 2000;
const DISMISSED = 50;

/** A run that is shown, and when the server told so. */
export interface IShownRun extends RunsShowResult {
  readonly toldAt: number;
}

/** Runs that are under way, and those that failed or died until somebody has seen it. */
export class RunningModel {
  constructor(
    private readonly _client: Client,
    private readonly _changed: () => void
  ) {}

  /** The runs that are shown: those that go on, then the others, each the newest first. */
  get shown(): readonly IShownRun[] {
    return this._shown.filter(one => !this._dismissed.includes(one.run.id));
  }

  /** How many more there are. */
  get others(): number {
    return this._others;
  }

  /** Why they could not be read. */
  get problem(): IProblem | null {
    return this._problem;
  }

  /** Ids of runs that are not to be shown any more. */
  get dismissed(): readonly string[] {
    return this._dismissed;
  }

  /** Show these runs no more, besides those that were dismissed before. */
  dismiss(ids: readonly string[]): void {
    this._dismissed = [...new Set([...this._dismissed, ...ids])].slice(-DISMISSED);
    this._changed();
  }

  /** Whether all metrics of a run are shown. */
  isOpen(id: string): boolean {
    return this._open.has(id);
  }

  /** Show all metrics of a run, or the leading ones. */
  toggle(id: string): void {
    if (!this._open.delete(id)) {
      this._open.add(id);
    }
    this.refresh(this._at);
    this._changed();
  }

  /** Read them again soon; once more where they are being read. */
  refresh(at: string): void {
    this._at = at;
    this._asked = true;
    if (!this._reading) {
      void this._readAsked();
    }
  }

  /** Ask for nothing more, until the next `refresh`. */
  stop(): void {
    this._asked = false;
  }

  /** Forget the runs of another project. */
  clear(): void {
    this._shown = [];
    this._others = 0;
    this._problem = null;
  }

  private async _readAsked(): Promise<void> {
    this._reading = true;
    while (this._asked) {
      this._asked = false;
      const begun = performance.now();
      await this._read(this._at);
      this._changed();
      const took = performance.now() - begun;
      const pause = Math.max(PAUSE_MILLISECONDS, took * PAUSE_PER_READING);
      await new Promise(resolve =>
        setTimeout(resolve, Math.min(pause, LONGEST_PAUSE_MILLISECONDS))
      );
    }
    this._reading = false;
  }

  private async _read(at: string): Promise<void> {
    try {
      const { runs } = await this._client.read('runs/list', at, {
        latest: true,
        state: STATES,
        limit: LISTED
      });
      const since = Date.now() - RECENT_DAYS * 86_400_000;
      const wanted = runs.filter(
        run =>
          run.state === 'running' ||
          (Date.parse(run.last_at) > since && !this._dismissed.includes(run.id))
      );
      const isOver = (run: RunResult): number => (run.state === 'running' ? 0 : 1);
      wanted.sort((one, other) => isOver(one) - isOver(other));
      const shown = await Promise.all(wanted.slice(0, SHOWN).map(run => this._show(at, run.id)));
      if (at === this._at) {
        this._shown = shown;
        this._others = wanted.length - shown.length;
        this._problem = null;
      }
    } catch (error) {
      const problem = asProblem(error);
      if (at === this._at && !isPassing(problem)) {
        this._problem = problem;
      }
    }
  }

  private async _show(at: string, id: string): Promise<IShownRun> {
    const told = await this._client.read('runs/show', at, {
      run: id,
      limit: this._open.has(id) ? ALL : LEADING,
      points: POINTS
    });
    return { ...told, toldAt: Date.now() };
  }

  private _at = '';
  private _shown: readonly IShownRun[] = [];
  private _others = 0;
  private _problem: IProblem | null = null;
  private _dismissed: readonly string[] = [];
  private readonly _open = new Set<string>();
  private _asked = false;
  private _reading = false;
}
