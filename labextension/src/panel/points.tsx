import type { TranslationBundle } from '@jupyterlab/translation';
import { describeChange, describeDot, formatValue, groupsOf } from 'mlops-chart-parts';
import * as React from 'react';
import type { Drawing } from '../api/schema';
import { Change } from './parts';

const ROWS_LIMIT = 500;

/** What the mouse or the arrow keys point at. */
export function ReadOut(props: {
  drawing: Drawing;
  at: number | null;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { drawing, at, trans } = props;
  const { metrics, dots } = drawing;
  if (at === null || at >= dots.column.length) {
    return <div className="jp-Mlops-readout" aria-live="polite" />;
  }
  const dot = describeDot(drawing, at);
  const commit = dot.commit === null ? trans.__('no commit') : dot.commit.slice(0, 7);
  return (
    <div className="jp-Mlops-readout" aria-live="polite">
      {metrics.map(metric => {
        const change = describeChange(drawing, metric, at);
        return (
          <div key={metric.name}>
            {metrics.length > 1 && <span className="jp-Mlops-quiet">{metric.label} </span>}
            <b>{formatValue(metric.values[at])}</b>{' '}
            {change && <Change text={change.text} better={change.better} trans={trans} />}
          </div>
        );
      })}
      <div>
        {dot.snapshot !== null && (
          <>
            {trans.__('snapshot')} <code>{dot.snapshot}</code> {trans.__('of')}{' '}
          </>
        )}
        <code>{commit}</code>
        <span className="jp-Mlops-quiet"> · {dot.where || trans.__('on no branch')}</span>
        {dot.tags.map(name => (
          <span key={name}> ⚑ {name}</span>
        ))}
      </div>
      <div className="jp-Mlops-subject" title={dot.subject}>
        {dot.subject}
      </div>
      <div className="jp-Mlops-quiet">
        {[dot.author, dot.when].filter(one => one !== null && one !== '').join(' · ')}
      </div>
    </div>
  );
}

/** The same as the chart, in numbers. */
export function Table(props: {
  drawing: Drawing;
  hidden: readonly string[];
  broughtOut: readonly string[];
  trans: TranslationBundle;
}): React.JSX.Element {
  const { drawing, hidden, broughtOut, trans } = props;
  const [isOpen, setOpen] = React.useState(false);
  return (
    <details className="jp-Mlops-table" onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>{trans.__('Show as table')}</summary>
      {isOpen && <Rows drawing={drawing} hidden={hidden} broughtOut={broughtOut} trans={trans} />}
    </details>
  );
}

function Rows(props: {
  drawing: Drawing;
  hidden: readonly string[];
  broughtOut: readonly string[];
  trans: TranslationBundle;
}): React.JSX.Element {
  const { drawing, hidden, broughtOut, trans } = props;
  const { branches, dots, metrics } = drawing;
  const own = new Set(groupsOf(drawing, broughtOut).map(group => group.name));
  const groupOf = (at: number): string => {
    const name = branches[dots.branch[at] ?? -1] ?? '';
    return own.has(name) ? name : '';
  };
  const found = [...dots.column.keys()].filter(
    at =>
      !hidden.includes(groupOf(at)) && metrics.some(metric => (metric.values[at] ?? null) !== null)
  );
  return (
    <div
      className="jp-Mlops-scroll"
      tabIndex={0}
      role="region"
      aria-label={metrics.map(metric => metric.label).join(', ')}
    >
      {found.length > ROWS_LIMIT && (
        <p className="jp-Mlops-quiet">
          {trans.__('The newest %1 of %2 points.', ROWS_LIMIT, found.length)}
        </p>
      )}
      <table>
        <thead>
          <tr>
            <th>{trans.__('Commit')}</th>
            {metrics.map(metric => (
              <React.Fragment key={metric.name}>
                <th className="jp-mod-amount">{metric.label}</th>
                <th className="jp-mod-amount">{trans.__('Change')}</th>
              </React.Fragment>
            ))}
            <th>{trans.__('Branch')}</th>
            <th>{trans.__('Subject')}</th>
            <th>{trans.__('When')}</th>
          </tr>
        </thead>
        <tbody>
          {found.slice(-ROWS_LIMIT).map(at => {
            const dot = describeDot(drawing, at);
            return (
              <tr key={at}>
                <td>
                  <code>{dot.snapshot ?? dot.commit?.slice(0, 7) ?? ''}</code>
                  {dot.tags.map(name => (
                    <span key={name}> ⚑ {name}</span>
                  ))}
                </td>
                {metrics.map(metric => (
                  <React.Fragment key={metric.name}>
                    <td className="jp-mod-amount">{formatValue(metric.values[at])}</td>
                    <td className="jp-mod-amount">
                      {describeChange(drawing, metric, at)?.text ?? ''}
                    </td>
                  </React.Fragment>
                ))}
                <td>{dot.where}</td>
                <td>{dot.subject}</td>
                <td>{dot.when}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
