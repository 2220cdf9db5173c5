import { PromiseDelegate } from '@lumino/coreutils';
import { type ISignal, Signal } from '@lumino/signaling';
import {
  type Client,
  type IJob,
  type IProblem,
  type Parameters,
  RequestError,
  type Result,
  type Writes
} from '../api/client';
import type {
  DiffResult,
  MetricsDiffResult,
  ParamsDiffResult,
  RestoreResult,
  SnapshotResult,
  UndoResult
} from '../api/schema';
import { asProblem } from './project';

const JOB_LOOKS_SECONDS = 2;

/** What became of the last action. */
export type Outcome =
  | { kind: 'snapshot'; result: SnapshotResult }
  | { kind: 'restore'; result: RestoreResult }
  | { kind: 'undo'; result: UndoResult }
  | { kind: 'cancelled' }
  | { kind: 'failed'; problem: IProblem };

/** A restore that is shown before it is done; `revision` null takes the pointer files' data. */
export interface IRestorePlan {
  readonly revision: string | null;
  readonly paths: readonly string[];
  readonly result: RestoreResult;
}

/** What differs between two snapshots. */
export interface IComparison {
  readonly old: string;
  readonly new: string;
  readonly metrics: MetricsDiffResult;
  readonly params: ParamsDiffResult;
  readonly data: DiffResult;
}

/** What the page around does before and after an action. */
export interface ISurroundings {
  /** Write the current notebook's unsaved edits to its file, if it lies in the project. */
  save(): Promise<void>;
  /** Show what is on disk now in documents that hold no edits. */
  revert(): Promise<void>;
}

/** What the user does in the panel: one action at a time, each with an outcome that is told. */
export class ActionsModel {
  constructor(
    private readonly _client: Client,
    private readonly _at: () => string,
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

  get outcome(): Outcome | null {
    return this._outcome;
  }

  get plan(): IRestorePlan | null {
    return this._plan;
  }

  get comparison(): IComparison | null {
    return this._comparison;
  }

  snapshot(paths: readonly string[], message: string): Promise<void> {
    return this._act(async () => {
      await this._around.save();
      const given = { paths: [...paths], message: message === '' ? null : message };
      return { kind: 'snapshot', result: await this._run('snapshot', given) };
    });
  }

  /** Work out what a restore would do, and show that. */
  planRestore(revision: string | null, paths: readonly string[] = []): Promise<void> {
    return this._act(async () => {
      this._comparison = null;
      const given = { revision, paths: [...paths], dry_run: true };
      const result = await this._client.write('restore', this._at(), given);
      this._plan = { revision, paths, result };
      return null;
    });
  }

  /** Do what the plan says. */
  restore(): Promise<void> {
    return this._act(async () => {
      const plan = this._plan;
      if (plan === null) {
        return null;
      }
      this._plan = null;
      const given = { revision: plan.revision, paths: [...plan.paths] };
      const result = await this._run('restore', given);
      await this._around.revert();
      return { kind: 'restore', result };
    });
  }

  undo(): Promise<void> {
    return this._act(async () => {
      const result = await this._run('undo', {});
      await this._around.revert();
      return { kind: 'undo', result };
    });
  }

  /** Give a snapshot a name; an empty one takes its name away. */
  name(snapshot: string, name: string): Promise<void> {
    return this._act(async () => {
      const given = name === '' ? { snapshot, remove: true } : { snapshot, name };
      await this._client.write('snapshot/name', this._at(), given);
      return null;
    });
  }

  /** Make the Git repository a project. */
  init(): Promise<void> {
    return this._act(async () => {
      await this._run('init', {});
      return null;
    });
  }

  /** Find out what differs between two revisions, and show that. */
  compare(old: string, later: string): Promise<void> {
    return this._act(async () => {
      this._plan = null;
      const at = this._at();
      const pair = { old, new: later };
      const [metrics, params, data] = await Promise.all([
        this._client.read('metrics/diff', at, pair),
        this._client.read('params/diff', at, pair),
        this._client.read('diff', at, pair)
      ]);
      this._comparison = { ...pair, metrics, params, data };
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

  /** Take what the server's event stream says of a job. */
  hear(job: IJob): void {
    if (job.id === this._job?.id) {
      this._job = job;
      if (job.state !== 'running') {
        this._ended?.resolve(undefined);
      }
      this._changed.emit(undefined);
    }
  }

  private async _act(action: () => Promise<Outcome | null>): Promise<void> {
    if (this._busy) {
      return;
    }
    this._busy = true;
    this._outcome = null;
    this._changed.emit(undefined);
    try {
      this._outcome = await action();
    } catch (error) {
      const problem = asProblem(error);
      this._outcome =
        problem.code === 'cancelled' ? { kind: 'cancelled' } : { kind: 'failed', problem };
    } finally {
      this._busy = false;
      this._job = null;
      this._changed.emit(undefined);
    }
  }

  /** Carry a command out, long or not, and return its result. */
  private async _run<Name extends Writes>(
    name: Name,
    parameters: Parameters<Name>
  ): Promise<Result<Name>> {
    const begun = await this._client.begin(name, this._at(), parameters);
    if ('result' in begun) {
      return begun.result;
    }
    this._job = begun.job;
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
      const now = await this._client.job(job.id);
      switch (now.state) {
        case 'done':
          return now.result;
        case 'failed':
          throw new RequestError(
            now.error?.code ?? 'defect',
            now.error?.message ?? '',
            now.error?.hints
          );
        case 'cancelled':
          throw new RequestError('cancelled', '');
        case 'running':
          this.hear(now);
      }
    }
  }

  private readonly _changed = new Signal<this, undefined>(this);
  private _busy = false;
  private _job: IJob | null = null;
  private _ended: PromiseDelegate<undefined> | null = null;
  private _outcome: Outcome | null = null;
  private _plan: IRestorePlan | null = null;
  private _comparison: IComparison | null = null;
}
