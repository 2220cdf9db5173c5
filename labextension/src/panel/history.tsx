import type { IThemeManager } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { describeChange, formatValue, type ILook } from 'mlops-chart';
import * as React from 'react';
import type { Drawing, DrawnGroup, MetricsChartResult } from '../api/schema';
import type { ProjectModel } from '../model/project';
import { Chart, useLook } from './chart';
import { Button, Change, Problem } from './parts';

/** Which metric is drawn. */
export function MetricPicker(props: {
  project: ProjectModel;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { project, trans } = props;
  const chart = project.chart;
  const drawn = chart?.drawing.metrics[0];
  if (!chart || !drawn) {
    return null;
  }
  const arrow = drawn.way === null ? '' : drawn.way === 'higher' ? '↑' : '↓';
  const way =
    drawn.way === null
      ? undefined
      : drawn.way === 'higher'
        ? trans.__('Higher is better')
        : trans.__('Lower is better');
  return (
    <span className="jp-Mlops-picker">
      <select
        aria-label={trans.__('Metric')}
        title={drawn.name}
        value={drawn.name}
        onChange={event => project.choose({ metric: event.target.value })}
      >
        {chart.metrics.map(metric => (
          <option key={metric.name} value={metric.name}>
            {metric.label}
          </option>
        ))}
      </select>
      {way !== undefined && (
        <span className="jp-Mlops-way" title={way} aria-label={way} role="img">
          {arrow}
        </span>
      )}
    </span>
  );
}

/** The history of one metric: branches to choose, the chart, what it points at, and the table. */
export function History(props: {
  project: ProjectModel;
  themes: IThemeManager | null;
  onExample: () => void;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { project, themes, onExample, trans } = props;
  const root = React.useRef<HTMLDivElement>(null);
  const look = useLook(root, themes);
  const [pointed, setPointed] = React.useState<number | null>(null);
  const [failure, setFailure] = React.useState<string | null>(null);
  const [tries, setTries] = React.useState(0);
  const problem = project.problemOf('chart');
  const result = project.chart;
  const drawing = result?.drawing ?? null;
  const hiddenNames = project.view.hidden;
  const hidden = React.useMemo(
    () => new Set(drawing?.groups.flatMap((g, at) => (hiddenNames.includes(g.label) ? at : []))),
    [drawing, hiddenNames]
  );
  return (
    <div ref={root}>
      {problem && <Problem problem={problem} trans={trans} />}
      {failure !== null && (
        <div className="jp-Mlops-problem" role="alert">
          {trans.__('The chart cannot be drawn: %1', failure)}{' '}
          <Button label={trans.__('Try again')} onClick={() => setTries(tries + 1)} />
        </div>
      )}
      {result && drawing && result.item === null && (
        <NoMetrics onExample={onExample} trans={trans} />
      )}
      {result && drawing && result.item !== null && (
        <>
          <Branches
            drawing={drawing}
            hidden={hiddenNames}
            look={look}
            onChange={hidden => project.choose({ hidden })}
            trans={trans}
          />
          <Chart
            key={tries}
            result={result}
            bokehUrl={version => project.client.bokehUrl(version)}
            hidden={hidden}
            look={look}
            onPoint={setPointed}
            onEnd={setFailure}
          />
          <ReadOut drawing={drawing} at={pointed} trans={trans} />
          <Table drawing={drawing} hidden={hidden} trans={trans} />
          <More project={project} result={result} trans={trans} />
        </>
      )}
    </div>
  );
}

function NoMetrics(props: { onExample: () => void; trans: TranslationBundle }): React.JSX.Element {
  const { onExample, trans } = props;
  return (
    <div className="jp-Mlops-teach">
      <p>{trans.__('No commit and no snapshot holds a metric yet. Log one in a cell:')}</p>
      <pre>{'import jupyter_mlops as mlops\nmlops.log(accuracy=0.9)'}</pre>
      <p>{trans.__('A snapshot or a commit afterwards makes it a point of the history.')}</p>
      <Button label={trans.__('Insert an example cell')} onClick={onExample} primary />
    </div>
  );
}

/** A branch's line and marker, as the chart draws them. */
function Swatch(props: { group: DrawnGroup; look: ILook | null }): React.JSX.Element {
  const { group, look } = props;
  const colour = look?.colourOf(group) ?? 'currentColor';
  return (
    <svg width="28" height="14" aria-hidden="true" fill={colour} stroke={colour}>
      <path d="M0 7H28" strokeWidth="2" strokeDasharray={group.dash.join(' ') || undefined} />
      <path d={group.shape} />
    </svg>
  );
}

function Branches(props: {
  drawing: Drawing;
  hidden: readonly string[];
  look: ILook | null;
  onChange: (hidden: readonly string[]) => void;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { drawing, hidden, look, onChange, trans } = props;
  return (
    <div className="jp-Mlops-branches" role="group" aria-label={trans.__('Branches')}>
      {drawing.groups.map(group => {
        const shown = !hidden.includes(group.label);
        return (
          <button
            key={group.label}
            type="button"
            className="jp-Mlops-chip"
            aria-pressed={shown}
            title={group.label}
            onClick={() =>
              onChange(
                shown ? [...hidden, group.label] : hidden.filter(name => name !== group.label)
              )
            }
          >
            <Swatch group={group} look={look} />
            <span className="jp-Mlops-name">{group.label}</span>
          </button>
        );
      })}
      {drawing.dots.some(dot => dot.snapshot !== null) && (
        <span className="jp-Mlops-key">
          <svg width="14" height="14" aria-hidden="true" fill="none" stroke="currentColor">
            <circle cx="7" cy="7" r="5" strokeWidth="1.5" />
          </svg>
          {trans.__('snapshot')}
        </span>
      )}
    </div>
  );
}

/** What the mouse or the arrow keys point at. */
function ReadOut(props: {
  drawing: Drawing;
  at: number | null;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { drawing, at, trans } = props;
  const metric = drawing.metrics[0];
  const dot = at === null ? undefined : drawing.dots[at];
  if (at === null || !metric || !dot) {
    return <div className="jp-Mlops-readout" aria-live="polite" />;
  }
  const change = describeChange(metric, at);
  const commit = dot.commit === null ? trans.__('no commit') : dot.commit.slice(0, 7);
  return (
    <div className="jp-Mlops-readout" aria-live="polite">
      <div>
        <b>{formatValue(metric.values[at])}</b>{' '}
        {change && <Change text={change.text} better={change.better} trans={trans} />}
      </div>
      <div>
        {dot.snapshot !== null && (
          <>
            {trans.__('snapshot')} <code>{dot.snapshot}</code> {trans.__('of')}{' '}
          </>
        )}
        <code>{commit}</code>
        <span className="jp-Mlops-quiet"> · {dot.where || trans.__('on no branch')}</span>
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

function Table(props: {
  drawing: Drawing;
  hidden: ReadonlySet<number>;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { drawing, hidden, trans } = props;
  const [isOpen, setOpen] = React.useState(false);
  const metric = drawing.metrics[0];
  if (!metric) {
    return null;
  }
  const rows = drawing.dots.flatMap((dot, at) =>
    (metric.values[at] ?? null) === null || hidden.has(dot.group) ? [] : [{ dot, at }]
  );
  return (
    <details className="jp-Mlops-table" onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>{trans.__('Show as table')}</summary>
      {isOpen && (
        <div className="jp-Mlops-scroll" tabIndex={0} role="region" aria-label={metric.label}>
          <table>
            <thead>
              <tr>
                <th>{trans.__('Commit')}</th>
                <th className="jp-mod-amount">{metric.label}</th>
                <th className="jp-mod-amount">{trans.__('Change')}</th>
                <th>{trans.__('Branch')}</th>
                <th>{trans.__('Subject')}</th>
                <th>{trans.__('When')}</th>
              </tr>
            </thead>
            <tbody>
              {rows.map(({ dot, at }) => (
                <tr key={`${dot.commit ?? ''} ${dot.snapshot ?? ''}`}>
                  <td>
                    <code>{dot.snapshot ?? dot.commit?.slice(0, 7) ?? ''}</code>
                  </td>
                  <td className="jp-mod-amount">{formatValue(metric.values[at])}</td>
                  <td className="jp-mod-amount">{describeChange(metric, at)?.text ?? ''}</td>
                  <td>{dot.where}</td>
                  <td>{dot.subject}</td>
                  <td>{dot.when}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}

/** What is not drawn: older points, and files that could not be read. */
function More(props: {
  project: ProjectModel;
  result: MetricsChartResult;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { project, result, trans } = props;
  const { newest } = project.view;
  return (
    <>
      {result.drawing.dots.length >= newest && result.points > newest && (
        <div className="jp-Mlops-more">
          <span className="jp-Mlops-quiet">
            {trans.__('The newest %1 of %2 points.', newest, result.points)}
          </span>{' '}
          <Button
            label={trans.__('Show more')}
            onClick={() => project.choose({ newest: newest * 2 })}
          />
        </div>
      )}
      {result.problems.length > 0 && (
        <details className="jp-Mlops-skipped">
          <summary>
            {trans._n('%1 file was skipped', '%1 files were skipped', result.problems.length)}
          </summary>
          {result.problems.map(problem => (
            <div key={problem.path}>
              <code>{problem.path}</code> {problem.why}
            </div>
          ))}
        </details>
      )}
    </>
  );
}
