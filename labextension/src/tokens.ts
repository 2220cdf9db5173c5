/** Names that other code, settings and saved layouts know; they do not change. */

export const PLUGIN_ID = 'jupyter-mlops:plugin';
export const SAVING_PLUGIN_ID = 'jupyter-mlops:saving';
export const PANEL_ID = 'jupyter-mlops-panel';
export const TRANSLATION_DOMAIN = 'jupyter_mlops';

export const CommandIDs = {
  open: 'jupyter-mlops:open',
  refresh: 'jupyter-mlops:refresh',
  snapshot: 'jupyter-mlops:snapshot',
  keepSelected: 'jupyter-mlops:keep-selected',
  insertExample: 'jupyter-mlops:insert-example',
  undo: 'jupyter-mlops:undo'
} as const;
