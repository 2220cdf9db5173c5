import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type { ICommands } from './schema';

const BASE = 'mlops/api/v1';
const VERSION_HEADER = 'X-Jupyter-Mlops-Version';

export type Reads = {
  [Name in keyof ICommands]: ICommands[Name]['method'] extends 'GET' ? Name : never;
}[keyof ICommands];
export type Writes = Exclude<keyof ICommands, Reads>;
export type Parameters<Name extends keyof ICommands> = ICommands[Name]['parameters'];
export type Result<Name extends keyof ICommands> = ICommands[Name]['result'];

/** One long command, as `docs/rest.md` describes it. */
export interface IJob {
  readonly id: string;
  readonly command: string;
  readonly project: string | null;
  readonly state: 'running' | 'done' | 'failed' | 'cancelled';
  readonly label: string | null;
  readonly done: number;
  readonly total: number | null;
  readonly unit: string | null;
}

export interface IEndedJob extends IJob {
  readonly result: unknown;
  readonly error: IProblem | null;
}

/** What the server answers to a client that looks at a folder. */
export interface IWatch {
  readonly project: string | null;
  readonly name: string | null;
  readonly problem: IProblem | null;
  readonly lease_seconds: number;
}

type Word = string | number | boolean | null | undefined;
type Query = Record<string, Word | Word[]>;

export interface IProblem {
  readonly code: string;
  readonly message: string;
  readonly hints: readonly string[];
}

/** Codes of problems that arise on this side; all others are the server's, see `docs/errors.md`. */
export type LocalCode = 'unreachable' | 'server-side-missing' | 'no-answer';

/** What could not be done, why, and commands that mend it. */
export class RequestError extends Error implements IProblem {
  constructor(
    readonly code: string,
    message: string,
    readonly hints: readonly string[] = [],
    readonly status: number | null = null
  ) {
    super(message);
  }
}

/** The server's side of this package. Every method rejects with a `RequestError`. */
export class Client {
  constructor(readonly settings: ServerConnection.ISettings) {}

  /** The version of the server's side, as far as it has answered. */
  get serverVersion(): string | null {
    return this._serverVersion;
  }

  /** Ask for a result; an unchanged one is the same object as before. */
  async read<Name extends Reads>(
    name: Name,
    at: string,
    parameters: Parameters<Name>
  ): Promise<Result<Name>> {
    const url = this._url(name, { at, ...parameters });
    const known = this._answers.get(url);
    const headers = known ? { 'If-None-Match': known.etag } : {};
    const response = await this._send(url, { method: 'GET', headers });
    if (response.status === 304 && known) {
      return known.value as Result<Name>;
    }
    const value = (await readJson(response)) as Result<Name>;
    const etag = response.headers.get('ETag');
    if (etag !== null) {
      this._remember(url, { etag, value });
    }
    return value;
  }

  /** Do something that is soon done. */
  async write<Name extends Writes>(
    name: Name,
    at: string,
    parameters: Parameters<Name>
  ): Promise<Result<Name>> {
    return (await this._post(this._url(name, { at }), parameters)) as Result<Name>;
  }

  /** Begin something that may take long: the result, or the job that will have it. */
  async begin<Name extends Writes>(
    name: Name,
    at: string,
    parameters: Parameters<Name>
  ): Promise<{ result: Result<Name> } | { job: IJob }> {
    const response = await this._send(this._url(name, { at }), {
      ...asBody('POST', parameters),
      headers: { ...JSON_BODY, Prefer: 'respond-async' }
    });
    const answer = await readJson(response);
    return response.status === 202 ? { job: answer as IJob } : { result: answer as Result<Name> };
  }

  /** Return a job with its result or error. */
  async job(id: string): Promise<IEndedJob> {
    return (await readJson(
      await this._send(this._url(`jobs/${id}`), { method: 'GET' })
    )) as IEndedJob;
  }

  /** Ask a job to stop. */
  async cancel(id: string): Promise<void> {
    await this._send(this._url(`jobs/${id}`), { method: 'DELETE' });
  }

  /** Say that `client` looks at the folder `at` from now on, or still. */
  async watch(at: string, client: string): Promise<IWatch> {
    return (await this._post(this._url('watch', { at }), { client })) as IWatch;
  }

  /** Say that `client` looks no more; also while the page is being left. */
  async unwatch(client: string): Promise<void> {
    await this._send(this._url('watch', { client }), { method: 'DELETE', keepalive: true });
  }

  /** Say that this page can save the notebook at `path`, which `kernel` runs. */
  async serveKernel(kernel: string, client: string, path: string): Promise<void> {
    const url = this._url(`kernels/${kernel}/clients/${client}`);
    await this._send(url, asBody('PUT', { path }));
  }

  /** Take that back; also while the page is being left. */
  async leaveKernel(kernel: string, client: string): Promise<void> {
    const url = this._url(`kernels/${kernel}/clients/${client}`);
    await this._send(url, { method: 'DELETE', keepalive: true });
  }

  /** Answer a kernel that asked for its notebook to be saved. */
  async tellSaved(
    kernel: string,
    request: string,
    answer: { path: string; state: 'begun' | 'saved' | 'failed'; why: string | null }
  ): Promise<void> {
    await this._post(this._url(`kernels/${kernel}/saves/${request}`), answer);
  }

  /** Return where BokehJS of `version` can be had. */
  bokehUrl(version: string): string {
    return this._url(`bokehjs/${version}/bokeh.min.js`);
  }

  private async _post(url: string, body: unknown): Promise<unknown> {
    return readJson(await this._send(url, asBody('POST', body)));
  }

  private async _send(url: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, this.settings);
    } catch {
      throw new RequestError('unreachable', '');
    }
    this._serverVersion = response.headers.get(VERSION_HEADER) ?? this._serverVersion;
    if (!response.ok && response.status !== 304) {
      throw await readError(response);
    }
    return response;
  }

  private _url(path: string, query: Query = {}): string {
    const words = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      for (const one of Array.isArray(value) ? value : [value]) {
        if (one !== null && one !== undefined) {
          words.append(name, String(one));
        }
      }
    }
    const encoded = path.split('/').map(encodeURIComponent);
    const url = URLExt.join(this.settings.baseUrl, BASE, ...encoded);
    const asked = words.toString();
    return asked === '' ? url : `${url}?${asked}`;
  }

  private _remember(url: string, answer: { etag: string; value: unknown }): void {
    this._answers.delete(url);
    this._answers.set(url, answer);
    for (const oldest of this._answers.keys()) {
      if (this._answers.size <= 24) {
        break;
      }
      this._answers.delete(oldest);
    }
  }

  private _answers = new Map<string, { etag: string; value: unknown }>();
  private _serverVersion: string | null = null;
}

const JSON_BODY = { 'Content-Type': 'application/json' };

function asBody(method: 'POST' | 'PUT', value: unknown): RequestInit {
  return { method, body: JSON.stringify(value), headers: JSON_BODY };
}

async function readJson(response: Response): Promise<unknown> {
  try {
    return response.status === 204 ? null : await response.json();
  } catch {
    throw new RequestError('no-answer', '', [], response.status);
  }
}

/** Our own errors are JSON with a code; a 404 without one comes from a server without our side. */
async function readError(response: Response): Promise<RequestError> {
  try {
    const { code, message, hints } = (await response.json()) as Partial<IProblem>;
    if (typeof code === 'string' && typeof message === 'string') {
      return new RequestError(code, message, hints ?? [], response.status);
    }
  } catch {
    // Not JSON: not ours.
  }
  const code: LocalCode = response.status === 404 ? 'server-side-missing' : 'no-answer';
  return new RequestError(code, response.statusText, [], response.status);
}
