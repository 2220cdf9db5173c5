import type { Event } from '@jupyterlab/services';
import type { IJob } from './client';

const CHANGED = 'urn:jupyter-mlops:changed:1';
const JOB = 'urn:jupyter-mlops:job:1';

export type What = 'git' | 'store' | 'run' | 'config' | 'project';

/** Something of a project moved. */
export interface IChanged {
  readonly project: string | null;
  readonly what: readonly What[];
}

/** Return what an emission of Jupyter's event stream says, null where it is none of ours. */
export function readEvent(emission: Event.Emission): { changed: IChanged } | { job: IJob } | null {
  switch (emission.schema_id) {
    case CHANGED:
      return { changed: emission as unknown as IChanged };
    case JOB:
      return { job: emission as unknown as IJob };
    default:
      return null;
  }
}
