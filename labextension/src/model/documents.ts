import { PathExt } from '@jupyterlab/coreutils';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ISurroundings } from './actions';
import { isWithin } from './place';

/** The documents that are open in the page, as far as an action in the panel concerns them. */
export class Documents implements ISurroundings {
  constructor(
    private readonly _app: JupyterFrontEnd,
    private readonly _manager: IDocumentManager | null
  ) {}

  /** The folder of the document that the user works in, null where there is none. */
  get currentFolder(): string | null {
    const widget = this._app.shell.currentWidget;
    const context = widget && this._manager?.contextForWidget(widget);
    return context ? PathExt.dirname(context.localPath) : null;
  }

  async save(folder: string): Promise<void> {
    const widget = this._app.shell.currentWidget;
    const context = widget && this._manager?.contextForWidget(widget);
    if (context?.model.dirty && !context.model.readOnly && isWithin(folder, context.localPath)) {
      await context.save();
    }
  }

  async revert(folder: string): Promise<void> {
    const contexts = new Set<DocumentRegistry.Context>();
    for (const widget of this._app.shell.widgets('main')) {
      const context = this._manager?.contextForWidget(widget);
      if (context && !context.model.dirty && isWithin(folder, context.localPath)) {
        contexts.add(context);
      }
    }
    await Promise.all([...contexts].map(context => this._revertOne(context)));
  }

  /** Read a document again whose file is another one than it shows. */
  private async _revertOne(context: DocumentRegistry.Context): Promise<void> {
    try {
      const options = { content: false };
      const now = await this._app.serviceManager.contents.get(context.path, options);
      if (now.last_modified !== context.contentsModel?.last_modified) {
        await context.revert();
      }
    } catch {
      // The file is gone: JupyterLab itself says so when the document is saved.
    }
  }
}
