import { Time } from '@jupyterlab/coreutils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { formatValue } from 'mlops-chart-parts';
import * as React from 'react';
import type { LoggedSnapshot } from '../api/schema';
import type { ActionsModel } from '../model/actions';
import { labelNames } from '../model/names';
import type { ProjectModel } from '../model/project';
import { Button, Problem } from './parts';

const SHOWN_AT_FIRST = 6;
const SHOWN_MORE = 20;
const FILTERED_FROM = 8;

/** The snapshots that are kept, newest first: name, bring back, compare two. */
export function Snapshots(props: {
  project: ProjectModel;
  actions: ActionsModel;
  showAutomatic: boolean;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { project, actions, showAutomatic, trans } = props;
  const [ticked, setTicked] = React.useState<readonly string[]>([]);
  const [opened, setOpened] = React.useState<string | null>(null);
  const [wanted, setWanted] = React.useState('');
  const [count, setCount] = React.useState(SHOWN_AT_FIRST);
  const problem = project.problemOf('log');
  if (!project.log) {
    return problem && <Problem problem={problem} trans={trans} />;
  }
  const all = project.log.snapshots.filter(one => showAutomatic || !one.automatic);
  const found = all.filter(one => matches(one, wanted));
  const chosen = all.filter(one => ticked.includes(one.id));
  const [later, earlier] = chosen;
  const tick = (id: string): void =>
    setTicked(ticked.includes(id) ? ticked.filter(one => one !== id) : [...ticked.slice(-1), id]);
  if (project.log.snapshots.length === 0) {
    return <NoSnapshots trans={trans} />;
  }
  return (
    <>
      {problem && <Problem problem={problem} trans={trans} />}
      {(all.length >= FILTERED_FROM || wanted !== '') && (
        <input
          type="search"
          className="jp-Mlops-filter"
          placeholder={trans.__('Filter by name, text, branch…')}
          aria-label={trans.__('Filter snapshots')}
          value={wanted}
          onChange={event => setWanted(event.target.value)}
        />
      )}
      <ul className="jp-Mlops-kept">
        {found.slice(0, count).map(snapshot => (
          <Row
            key={snapshot.id}
            snapshot={snapshot}
            metric={project.chart?.drawing.metrics[0]?.name ?? null}
            isTicked={ticked.includes(snapshot.id)}
            isOpen={opened === snapshot.id}
            onTick={() => tick(snapshot.id)}
            onOpen={() => setOpened(opened === snapshot.id ? null : snapshot.id)}
            actions={actions}
            trans={trans}
          />
        ))}
      </ul>
      {found.length === 0 && (
        <p className="jp-Mlops-quiet">{trans.__('No snapshot is like that.')}</p>
      )}
      <div className="jp-Mlops-actions">
        {found.length > count && (
          <Button
            label={trans.__('Show %1 more', Math.min(found.length - count, SHOWN_MORE))}
            onClick={() => setCount(count + SHOWN_MORE)}
          />
        )}
        {earlier && later ? (
          <Button
            label={trans.__('Compare the two')}
            primary
            disabled={actions.isBusy}
            onClick={() => void actions.compare(earlier.id, later.id)}
          />
        ) : (
          all.length > 1 && (
            <span className="jp-Mlops-quiet">
              {later ? trans.__('Tick one more to compare.') : trans.__('Tick two to compare.')}
            </span>
          )
        )}
      </div>
    </>
  );
}

function NoSnapshots(props: { trans: TranslationBundle }): React.JSX.Element {
  const { trans } = props;
  return (
    <div className="jp-Mlops-teach">
      <p>
        {trans.__(
          'No snapshot yet. One keeps data, models, code and metrics as one state that can be brought back:'
        )}
      </p>
      <pre>{'%snapshot data/ model.pkl -m "A first try"'}</pre>
    </div>
  );
}

function matches(snapshot: LoggedSnapshot, wanted: string): boolean {
  const words = [snapshot.id, snapshot.name, snapshot.message, ...snapshot.branches];
  const text = words.join(' ').toLowerCase();
  return wanted
    .toLowerCase()
    .split(/\s+/)
    .every(word => text.includes(word));
}

function Row(props: {
  snapshot: LoggedSnapshot;
  metric: string | null;
  isTicked: boolean;
  isOpen: boolean;
  onTick: () => void;
  onOpen: () => void;
  actions: ActionsModel;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { snapshot, metric, isTicked, isOpen, onTick, onOpen, actions, trans } = props;
  const called = snapshot.name ?? snapshot.id;
  const value = metric === null ? undefined : snapshot.metrics[metric];
  const at = new Date(snapshot.created_at);
  return (
    <li className="jp-Mlops-snapshot">
      <div className="jp-Mlops-rowHead">
        <input
          type="checkbox"
          aria-label={trans.__('Compare %1', called)}
          checked={isTicked}
          onChange={onTick}
        />
        <button type="button" className="jp-Mlops-rowTitle" aria-expanded={isOpen} onClick={onOpen}>
          <span className={snapshot.name === null ? 'jp-Mlops-id' : 'jp-Mlops-called'}>
            {called}
          </span>
          {value !== undefined && <span className="jp-Mlops-value">{formatValue(value)}</span>}
          <span className="jp-Mlops-message">
            {snapshot.automatic && (
              <span className="jp-Mlops-automatic">{trans.__('automatic')} </span>
            )}
            {snapshot.message ?? ''}
          </span>
          <span className="jp-Mlops-quiet" title={Time.format(at)}>
            {[Time.formatHuman(at), ...snapshot.branches.slice(0, 1)].join(' · ')}
            {snapshot.branches.length > 1 && ` +${snapshot.branches.length - 1}`}
          </span>
        </button>
      </div>
      {isOpen && <Details snapshot={snapshot} actions={actions} trans={trans} />}
    </li>
  );
}

function Details(props: {
  snapshot: LoggedSnapshot;
  actions: ActionsModel;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { snapshot, actions, trans } = props;
  const [naming, setNaming] = React.useState<string | null>(null);
  const isNothing = (naming ?? '').trim() === '' && snapshot.name === null;
  const rename = async (): Promise<void> => {
    if (!isNothing && (await actions.name(snapshot.id, (naming ?? '').trim()))) {
      setNaming(null);
    }
  };
  const { metrics, params } = snapshot;
  const labels = labelNames([...Object.keys(metrics), ...Object.keys(params)]);
  const values: [string, string][] = [
    ...Object.entries(metrics).map(([name, value]): [string, string] => [name, formatValue(value)]),
    ...Object.entries(params).map(([name, value]): [string, string] => [name, String(value)])
  ];
  return (
    <div className="jp-Mlops-details">
      <dl>
        <dt>{trans.__('Id')}</dt>
        <dd>
          <code>{snapshot.id}</code>
        </dd>
        <dt>{trans.__('Commit')}</dt>
        <dd>
          <code>{snapshot.base?.slice(0, 10) ?? trans.__('none yet')}</code>{' '}
          {snapshot.branches.length > 0 ? snapshot.branches.join(', ') : trans.__('on no branch')}
        </dd>
        {snapshot.paths.length > 0 && (
          <>
            <dt>{trans.__('Data')}</dt>
            <dd>{snapshot.paths.join(', ')}</dd>
          </>
        )}
        {values.map(([name, value]) => (
          <React.Fragment key={name}>
            <dt title={name}>{labels.get(name)}</dt>
            <dd>{value}</dd>
          </React.Fragment>
        ))}
      </dl>
      {naming === null ? (
        <div className="jp-Mlops-actions">
          <Button
            label={trans.__('Restore…')}
            title={trans.__('Shows first what would be done')}
            disabled={actions.isBusy}
            onClick={() => void actions.planRestore(snapshot.id)}
          />
          <Button
            label={snapshot.name === null ? trans.__('Name…') : trans.__('Rename…')}
            disabled={actions.isBusy}
            onClick={() => setNaming(snapshot.name ?? '')}
          />
        </div>
      ) : (
        <form
          className="jp-Mlops-actions"
          onSubmit={event => {
            event.preventDefault();
            void rename();
          }}
        >
          <input
            type="text"
            aria-label={trans.__('Name of the snapshot')}
            placeholder={trans.__('best-so-far')}
            value={naming}
            autoFocus
            onChange={event => setNaming(event.target.value)}
            onKeyDown={event => {
              if (event.key === 'Escape') {
                setNaming(null);
              }
            }}
          />
          <Button
            label={
              naming.trim() === '' && snapshot.name !== null
                ? trans.__('Take name away')
                : trans.__('Save')
            }
            primary
            disabled={isNothing || actions.isBusy}
          />
          <Button label={trans.__('Cancel')} onClick={() => setNaming(null)} />
        </form>
      )}
    </div>
  );
}
