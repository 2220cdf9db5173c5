import type { Kernel } from '@jupyterlab/services';
import { DisposableDelegate, type IDisposable } from '@lumino/disposable';
import type { Client } from '../api/client';
import { asProblem } from './problem';

const COMM_TARGET = 'jupyter-mlops';

/** A notebook that can be saved. */
export interface ISavable {
  /** Its path, relative to the server's root. */
  readonly path: string;
  readonly isDirty: boolean;
  readonly isReadOnly: boolean;
  save(): Promise<void>;
}

interface IRequest {
  readonly op: 'save';
  readonly client: string;
  readonly request: string;
}

/**
 * Answers kernels that want their notebook saved before a snapshot: see `docs/rest.md`.
 *
 * Of several views of one notebook, which share its kernel, the one that came last is saved.
 */
export class SavingModel {
  constructor(
    private readonly _client: Client,
    private readonly _page: string
  ) {}

  /** Serve `kernel` for as long as what is returned is not disposed. */
  serve(kernel: Kernel.IKernelConnection, notebook: ISavable): IDisposable {
    const views = this._views.get(kernel.id) ?? [];
    this._views.set(kernel.id, [...views, notebook]);
    // JupyterLab takes a kernel's messages one after the other and waits for what this callback
    // returns: anything here that waits for the same kernel would stop its connection for good.
    kernel.registerCommTarget(COMM_TARGET, (_, message) => {
      const data = message.content.data as unknown as Partial<IRequest>;
      const view = this._views.get(kernel.id)?.at(-1);
      const isOurs = data.op === 'save' && data.client === this._page;
      if (view && isOurs && typeof data.request === 'string') {
        void this._save(kernel, data.request, view);
      }
    });
    this.announce(kernel, notebook);
    const again = (_: unknown, status: Kernel.ConnectionStatus): void => {
      if (status === 'connected') {
        this.announce(kernel, notebook);
      }
    };
    const leave = (): void => {
      this._client.leaveKernel(kernel.id, this._page).catch(() => undefined);
    };
    kernel.connectionStatusChanged.connect(again);
    window.addEventListener('pagehide', leave);
    return new DisposableDelegate(() => {
      kernel.connectionStatusChanged.disconnect(again);
      window.removeEventListener('pagehide', leave);
      const left = (this._views.get(kernel.id) ?? []).filter(view => view !== notebook);
      this._views.set(kernel.id, left);
      const last = left.at(-1);
      if (last) {
        this.announce(kernel, last);
      } else {
        this._views.delete(kernel.id);
        leave();
      }
    });
  }

  /** Say where the notebook of `kernel` is now; a server without our side is left alone. */
  announce(kernel: Kernel.IKernelConnection, notebook: ISavable): void {
    this._client.serveKernel(kernel.id, this._page, notebook.path).catch(() => undefined);
  }

  private async _save(
    kernel: Kernel.IKernelConnection,
    request: string,
    notebook: ISavable
  ): Promise<void> {
    const tell = (state: 'begun' | 'saved' | 'failed', why: string | null): Promise<void> =>
      this._client.tellSaved(kernel.id, request, { path: notebook.path, state, why });
    try {
      await tell('begun', null);
      if (notebook.isDirty && notebook.isReadOnly) {
        await tell('failed', 'It is opened for reading only.');
        return;
      }
      if (notebook.isDirty) {
        await notebook.save();
      }
      await tell('saved', null);
    } catch (error) {
      await tell('failed', asProblem(error).message).catch(() => undefined);
    }
    // A kernel that lost patience has taken this page for gone.
    this.announce(kernel, notebook);
  }

  private readonly _views = new Map<string, readonly ISavable[]>();
}
