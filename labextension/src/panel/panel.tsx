import type { IThemeManager } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, refreshIcon, UseSignal } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { type ISignal, Signal } from '@lumino/signaling';
import * as React from 'react';
import type { StatusResult } from '../api/schema';
import type { ActionsModel } from '../model/actions';
import type { ProjectModel } from '../model/project';
import { PANEL_ID } from '../tokens';
import { Cards } from './cards';
import { Data } from './data';
import { History } from './history';
import { mlopsIcon } from './icon';
import { MetricPicker } from './metrics';
import { Notebooks, tellNotebooks } from './notebooks';
import { Problem, Section } from './parts';
import { Nothing, VersionsDiffer } from './problems';
import { CountRunning, Running } from './running';
import { Snapshots } from './snapshots';

export type SectionName = 'running' | 'history' | 'snapshots' | 'data' | 'notebooks';

/** How the panel looks: which parts are folded, and what the user's settings say. */
export interface IArrangement {
  folded: readonly SectionName[];
  showAutomatic: boolean;
}

/** What the panel's buttons do in the page around it. */
export interface IPageActions {
  insertExample(): void;
  openTerminal(): void;
}

/** The side panel: it asks for nothing while nobody can see it. */
export class MlopsPanel extends ReactWidget {
  constructor(
    readonly project: ProjectModel,
    readonly actions: ActionsModel,
    private readonly _page: IPageActions,
    private readonly _themes: IThemeManager | null,
    private readonly _trans: TranslationBundle,
    private readonly _version: string
  ) {
    super();
    this.id = PANEL_ID;
    this.addClass('jp-Mlops');
    this.title.icon = mlopsIcon;
    this.title.caption = _trans.__('MLOps');
    document.addEventListener('visibilitychange', this._look);
    window.addEventListener('focus', this._return);
  }

  get arrangement(): IArrangement {
    return this._arrangement;
  }

  /** Emits when the user folds a section. */
  get arranged(): ISignal<this, IArrangement> {
    return this._arranged;
  }

  arrange(layout: Partial<IArrangement>): void {
    this._arrangement = { ...this._arrangement, ...layout };
    this._arranged.emit(this._arrangement);
    this.update();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      document.removeEventListener('visibilitychange', this._look);
      window.removeEventListener('focus', this._return);
      this.project.dispose();
      super.dispose();
    }
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this._look();
  }

  protected override onAfterShow(): void {
    this._look();
  }

  protected override onAfterHide(): void {
    this._look();
  }

  protected override onBeforeDetach(message: Message): void {
    this.project.hide();
    super.onBeforeDetach(message);
  }

  protected override render(): React.JSX.Element {
    return (
      <UseSignal signal={this.project.changed}>
        {() => <UseSignal signal={this.actions.changed}>{() => this._view()}</UseSignal>}
      </UseSignal>
    );
  }

  private _view(): React.JSX.Element {
    const { project, actions, _page: page, _themes: themes, _trans: trans } = this;
    const problem = project.problem;
    const { folded, showAutomatic } = this._arrangement;
    const section = (
      name: SectionName
    ): { name: string; isOpen: boolean; onToggle: () => void } => ({
      name,
      isOpen: !folded.includes(name),
      onToggle: () =>
        this.arrange({
          folded: folded.includes(name) ? folded.filter(one => one !== name) : [...folded, name]
        })
    });
    const moved = project.status?.tracked.filter(one => one.state !== 'clean' && one.pulled);
    const changed = moved?.length ?? 0;
    const told = project.status ? tellRemotes(project.status, trans) : [];
    if (changed > 0) {
      told.unshift(trans._n('%1 not as kept', '%1 not as kept', changed));
    }
    return (
      <div className="jp-Mlops-all" data-reading={project.isReading}>
        <Head project={project} trans={trans} />
        <VersionsDiffer ours={this._version} theirs={project.client.serverVersion} trans={trans} />
        {problem ? (
          <Nothing
            problem={problem}
            project={project}
            actions={actions}
            page={page}
            trans={trans}
          />
        ) : (
          <>
            {project.trouble && (
              <div className="jp-Mlops-card jp-mod-failed">
                <Problem problem={project.trouble} trans={trans} />
              </div>
            )}
            <Cards project={project} actions={actions} trans={trans} />
            {(project.running.shown.length > 0 || project.running.problem) && (
              <Section
                {...section('running')}
                title={trans.__('Running')}
                head={<CountRunning running={project.running} trans={trans} />}
              >
                <Running running={project.running} trans={trans} />
              </Section>
            )}
            <Section
              {...section('history')}
              title={trans.__('History')}
              head={<MetricPicker project={project} trans={trans} />}
            >
              <History
                project={project}
                themes={themes}
                onExample={() => page.insertExample()}
                trans={trans}
              />
            </Section>
            <Section
              {...section('snapshots')}
              title={trans.__('Snapshots')}
              head={<Caption project={project} showAutomatic={showAutomatic} />}
            >
              <Snapshots
                project={project}
                actions={actions}
                showAutomatic={showAutomatic}
                trans={trans}
              />
            </Section>
            <Section
              {...section('data')}
              title={trans.__('Data & models')}
              head={<Counts told={told} />}
            >
              <Data project={project} actions={actions} trans={trans} />
            </Section>
            <Section
              {...section('notebooks')}
              title={trans.__('Notebooks')}
              head={<Counts told={tellNotebooks(project, trans)} />}
            >
              <Notebooks project={project} trans={trans} />
            </Section>
          </>
        )}
      </div>
    );
  }

  private readonly _look = (): void => {
    if (this.isVisible && document.visibilityState === 'visible') {
      this.project.show();
    } else {
      this.project.hide();
    }
  };

  /** Data and notebooks may have changed in another window, of which no event tells. */
  private readonly _return = (): void => this.project.refresh(['status', 'verdicts']);

  private _arrangement: IArrangement = { folded: [], showAutomatic: false };
  private readonly _arranged = new Signal<this, IArrangement>(this);
}

/** Return what is to be exchanged with remotes; without one nothing is. */
function tellRemotes(status: StatusResult, trans: TranslationBundle): string[] {
  const { remotes, not_pushed, not_pulled } = status;
  return [
    ...(not_pulled > 0 ? [trans._n('%1 not pulled', '%1 not pulled', not_pulled)] : []),
    ...(remotes.length > 0 && not_pushed > 0
      ? [trans._n('%1 not pushed', '%1 not pushed', not_pushed)]
      : [])
  ];
}

/** What a section's head says that somebody may want to see to. */
function Counts(props: { told: readonly string[] }): React.JSX.Element | null {
  return props.told.length > 0 ? (
    <span className="jp-Mlops-warning jp-Mlops-counts">{props.told.join(', ')}</span>
  ) : null;
}

/** How many snapshots there are, and the metric whose values stand beside them. */
function Caption(props: { project: ProjectModel; showAutomatic: boolean }): React.JSX.Element {
  const { log, chart } = props.project;
  const listed = log?.snapshots.filter(one => props.showAutomatic || !one.automatic);
  const metric = chart?.drawing.metrics[0];
  return (
    <>
      <span className="jp-Mlops-quiet">{listed?.length}</span>
      <span className="jp-Mlops-caption" title={metric?.name}>
        {metric?.label}
      </span>
    </>
  );
}

/** Which project and branch all of this is about. */
function Head(props: { project: ProjectModel; trans: TranslationBundle }): React.JSX.Element {
  const { project, trans } = props;
  const { status, watch } = project;
  const where =
    status === null
      ? ''
      : (status.branch ??
        (status.head === null ? '' : trans.__('detached at %1', status.head.slice(0, 7))));
  return (
    <header className="jp-Mlops-head">
      <span className="jp-Mlops-project" title={watch?.project ?? undefined}>
        {watch?.name ?? trans.__('MLOps')}
      </span>
      {where !== '' && (
        <span className="jp-Mlops-branch" title={where}>
          ⎇ {where}
        </span>
      )}
      {status !== null && status.head === null && (
        <span className="jp-Mlops-quiet">{trans.__('no commit yet')}</span>
      )}
      <button
        type="button"
        className="jp-Mlops-refresh"
        title={trans.__('Read everything again')}
        aria-label={trans.__('Refresh')}
        onClick={() => project.retry()}
      >
        <refreshIcon.react tag="span" width="16px" height="16px" />
      </button>
    </header>
  );
}
