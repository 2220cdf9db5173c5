import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { State, StatusResult, TrackedResult } from '../api/schema';
import type { ActionsModel } from '../model/actions';
import type { ProjectModel } from '../model/project';
import { formatBytes } from '../model/units';
import { quote } from '../model/words';
import { tellUncommitted } from './cards';
import { Button, Problem } from './parts';

const SHOWN_FILES = 8;

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
            <Tracked
              key={one.path}
              tracked={one}
              hasRemote={status.remotes.length > 0}
              trans={trans}
            />
          ))}
        </ul>
      )}
      <TakeSnapshot status={status} actions={actions} trans={trans} />
      <div className="jp-Mlops-actions">
        {moved.some(one => one.pulled) && (
          <Button
            label={trans.__('Restore…')}
            title={trans.__(
              'Makes data what its pointer files name; shows first what that would do'
            )}
            disabled={actions.isBusy}
            onClick={() => void actions.planRestore(null)}
          />
        )}
        {status.not_pulled > 0 && (
          <Button
            label={trans.__('Pull')}
            title={trans.__('Brings here what is lacking, and writes it where you changed nothing')}
            primary
            disabled={actions.isBusy}
            onClick={() => void actions.exchange('pull')}
          />
        )}
        {status.remotes.length > 0 && status.not_pushed > 0 && (
          <Button
            label={trans.__('Push')}
            title={trans.__('Sends the remote what commits name and it lacks')}
            disabled={actions.isBusy}
            onClick={() => void actions.exchange('push')}
          />
        )}
      </div>
      <Whereabouts status={status} trans={trans} />
    </>
  );
}

/** Where the data is: only here, or on a remote as well; and what of the store can go. */
function Whereabouts(props: {
  status: StatusResult;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { status, trans } = props;
  const only = formatBytes(status.only_copy_here);
  const freeable = status.trash_bytes + status.unneeded_bytes;
  const lines: React.ReactNode[] = [];
  if (status.remotes.length === 0) {
    if (status.only_copy_here > 0) {
      lines.push(
        <>
          {trans.__('%1 are only on this machine.', only)}{' '}
          <code>jupyter mlops remote add NAME URL</code>
        </>
      );
    }
  } else if (status.not_pushed > 0) {
    lines.push(trans.__('%1 only here, as of the last push or fetch.', only));
    if (status.not_committed > 0) {
      lines.push(tellUncommitted(status.not_committed, trans));
    }
  } else if (status.tracked.length > 0 && status.not_pulled === 0) {
    lines.push(trans.__('A remote has all of it, as of the last push or fetch.'));
  }
  if (freeable > 0) {
    const command = status.trash_bytes > 0 ? 'gc --trash-days 0' : 'gc';
    lines.push(
      <>
        {trans.__('%1 in the store can be freed:', formatBytes(freeable))}{' '}
        <code>jupyter mlops {command}</code>
      </>
    );
  }
  return (
    <>
      {lines.map((line, at) => (
        <p key={at} className="jp-Mlops-quiet">
          {line}
        </p>
      ))}
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

function Tracked(props: {
  tracked: TrackedResult;
  hasRemote: boolean;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { tracked, hasRemote, trans } = props;
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
        {hasRemote && !tracked.pushed && <Arrow sign="↑" means={trans.__('not pushed')} />}
        {!tracked.pulled && <Arrow sign="↓" means={trans.__('not pulled')} />}
      </span>
      <span className="jp-Mlops-size">
        {tracked.size_bytes === null ? '' : formatBytes(tracked.size_bytes)}
      </span>
      {tracked.in_conflict && <Conflict tracked={tracked} trans={trans} />}
    </li>
  );
}

/** A sign with its meaning for who hears or points at it. */
function Arrow(props: { sign: string; means: string }): React.JSX.Element {
  return (
    <span className="jp-Mlops-arrowSign" role="img" aria-label={props.means} title={props.means}>
      {props.sign}
    </span>
  );
}

/** The files that both sides of a merge changed, and how to conclude it. */
function Conflict(props: { tracked: TrackedResult; trans: TranslationBundle }): React.JSX.Element {
  const { tracked, trans } = props;
  const files = tracked.files_in_conflict;
  return (
    <div className="jp-Mlops-conflict">
      {files.length > 0 && (
        <>
          <div>{trans.__('Changed on both sides:')}</div>
          <ul>
            {files.slice(0, SHOWN_FILES).map(name => (
              <li key={name} className="jp-Mlops-path" title={name}>
                {name}
              </li>
            ))}
            {files.length > SHOWN_FILES && (
              <li className="jp-Mlops-quiet">
                {trans.__('… and %1 more files', files.length - SHOWN_FILES)}
              </li>
            )}
          </ul>
        </>
      )}
      {['--ours', '--theirs'].map(side => (
        <div key={side} className="jp-Mlops-hint">
          <code>
            jupyter mlops resolve {quote(tracked.path)} {side}
          </code>
        </div>
      ))}
    </div>
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
