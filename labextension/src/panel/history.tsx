import type { IThemeManager } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { groupsOf, type IGroup, type ILook } from 'mlops-chart-parts';
import * as React from 'react';
import type { Drawing, MetricsChartResult } from '../api/schema';
import type { ProjectModel } from '../model/project';
import { Chart, useLook } from './chart';
import { FurtherMetrics } from './metrics';
import { Button, Problem } from './parts';
import { ReadOut, Table } from './points';

const MANY_BRANCHES = 4;

/** The history of metrics: branches to choose, the chart, what it points at, and the table. */
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
  const { hidden, broughtOut } = project.view;
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
          <FurtherMetrics project={project} drawn={drawing.metrics} trans={trans} />
          <Branches
            drawing={drawing}
            hidden={hidden}
            broughtOut={broughtOut}
            look={look}
            onChange={view => project.choose(view)}
            trans={trans}
          />
          <Chart
            key={tries}
            result={result}
            bokehUrl={version => project.client.bokehUrl(version)}
            hidden={hidden}
            broughtOut={broughtOut}
            look={look}
            onPoint={setPointed}
            onEnd={setFailure}
            trans={trans}
          />
          <ReadOut drawing={drawing} at={pointed} trans={trans} />
          <Table drawing={drawing} hidden={hidden} broughtOut={broughtOut} trans={trans} />
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
function Swatch(props: { group: IGroup; look: ILook | null }): React.JSX.Element {
  const { group, look } = props;
  const colour = look?.colourOf(group) ?? 'currentColor';
  return (
    <svg width="28" height="14" aria-hidden="true" fill={colour} stroke={colour}>
      <path d="M0 7H28" strokeWidth="2" strokeDasharray={group.dash || undefined} />
      <path d={group.shape} />
    </svg>
  );
}

function Branches(props: {
  drawing: Drawing;
  hidden: readonly string[];
  broughtOut: readonly string[];
  look: ILook | null;
  onChange: (view: { hidden?: readonly string[]; broughtOut?: readonly string[] }) => void;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { drawing, hidden, broughtOut, look, onChange, trans } = props;
  const groups = groupsOf(drawing, broughtOut);
  const own = new Set(groups.map(group => group.name));
  const others = drawing.branches.filter(name => !own.has(name)).sort();
  return (
    <div
      className={`jp-Mlops-branches${groups.length > MANY_BRANCHES ? ' jp-mod-many' : ''}`}
      role="group"
      aria-label={trans.__('Branches')}
    >
      {groups.map(group => {
        const shown = !hidden.includes(group.name);
        return (
          <button
            key={group.name}
            type="button"
            className="jp-Mlops-chip"
            aria-pressed={shown}
            title={group.label}
            onClick={() =>
              onChange({
                hidden: shown ? [...hidden, group.name] : hidden.filter(name => name !== group.name)
              })
            }
          >
            <Swatch group={group} look={look} />
            <span className="jp-Mlops-name">{group.label}</span>
          </button>
        );
      })}
      {drawing.dots.snapshot.some(id => id !== null) && (
        <span className="jp-Mlops-key">
          <svg width="14" height="14" aria-hidden="true" fill="none" stroke="currentColor">
            <circle cx="7" cy="7" r="5" strokeWidth="1.5" />
          </svg>
          {trans.__('snapshot')}
        </span>
      )}
      {others.length > 0 && (
        <select
          className="jp-Mlops-bringOut"
          aria-label={trans.__('Bring out a branch')}
          value=""
          onChange={event => {
            const name = event.target.value;
            onChange({
              broughtOut: [...broughtOut, name],
              hidden: hidden.filter(one => one !== name)
            });
          }}
        >
          <option value="">{trans.__('Bring out a branch…')}</option>
          {others.map(name => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      )}
    </div>
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
      {result.drawing.dots.column.length >= newest && result.points > newest && (
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
