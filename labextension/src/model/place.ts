import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import type { Documents } from './documents';

/**
 * Call `follow` with the folder that the user works in, now and whenever it is another one: that
 * of the current document, else the one that the file browser shows.
 */
export function followFolder(
  app: JupyterFrontEnd,
  documents: Documents,
  browser: IDefaultFileBrowser | null,
  follow: (folder: string) => void
): void {
  const look = (): void => {
    const shown = browser?.model.path ?? '';
    follow(documents.currentFolder ?? shown.slice(shown.indexOf(':') + 1));
  };
  app.shell.currentChanged?.connect(look);
  browser?.model.pathChanged.connect(look);
  void app.restored.then(look);
}

/** Return whether the folder or file at `path` lies in `folder`, or is it; `''` holds all. */
export function isWithin(folder: string, path: string): boolean {
  return folder === '' || path === folder || path.startsWith(`${folder}/`);
}
