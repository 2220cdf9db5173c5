import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { State, StatusResult, TrackedResult } from '../api/schema';
import type { ActionsModel } from '../model/actions';
import type { ProjectModel } from '../model/project';
import { formatBytes } from '../model/units';
import { Button, Problem } from './parts';

/** Tracked data and models: how they stand to what is kept, and what can be done about it. */
export function Data(props: {
  project: ProjectModel;
  actions: ActionsModel;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { project, actions, trans } = props;
  const problem = project.problemOf('status');
  const status = project.status;
  if (!status) {
    return problem && <Problem problem={problem} trans={trans} />;
  }
  const moved = status.tracked.filter(one => RESTORED.has(one.state) && !one.in_conflict);
  return (
    <>
      {problem && <Problem problem={problem} trans={trans} />}
      {status.tracked.length > 0 && (
        <ul className="jp-Mlops-tracked">
          {status.tracked.map(one => (
            <Tracked key={one.path} tracked={one} trans={trans} />
          ))}
        </ul>
      )}
      <TakeSnapshot status={status} actions={actions} trans={trans} />
      {moved.length > 0 && (
        <div className="jp-Mlops-actions">
          <Button
            label={trans.__('Restore…')}
            title={trans.__(
              'Makes data what its pointer files name; shows first what that would do'
            )}
            disabled={actions.isBusy}
            onClick={() => void actions.planRestore(null)}
          />
        </div>
      )}
      {status.only_copy_here > 0 && (
        <p className="jp-Mlops-quiet">
          {trans.__('%1 are only on this machine.', formatBytes(status.only_copy_here))}
        </p>
      )}
      {status.notebooks_with_outputs.length > 0 && (
        <p className="jp-Mlops-warning">
          {trans._n(
            '%1 notebook is committed with outputs:',
            '%1 notebooks are committed with outputs:',
            status.notebooks_with_outputs.length
          )}{' '}
          {status.notebooks_with_outputs.join(', ')}. <code>git add --renormalize .</code>
        </p>
      )}
    </>
  );
}

/** States in which the data is not what its pointer file names, and `restore` makes it so. */
const RESTORED: ReadonlySet<State> = new Set<State>(['missing', 'behind', 'diverged']);

function tellState(tracked: TrackedResult, trans: TranslationBundle): string {
  if (tracked.in_conflict) {
    return trans.__('its pointer file is in a merge conflict');
  }
  switch (tracked.state) {
    case 'clean':
      return trans.__('kept');
    case 'changed':
      return trans.__('changed since it was kept');
    case 'missing':
      return trans.__('not here');
    case 'behind':
      return trans.__('older than its pointer, which Git has moved');
    case 'diverged':
      return trans.__('changed, and its pointer has moved too');
  }
}

function Tracked(props: { tracked: TrackedResult; trans: TranslationBundle }): React.JSX.Element {
  const { tracked, trans } = props;
  const counts = [
    ['~', tracked.files_changed],
    ['+', tracked.files_added],
    ['−', tracked.files_deleted]
  ] as const;
  const told = counts.flatMap(([sign, count]) => (count ? [`${sign}${count}`] : []));
  return (
    <li className={`jp-Mlops-one jp-mod-${tracked.in_conflict ? 'diverged' : tracked.state}`}>
      <span className="jp-Mlops-mark" aria-hidden="true" />
      <span className="jp-Mlops-path" title={tracked.path}>
        {tracked.path}
      </span>
      <span className="jp-Mlops-state">
        {tellState(tracked, trans)}
        {told.length > 0 && ` (${told.join(' ')})`}
      </span>
      <span className="jp-Mlops-size">
        {tracked.size_bytes === null ? '' : formatBytes(tracked.size_bytes)}
      </span>
    </li>
  );
}

/** A line to say why, and the button; where nothing is tracked yet, a line for what to keep. */
function TakeSnapshot(props: {
  status: StatusResult;
  actions: ActionsModel;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { status, actions, trans } = props;
  const [message, setMessage] = React.useState('');
  const [path, setPath] = React.useState('');
  const isFirst = status.tracked.length === 0;
  const take = async (): Promise<void> => {
    if (await actions.snapshot(path.trim() === '' ? [] : [path.trim()], message.trim())) {
      setMessage('');
      setPath('');
    }
  };
  return (
    <form
      className="jp-Mlops-take"
      onSubmit={event => {
        event.preventDefault();
        void take();
      }}
    >
      {isFirst && (
        <>
          <p>{trans.__('Nothing is tracked yet. Which file or folder is to be kept?')}</p>
          <input
            type="text"
            aria-label={trans.__('Path to keep')}
            placeholder={trans.__('data or model.pkl')}
            value={path}
            onChange={event => setPath(event.target.value)}
          />
        </>
      )}
      <div className="jp-Mlops-actions">
        <input
          type="text"
          aria-label={trans.__('Why this state is worth keeping')}
          placeholder={trans.__('Message')}
          value={message}
          onChange={event => setMessage(event.target.value)}
        />
        <Button label={trans.__('Snapshot')} primary disabled={actions.isBusy} />
      </div>
    </form>
  );
}
