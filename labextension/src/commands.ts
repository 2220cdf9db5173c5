import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import type { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { type INotebookTracker, NotebookActions } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { refreshIcon, undoIcon } from '@jupyterlab/ui-components';
import { mlopsIcon } from './panel/icon';
import type { IPageActions, MlopsPanel } from './panel/panel';
import { CommandIDs } from './tokens';

const EXAMPLE = `%load_ext jupyter_mlops
import jupyter_mlops as mlops
mlops.log(accuracy=0.9)
%snapshot -m "A first number"`;

/** What the panel's buttons do, in a page that may lack notebooks or terminals. */
export class PageActions implements IPageActions {
  constructor(
    private readonly _app: JupyterFrontEnd,
    private readonly _notebooks: INotebookTracker | null,
    private readonly _at: () => string
  ) {}

  /** Put an example cell below the current one, in a new notebook where none is open. */
  insertExample(): void {
    void this._insertExample();
  }

  openTerminal(): void {
    if (this._app.commands.hasCommand('terminal:create-new')) {
      void this._app.commands.execute('terminal:create-new', { cwd: this._at() });
    }
  }

  private async _insertExample(): Promise<void> {
    let panel = this._notebooks?.currentWidget ?? null;
    if (!panel && this._app.commands.hasCommand('notebook:create-new')) {
      await this._app.commands.execute('notebook:create-new', { cwd: this._at() });
      panel = this._notebooks?.currentWidget ?? null;
    }
    if (panel) {
      await panel.context.ready;
      this._app.shell.activateById(panel.id);
      NotebookActions.insertBelow(panel.content);
      panel.content.activeCell?.model.sharedModel.setSource(EXAMPLE);
    }
  }
}

/** Add the commands of the palette, the menus and the file browser. */
export function addCommands(
  app: JupyterFrontEnd,
  panel: MlopsPanel,
  page: IPageActions,
  palette: ICommandPalette | null,
  browsers: IFileBrowserFactory | null,
  trans: TranslationBundle
): void {
  const { project, actions } = panel;
  const open = (): void => app.shell.activateById(panel.id);
  const selected = (): Contents.IModel[] => [
    ...(browsers?.tracker.currentWidget?.selectedItems() ?? [])
  ];

  app.commands.addCommand(CommandIDs.open, {
    label: trans.__('Show MLOps Panel'),
    caption: trans.__('Metric history, snapshots and data of this project'),
    icon: mlopsIcon,
    execute: open
  });
  app.commands.addCommand(CommandIDs.refresh, {
    label: trans.__('Read the MLOps Panel Again'),
    icon: refreshIcon,
    execute: () => project.retry()
  });
  app.commands.addCommand(CommandIDs.snapshot, {
    label: trans.__('Take a Snapshot'),
    caption: trans.__('Keep all tracked data, the code and the metrics as one state'),
    icon: mlopsIcon,
    isEnabled: () => !actions.isBusy,
    execute: () => {
      open();
      return actions.snapshot([], '');
    }
  });
  app.commands.addCommand(CommandIDs.keepSelected, {
    label: trans.__('Keep in a Snapshot'),
    caption: trans.__('Track the selected files and folders, and keep them'),
    icon: mlopsIcon,
    isEnabled: () => !actions.isBusy && selected().length > 0,
    execute: () => {
      const items = selected();
      const { contents } = app.serviceManager;
      const folder = PathExt.dirname(contents.localPath(items[0]?.path ?? ''));
      project.follow(folder);
      open();
      return actions.snapshot(
        items.map(item => item.name),
        '',
        folder
      );
    }
  });
  app.commands.addCommand(CommandIDs.insertExample, {
    label: trans.__('Insert a Cell that Logs and Snapshots'),
    execute: () => page.insertExample()
  });
  app.commands.addCommand(CommandIDs.undo, {
    label: trans.__('Undo the Last MLOps Command'),
    icon: undoIcon,
    isEnabled: () => !actions.isBusy,
    execute: () => {
      open();
      return actions.undo();
    }
  });
  for (const command of Object.values(CommandIDs)) {
    if (command !== CommandIDs.keepSelected) {
      palette?.addItem({ command, category: trans.__('MLOps') });
    }
  }
}
