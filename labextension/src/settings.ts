import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { IStateDB } from '@jupyterlab/statedb';
import type { ReadonlyJSONObject } from '@lumino/coreutils';
import { Debouncer } from '@lumino/polling';
import type { ProjectModel } from './model/project';
import type { MlopsPanel, SectionName } from './panel/panel';
import { PANEL_ID, PLUGIN_ID } from './tokens';

const STATE_KEY = `${PANEL_ID}:view`;
const WRITE_MILLISECONDS = 500;

interface ISaved {
  metrics: string[];
  hidden: string[];
  broughtOut: string[];
  folded: SectionName[];
  dismissed: string[];
}

/** Follow the user's settings, now and when they change. */
export function readSettings(
  registry: ISettingRegistry | null,
  project: ProjectModel,
  panel: MlopsPanel
): void {
  registry
    ?.load(PLUGIN_ID)
    .then(settings => {
      let atFirst: unknown = null;
      const read = (): void => {
        const { allBranches, newestPoints, showAutomatic } = settings.composite;
        project.choose({ allBranches: allBranches === true });
        if (typeof newestPoints === 'number' && newestPoints !== atFirst) {
          atFirst = newestPoints;
          project.choose({ newest: newestPoints });
        }
        panel.arrange({ showAutomatic: showAutomatic === true });
      };
      read();
      settings.changed.connect(read);
    })
    .catch((error: unknown) => console.warn('jupyter-mlops: no settings', error));
}

/** Bring back what was chosen and folded when the page was left, and remember what is from now on. */
export function rememberView(
  state: IStateDB | null,
  restored: Promise<unknown>,
  project: ProjectModel,
  panel: MlopsPanel
): void {
  if (!state) {
    return;
  }
  const write = new Debouncer(async () => {
    await state.save(STATE_KEY, JSON.parse(tell()) as ReadonlyJSONObject);
  }, WRITE_MILLISECONDS);
  const tell = (): string => {
    const { metrics, hidden, broughtOut } = project.view;
    return JSON.stringify({
      metrics,
      hidden,
      broughtOut,
      folded: panel.arrangement.folded,
      dismissed: project.running.dismissed
    });
  };
  let last = '';
  const remember = (): void => {
    const now = tell();
    if (now !== last) {
      last = now;
      void write.invoke();
    }
  };
  restored
    .then(() => state.fetch(STATE_KEY))
    .then(saved => {
      const { metrics, hidden, broughtOut, folded, dismissed } = (saved ?? {}) as Partial<ISaved>;
      project.choose({
        metrics: metrics ?? [],
        hidden: hidden ?? [],
        broughtOut: broughtOut ?? []
      });
      project.running.dismiss(dismissed ?? []);
      panel.arrange({ folded: folded ?? [] });
      last = tell();
      project.changed.connect(remember);
      panel.arranged.connect(remember);
    })
    .catch((error: unknown) => console.warn('jupyter-mlops: no saved view', error));
}
