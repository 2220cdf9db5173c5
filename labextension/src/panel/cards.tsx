import type { TranslationBundle } from '@jupyterlab/translation';
import { formatValue } from 'mlops-chart-parts';
import * as React from 'react';
import type { ActionsModel, IComparison, IRestorePlan, Outcome } from '../model/actions';
import { labelNames } from '../model/names';
import type { ProjectModel } from '../model/project';
import { formatSeconds } from '../model/pace';
import { formatBytes } from '../model/units';
import { Button, Change, Problem } from './parts';

const SHOWN_FILES = 8;

/** What is under way, planned or done: one card at the top of the panel. */
export function Cards(props: {
  project: ProjectModel;
  actions: ActionsModel;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { project, actions, trans } = props;
  const names = new Map(project.log?.snapshots.map(one => [one.id, one.name ?? one.id]));
  const call = (revision: string): string => names.get(revision) ?? revision;
  const root = React.useRef<HTMLDivElement>(null);
  const { plan, comparison, outcome } = actions;
  React.useEffect(() => {
    if (plan ?? comparison ?? outcome) {
      root.current?.scrollIntoView({ block: 'nearest' });
    }
  }, [plan, comparison, outcome]);
  return (
    <div ref={root}>
      {actions.job && <Job actions={actions} trans={trans} />}
      {plan && <Plan plan={plan} call={call} actions={actions} trans={trans} />}
      {comparison && (
        <Comparison compared={comparison} call={call} actions={actions} trans={trans} />
      )}
      {outcome && <Done outcome={outcome} actions={actions} trans={trans} />}
    </div>
  );
}

function Job(props: { actions: ActionsModel; trans: TranslationBundle }): React.JSX.Element | null {
  const { actions, trans } = props;
  const job = actions.job;
  if (!job) {
    return null;
  }
  const label = job.label ?? job.command;
  const tell = (count: number): string =>
    job.unit === 'B' ? formatBytes(count) : `${count.toLocaleString()} ${job.unit ?? ''}`;
  const whole = job.total === null ? '' : ` / ${tell(job.total)}`;
  const told = job.unit === null ? [] : [`${tell(job.done)}${whole}`];
  const pace = actions.perSecond;
  if (pace !== null && job.unit === 'B') {
    told.push(trans.__('%1/s', formatBytes(Math.round(pace))));
    if (job.total !== null && job.total > job.done) {
      told.push(trans.__('%1 left', formatSeconds((job.total - job.done) / pace)));
    }
  }
  return (
    <div className="jp-Mlops-card">
      <div>{label}</div>
      <progress
        aria-label={label}
        max={job.total ?? undefined}
        value={job.total === null ? undefined : job.done}
      />
      <div className="jp-Mlops-actions">
        <span className="jp-Mlops-quiet">{told.join(' · ')}</span>
        <Button label={trans.__('Stop')} onClick={() => void actions.cancel()} />
      </div>
    </div>
  );
}

function Plan(props: {
  plan: IRestorePlan;
  call: (revision: string) => string;
  actions: ActionsModel;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { plan, call, actions, trans } = props;
  const { result } = plan;
  const moved = result.paths.filter(path => path.written > 0 || path.deleted > 0);
  return (
    <div className="jp-Mlops-card jp-Mlops-plan">
      <h3>
        {plan.revision === null
          ? trans.__('Restore what the pointer files name?')
          : trans.__('Restore %1?', call(plan.revision))}
      </h3>
      {moved.length === 0 ? (
        <p>{trans.__('All files are as they were then; nothing is to be written.')}</p>
      ) : (
        <>
          <ul className="jp-Mlops-list">
            {moved.map(path => (
              <li key={path.path}>
                <div>{path.path}</div>
                <div className="jp-Mlops-quiet">
                  {trans._n('%1 file written', '%1 files written', path.written)}
                  {` (${formatBytes(path.written_bytes)})`}
                  {path.deleted > 0 && `, ${trans._n('%1 deleted', '%1 deleted', path.deleted)}`}
                </div>
              </li>
            ))}
          </ul>
          <p className="jp-Mlops-quiet">
            {trans.__('What is not kept yet is kept as a snapshot first.')}
          </p>
        </>
      )}
      <div className="jp-Mlops-actions">
        <Button
          label={trans.__('Restore')}
          primary
          disabled={actions.isBusy}
          onClick={() => void actions.restore(plan)}
        />
        <Button label={trans.__('Cancel')} onClick={() => actions.dismiss()} />
      </div>
    </div>
  );
}

function Comparison(props: {
  compared: IComparison;
  call: (revision: string) => string;
  actions: ActionsModel;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { compared, call, actions, trans } = props;
  const { metrics, params, data } = compared;
  const files = data.paths.flatMap(path => [
    ...path.added.map(name => ['+', join(path.path, name)] as const),
    ...path.deleted.map(name => ['−', join(path.path, name)] as const),
    ...path.modified.map(name => ['~', join(path.path, name)] as const),
    ...path.renamed.map(([old, now]) => ['→', `${join(path.path, old)} → ${now}`] as const)
  ]);
  const labels = labelNames([...metrics.changes, ...params.changes].map(one => one.name));
  const nothing = metrics.changes.length === 0 && params.changes.length === 0 && files.length === 0;
  return (
    <div className="jp-Mlops-card jp-Mlops-comparison">
      <h3>
        {call(compared.old)} → {call(compared.new)}
      </h3>
      {nothing && <p>{trans.__('Metrics, parameters and data are the same.')}</p>}
      <ul className="jp-Mlops-list">
        {metrics.changes.map(change => (
          <Moved key={change.name} label={labels.get(change.name)} {...change}>
            <Change text={tellDelta(change.delta)} better={change.better} trans={trans} />
          </Moved>
        ))}
        {params.changes.map(change => (
          <Moved key={change.name} label={labels.get(change.name)} {...change} />
        ))}
      </ul>
      {files.length > 0 && (
        <ul className="jp-Mlops-list">
          {files.slice(0, SHOWN_FILES).map(([sign, name]) => (
            <li key={`${sign} ${name}`}>
              <code>{sign}</code> {name}
            </li>
          ))}
          {files.length > SHOWN_FILES && (
            <li className="jp-Mlops-quiet">
              {trans.__('… and %1 more files', files.length - SHOWN_FILES)}
            </li>
          )}
        </ul>
      )}
      <div className="jp-Mlops-actions">
        <Button label={trans.__('Close')} onClick={() => actions.dismiss()} />
      </div>
    </div>
  );
}

/** A metric or parameter, what it was and what it is. */
function Moved(props: {
  name: string;
  label: string | undefined;
  old: Value;
  new: Value;
  children?: React.ReactNode;
}): React.JSX.Element {
  const { name, label, old, new: now, children } = props;
  return (
    <li>
      <span title={name}>{label}</span>
      <div className="jp-Mlops-moved">
        {tellValue(old)} → <b>{tellValue(now)}</b> {children}
      </div>
    </li>
  );
}

type Value = string | number | boolean | null;

function tellValue(value: Value): string {
  return typeof value === 'number' ? formatValue(value) : value === null ? '–' : String(value);
}

function tellDelta(delta: number | null): string {
  return delta === null ? '' : `${delta > 0 ? '▲ +' : '▼ −'}${formatValue(Math.abs(delta))}`;
}

function join(path: string, name: string): string {
  return name === '' ? path : `${path}/${name}`;
}

/** What became of the last action, and the way back. */
function Done(props: {
  outcome: Outcome;
  actions: ActionsModel;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { outcome, actions, trans } = props;
  if (outcome.kind === 'failed') {
    return (
      <div className="jp-Mlops-card jp-mod-failed">
        <Problem problem={outcome.problem} trans={trans} />
        <div className="jp-Mlops-actions">
          <Button label={trans.__('Close')} onClick={() => actions.dismiss()} />
        </div>
      </div>
    );
  }
  if (outcome.kind === 'unknown-place') {
    return (
      <div className="jp-Mlops-card jp-Mlops-place" role="alertdialog">
        <h3>{trans.__('Use this place?')}</h3>
        <p>{outcome.problem.message}</p>
        <p className="jp-Mlops-quiet">
          {trans.__('You are asked once for each place. Data of this project goes there.')}
        </p>
        <div className="jp-Mlops-actions">
          <Button
            label={
              outcome.command === 'push' ? trans.__('Use it and push') : trans.__('Use it and pull')
            }
            primary
            disabled={actions.isBusy}
            onClick={() => void actions.exchange(outcome.command, true, outcome.at)}
          />
          <Button label={trans.__('Cancel')} onClick={() => actions.dismiss()} />
        </div>
      </div>
    );
  }
  return (
    <div className="jp-Mlops-card" role="status">
      {tellOutcome(outcome, trans).map(line => (
        <div key={line}>{line}</div>
      ))}
      <div className="jp-Mlops-actions">
        {actions.canUndo && canTakeBack(outcome) && (
          <Button
            label={outcome.kind === 'undo' ? trans.__('Have it again') : trans.__('Undo')}
            disabled={actions.isBusy}
            onClick={() => void actions.undo(outcome.at)}
          />
        )}
        <Button label={trans.__('Close')} onClick={() => actions.dismiss()} />
      </div>
    </div>
  );
}

/** Return what waits for a commit before it can be pushed. */
export function tellUncommitted(count: number, trans: TranslationBundle): string {
  return trans._n(
    '%1 path waits for a commit that names what is kept: git commit, then push.',
    '%1 paths wait for a commit that names what is kept: git commit, then push.',
    count
  );
}

/** Return whether undoing takes back what was done. */
function canTakeBack(outcome: Outcome): boolean {
  switch (outcome.kind) {
    case 'pull':
      return outcome.result.written > 0;
    case 'snapshot':
    case 'restore':
    case 'undo':
      return true;
    default:
      return false;
  }
}

function tellOutcome(
  outcome: Exclude<Outcome, { kind: 'failed' | 'unknown-place' }>,
  trans: TranslationBundle
): string[] {
  switch (outcome.kind) {
    case 'snapshot': {
      const { id, name, paths, stored_bytes, left_out, hints } = outcome.result;
      const files = paths.reduce((sum, path) => sum + path.files, 0);
      return [
        trans.__('Snapshot %1', name ?? id),
        trans._n(
          'Kept %1 file, %2 new in the store.',
          'Kept %1 files, %2 new in the store.',
          files,
          formatBytes(stored_bytes)
        ),
        ...left_out.map(one => trans.__('Left out %1: %2.', one.path, one.why)),
        ...hints
      ];
    }
    case 'restore': {
      const { written, deleted, unchanged, saved_as } = outcome.result;
      return [
        trans._n(
          'Wrote %1 file, deleted %2, left %3 unchanged.',
          'Wrote %1 files, deleted %2, left %3 unchanged.',
          written,
          deleted,
          unchanged
        ),
        ...(saved_as === null
          ? []
          : [trans.__('What was overwritten is kept as snapshot %1.', saved_as)])
      ];
    }
    case 'undo':
      return [trans.__('Took back: %1', outcome.result.command.join(' ')), ...outcome.result.hints];
    case 'push': {
      const { remote, packs, bytes, up_to_date, absent, not_committed } = outcome.result;
      return [
        ...(packs > 0 ? [trans.__('Pushed %1 to %2.', formatBytes(bytes), remote)] : []),
        ...(up_to_date ? [trans.__('%1 has all that commits name.', remote)] : []),
        ...(absent === 0
          ? []
          : [
              trans._n(
                'Neither here nor on %2: %1 file or folder.',
                'Neither here nor on %2: %1 files or folders.',
                absent,
                remote
              )
            ]),
        ...(not_committed === 0 ? [] : [tellUncommitted(not_committed, trans)])
      ];
    }
    case 'pull': {
      const { remote, bytes, up_to_date, written, left, outputs } = outcome.result;
      return [
        up_to_date
          ? trans.__('All that %1 has of it is here already.', remote)
          : trans.__('Fetched %1 from %2.', formatBytes(bytes), remote),
        ...(written === 0 ? [] : [trans._n('Wrote %1 file.', 'Wrote %1 files.', written)]),
        ...(outputs.length === 0
          ? []
          : [
              trans._n(
                '%1 notebook has its outputs again.',
                '%1 notebooks have their outputs again.',
                outputs.length
              )
            ]),
        ...(left.length === 0
          ? []
          : [trans.__('Changed here, and left as it is: %1.', left.join(', '))])
      ];
    }
    case 'cancelled':
      return [trans.__('Stopped. Nothing is lost; do it again to go on.')];
  }
}
