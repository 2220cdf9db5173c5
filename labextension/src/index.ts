import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, IThemeManager } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { IDefaultFileBrowser, IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { INotebookTracker, NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { UUID } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import { Debouncer } from '@lumino/polling';
import { Client } from './api/client';
import { readEvent } from './api/events';
import { addCommands, PageActions } from './commands';
import { ActionsModel } from './model/actions';
import { Documents } from './model/documents';
import { followFolder } from './model/place';
import { ProjectModel } from './model/project';
import { SavingModel } from './model/saving';
import { MlopsPanel } from './panel/panel';
import { readSettings, rememberView } from './settings';
import { PANEL_ID, PLUGIN_ID, SAVING_PLUGIN_ID, TRANSLATION_DOMAIN } from './tokens';

/** The version of the Python package that this was built for. */
declare const MLOPS_VERSION: string;

/** This page, among all that talk to the same server. */
const PAGE = UUID.uuid4();
const AFTER_A_CELL_MILLISECONDS = 300;

const panelPlugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN_ID,
  description: 'Metric history, snapshots and data of a project, in a side panel.',
  autoStart: true,
  optional: [
    ILayoutRestorer,
    ICommandPalette,
    ISettingRegistry,
    IStateDB,
    ITranslator,
    IThemeManager,
    IDocumentManager,
    INotebookTracker,
    IFileBrowserFactory,
    IDefaultFileBrowser
  ],
  activate: (
    app: JupyterFrontEnd,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    settings: ISettingRegistry | null,
    state: IStateDB | null,
    translator: ITranslator | null,
    themes: IThemeManager | null,
    manager: IDocumentManager | null,
    notebooks: INotebookTracker | null,
    browsers: IFileBrowserFactory | null,
    browser: IDefaultFileBrowser | null
  ) => {
    const trans = (translator ?? nullTranslator).load(TRANSLATION_DOMAIN);
    const client = new Client(app.serviceManager.serverSettings);
    const project = new ProjectModel(client, PAGE);
    const documents = new Documents(app, manager);
    const actions = new ActionsModel(client, () => project.root, documents);
    const page = new PageActions(app, notebooks, () => project.at);
    const panel = new MlopsPanel(project, actions, page, themes, trans, MLOPS_VERSION);

    app.shell.add(panel, 'left', { rank: 600, type: 'MLOps' });
    restorer?.add(panel, PANEL_ID);
    addCommands(app, panel, page, palette, browsers, trans);
    readSettings(settings, project, panel);
    rememberView(state, app.restored, project, panel);
    followFolder(app, documents, browser, folder => project.follow(folder));
    app.serviceManager.events.stream.connect((_, emission) => {
      const event = readEvent(emission);
      if (event && 'changed' in event) {
        project.hear(event.changed);
        if (event.changed.project === project.root) {
          actions.hearChange(event.changed.what);
        }
      } else if (event) {
        actions.hear(event.job);
      }
    });
    // A cell may have changed data, and a save a notebook, of which no event tells.
    const afterCell = new Debouncer(
      () => project.refresh(['status', 'verdicts']),
      AFTER_A_CELL_MILLISECONDS
    );
    const lookSoon = (): void => {
      if (project.isVisible) {
        void afterCell.invoke();
      }
    };
    NotebookActions.executed.connect(lookSoon);
    notebooks?.widgetAdded.connect((_, notebook) => {
      notebook.context.fileChanged.connect(lookSoon);
    });
  }
};

const savingPlugin: JupyterFrontEndPlugin<void> = {
  id: SAVING_PLUGIN_ID,
  description: 'Saves a notebook before a cell of it takes a snapshot.',
  autoStart: true,
  requires: [INotebookTracker],
  activate: (app: JupyterFrontEnd, notebooks: INotebookTracker) => {
    const model = new SavingModel(new Client(app.serviceManager.serverSettings), PAGE);
    notebooks.widgetAdded.connect((_, notebook) => serveNotebook(model, notebook));
  }
};

/** Serve the kernels that a notebook has, one after the other, for as long as it is open. */
function serveNotebook(model: SavingModel, notebook: NotebookPanel): void {
  const { context, sessionContext } = notebook;
  const savable = {
    get path() {
      return context.localPath;
    },
    get isDirty() {
      return context.model.dirty;
    },
    get isReadOnly() {
      return context.model.readOnly;
    },
    save: () => context.save()
  };
  let served: IDisposable | null = null;
  const serve = (): void => {
    served?.dispose();
    const kernel = sessionContext.session?.kernel;
    served = kernel ? model.serve(kernel, savable) : null;
  };
  const announce = (): void => {
    const kernel = sessionContext.session?.kernel;
    if (kernel) {
      model.announce(kernel, savable);
    }
  };
  serve();
  sessionContext.kernelChanged.connect(serve);
  context.pathChanged.connect(announce);
  notebook.disposed.connect(() => {
    sessionContext.kernelChanged.disconnect(serve);
    context.pathChanged.disconnect(announce);
    served?.dispose();
  });
}

export default [panelPlugin, savingPlugin];
