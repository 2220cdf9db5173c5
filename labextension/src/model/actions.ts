import { PromiseDelegate } from '@lumino/coreutils';
import { type ISignal, Signal } from '@lumino/signaling';
import {
  type Client,
  type IEndedJob,
  type IJob,
  type IProblem,
  type Parameters,
  RequestError,
  type Result,
  type Writes
} from '../api/client';
import type { What } from '../api/events';
import type {
  DiffResult,
  MetricsDiffResult,
  ParamsDiffResult,
  PullResult,
  PushResult,
  RestoreResult,
  SnapshotResult,
  UndoResult
} from '../api/schema';
import { Pace } from './pace';
import { isWithin } from './place';
import { asProblem, isPassing } from './problem';

const JOB_LOOKS_SECONDS = 2;
/** How long the server may still tell of what an action itself has moved. */
const OWN_ECHO_SECONDS = 1.5;
const CANCELLED = 'cancelled';
/** The code of the refusal to use a place that the project chose and the user has never used. */
const UNKNOWN_PLACE = 'remote-unknown';

/** A command that moves content between this machine and the default remote. */
export type Exchange = 'push' | 'pull';

/** What is shown of an action belongs to the folder in which it was begun. */
interface IPlaced {
  readonly at: string;
}

/** What became of the last action. */
export type Outcome = IPlaced &
  (
    | { kind: 'snapshot'; result: SnapshotResult }
    | { kind: 'restore'; result: RestoreResult }
    | { kind: 'undo'; result: UndoResult }
    | { kind: 'push'; result: PushResult }
    | { kind: 'pull'; result: PullResult }
    | { kind: 'unknown-place'; command: Exchange; problem: IProblem }
    | { kind: 'cancelled' }
    | { kind: 'failed'; problem: IProblem }
  );

/** A restore that is shown before it is done; `revision` null takes the pointer files' data. */
export interface IRestorePlan extends IPlaced {
  readonly revision: string | null;
  readonly paths: readonly string[];
  readonly result: RestoreResult;
}

/** What differs between two snapshots. */
export interface IComparison extends IPlaced {
  readonly old: string;
  readonly new: string;
  readonly metrics: MetricsDiffResult;
  readonly params: ParamsDiffResult;
  readonly data: DiffResult;
}

/** What the page around does before and after an action. */
export interface ISurroundings {
  /** Write the current document's unsaved edits to its file, if it lies below the folder. */
  save(folder: string): Promise<void>;
  /** Show what is on disk now in documents below the folder that hold no edits. */
  revert(folder: string): Promise<void>;
}

/**
 * What the user does in the panel: one action at a time, each with an outcome that is told.
 *
 * An action is carried out in the folder in which it was begun, whatever is looked at meanwhile.
 * Each resolves to whether it was done; while another one is under way it is not.
 */
export class ActionsModel {
  /**
   * @param _client - the server's side
   * @param _root - the folder of the project that is looked at
   * @param _around - the page around the panel
   */
  constructor(
    private readonly _client: Client,
    private readonly _root: () => string,
    private readonly _around: ISurroundings
  ) {}

  get changed(): ISignal<this, undefined> {
    return this._changed;
  }

  /** Whether an action is under way. */
  get isBusy(): boolean {
    return this._busy;
  }

  /** The long command under way. */
  get job(): IJob | null {
    return this._job;
  }

  /** How much of it is done in a second, null while it cannot be told. */
  get perSecond(): number | null {
    return this._pace.perSecond;
  }

  get outcome(): Outcome | null {
    return this._ofThisProject(this._outcome);
  }

  /** Whether the last action is, as far as is known, what undoing would take back. */
  get canUndo(): boolean {
    return this._isLast;
  }

  get plan(): IRestorePlan | null {
    return this._ofThisProject(this._plan);
  }

  get comparison(): IComparison | null {
    return this._ofThisProject(this._comparison);
  }

  /** Keep paths, relative to the folder `at`; all tracked ones where none is named. */
  snapshot(paths: readonly string[], message: string, at = this._root()): Promise<boolean> {
    return this._act(at, async () => {
      await this._around.save(at);
      const given = { paths: [...paths], message: message === '' ? null : message };
      return { at, kind: 'snapshot', result: await this._run('snapshot', at, given) };
    });
  }

  /** Work out what a restore would do, and show that. */
  planRestore(revision: string | null, paths: readonly string[] = []): Promise<boolean> {
    const at = this._root();
    return this._act(at, async () => {
      this._comparison = null;
      const given = { revision, paths: [...paths], dry_run: true };
      const result = await this._client.write('restore', at, given);
      this._plan = { at, revision, paths, result };
      return null;
    });
  }

  /** Do what the plan says. */
  restore({ at, revision, paths }: IRestorePlan): Promise<boolean> {
    return this._act(at, async () => {
      this._plan = null;
      const result = await this._run('restore', at, { revision, paths: [...paths] });
      await this._around.revert(at);
      return { at, kind: 'restore', result };
    });
  }

  /**
   * Send the default remote what it lacks, or bring here from it what is lacking, and write that.
   * Where its place is new to the user that is the outcome; `mayUse` lets the project use it.
   */
  async exchange(command: Exchange, mayUse = false, at = this._root()): Promise<boolean> {
    const isDone = await this._act(at, async () => {
      if (command === 'push') {
        return { at, kind: 'push', result: await this._run('push', at, { yes: mayUse }) };
      }
      const result = await this._run('pull', at, { yes: mayUse });
      await this._around.revert(at);
      return { at, kind: 'pull', result };
    });
    const outcome = this._outcome;
    if (!isDone && outcome?.kind === 'failed' && outcome.problem.code === UNKNOWN_PLACE) {
      this._outcome = { at, kind: 'unknown-place', command, problem: outcome.problem };
      this._changed.emit(undefined);
    }
    return isDone;
  }

  /** Take back the last command of the project of the folder `at`. */
  undo(at = this._root()): Promise<boolean> {
    return this._act(at, async () => {
      const result = await this._run('undo', at, {});
      await this._around.revert(at);
      return { at, kind: 'undo', result };
    });
  }

  /** Give a snapshot a name; an empty one takes its name away. */
  name(snapshot: string, name: string): Promise<boolean> {
    const at = this._root();
    return this._act(at, async () => {
      const given = name === '' ? { snapshot, remove: true } : { snapshot, name };
      await this._client.write('snapshot/name', at, given);
      return null;
    });
  }

  /** Make the Git repository a project. */
  init(): Promise<boolean> {
    const at = this._root();
    return this._act(at, async () => {
      await this._run('init', at, {});
      return null;
    });
  }

  /** Find out what differs between two revisions, and show that. */
  compare(old: string, later: string): Promise<boolean> {
    const at = this._root();
    return this._act(at, async () => {
      this._plan = null;
      const pair = { old, new: later };
      const [metrics, params, data] = await Promise.all([
        this._client.read('metrics/diff', at, pair),
        this._client.read('params/diff', at, pair),
        this._client.read('diff', at, pair)
      ]);
      this._comparison = { at, ...pair, metrics, params, data };
      return null;
    });
  }

  /** Show no plan, comparison or outcome any more. */
  dismiss(): void {
    this._plan = this._comparison = this._outcome = null;
    this._changed.emit(undefined);
  }

  /** Ask the job under way to stop. */
  async cancel(): Promise<void> {
    if (this._job !== null) {
      await this._client.cancel(this._job.id).catch(() => undefined);
    }
  }

  /**
   * Take it that the project has moved. Some time after an action that is somebody else's doing:
   * undoing would take that back instead.
   */
  hearChange(what: readonly What[]): void {
    const isLater = Date.now() - this._endedAt > OWN_ECHO_SECONDS * 1000;
    if (!this._busy && isLater && what.some(one => one === 'git' || one === 'store')) {
      this._isLast = false;
      this._changed.emit(undefined);
    }
  }

  /** Take what the server's event stream says of a job. */
  hear(job: IJob): void {
    if (job.id === this._job?.id) {
      this._job = job;
      this._pace.hear(job.label, job.done);
      if (job.state !== 'running') {
        this._ended?.resolve(undefined);
      }
      this._changed.emit(undefined);
    }
  }

  private async _act(at: string, action: () => Promise<Outcome | null>): Promise<boolean> {
    if (this._busy) {
      return false;
    }
    this._busy = true;
    this._outcome = null;
    this._changed.emit(undefined);
    try {
      this._outcome = await action();
      return true;
    } catch (error) {
      const problem = asProblem(error);
      this._outcome =
        problem.code === CANCELLED ? { at, kind: 'cancelled' } : { at, kind: 'failed', problem };
      return false;
    } finally {
      this._busy = false;
      this._isLast = true;
      this._endedAt = Date.now();
      this._job = null;
      this._changed.emit(undefined);
    }
  }

  /** Carry a command out, long or not, and return its result. */
  private async _run<Name extends Writes>(
    name: Name,
    at: string,
    parameters: Parameters<Name>
  ): Promise<Result<Name>> {
    const begun = await this._client.begin(name, at, parameters);
    if ('result' in begun) {
      return begun.result;
    }
    this._job = begun.job;
    this._pace = new Pace();
    this._changed.emit(undefined);
    return (await this._follow(begun.job)) as Result<Name>;
  }

  /** Wait for a job's end, as events tell it; where none comes through, look now and then. */
  private async _follow(job: IJob): Promise<unknown> {
    for (;;) {
      this._ended = new PromiseDelegate<undefined>();
      const look = setTimeout(() => this._ended?.resolve(undefined), JOB_LOOKS_SECONDS * 1000);
      await this._ended.promise;
      clearTimeout(look);
      const now = await this._lookAt(job);
      switch (now?.state) {
        case 'done':
          return now.result;
        case 'failed':
          throw new RequestError(
            now.error?.code ?? 'defect',
            now.error?.message ?? '',
            now.error?.hints
          );
        case 'cancelled':
          throw new RequestError(CANCELLED, '');
        case 'running':
          this.hear(now);
          break;
        case undefined:
          await new Promise(resolve => setTimeout(resolve, JOB_LOOKS_SECONDS * 1000));
      }
    }
  }

  /** Return how a job is, null where the server cannot say: the job goes on without being asked. */
  private async _lookAt(job: IJob): Promise<IEndedJob | null> {
    try {
      return await this._client.job(job.id);
    } catch (error) {
      if (isPassing(asProblem(error))) {
        return null;
      }
      throw error;
    }
  }

  private _ofThisProject<Shown extends IPlaced>(shown: Shown | null): Shown | null {
    return shown !== null && isWithin(this._root(), shown.at) ? shown : null;
  }

  private readonly _changed = new Signal<this, undefined>(this);
  private _busy = false;
  private _isLast = false;
  private _endedAt = 0;
  private _job: IJob | null = null;
  private _pace = new Pace();
  private _ended: PromiseDelegate<undefined> | null = null;
  private _outcome: Outcome | null = null;
  private _plan: IRestorePlan | null = null;
  private _comparison: IComparison | null = null;
}
