import type { TranslationBundle } from '@jupyterlab/translation';
import { describeWay } from 'mlops-chart-parts';
import * as React from 'react';
import type { DrawnMetric } from '../api/schema';
import type { ProjectModel } from '../model/project';

const MULTIPLES = 5;

/** Which metric is drawn at the top, and the button that adds another one beneath. */
export function MetricPicker(props: {
  project: ProjectModel;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { project, trans } = props;
  const drawn = project.chart?.drawing.metrics ?? [];
  const names = drawn.map(metric => metric.name);
  const next = project.chart?.metrics.find(metric => !names.includes(metric.name));
  if (!drawn[0]) {
    return null;
  }
  return (
    <span className="jp-Mlops-picker">
      <MetricChoice
        project={project}
        drawn={drawn}
        at={0}
        label={trans.__('Metric')}
        trans={trans}
      />
      {next && drawn.length < MULTIPLES && (
        <IconButton
          sign="+"
          label={trans.__('Add a metric')}
          onClick={() => project.choose({ metrics: [...names, next.name] })}
        />
      )}
    </span>
  );
}

/** The metrics that are drawn beneath the first. */
export function FurtherMetrics(props: {
  project: ProjectModel;
  drawn: readonly DrawnMetric[];
  trans: TranslationBundle;
}): React.JSX.Element {
  const { project, drawn, trans } = props;
  return (
    <>
      {drawn.slice(1).map((metric, at) => (
        <div key={metric.name} className="jp-Mlops-picker jp-Mlops-further">
          <MetricChoice
            project={project}
            drawn={drawn}
            at={at + 1}
            label={trans.__('Metric %1', at + 2)}
            trans={trans}
          />
          <IconButton
            sign="×"
            label={trans.__('Remove %1', metric.label)}
            onClick={() =>
              project.choose({
                metrics: drawn.filter(one => one !== metric).map(one => one.name)
              })
            }
          />
        </div>
      ))}
    </>
  );
}

function MetricChoice(props: {
  project: ProjectModel;
  drawn: readonly DrawnMetric[];
  at: number;
  label: string;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { project, drawn, at, label, trans } = props;
  const metric = drawn[at];
  if (!metric) {
    return null;
  }
  const way = metric.way === 'higher' ? trans.__('Higher is better') : trans.__('Lower is better');
  const names = drawn.map(one => one.name);
  return (
    <>
      <select
        aria-label={label}
        title={metric.name}
        value={metric.name}
        onChange={event => {
          const chosen = event.target.value;
          project.choose({
            metrics: names.flatMap((name, place) =>
              place === at ? [chosen] : name === chosen ? [] : [name]
            )
          });
        }}
      >
        {project.chart?.metrics.map(one => (
          <option key={one.name} value={one.name}>
            {one.label}
          </option>
        ))}
      </select>
      {metric.way !== null && (
        <span className="jp-Mlops-way" title={way} aria-label={way} role="img">
          {describeWay(metric)}
        </span>
      )}
    </>
  );
}

function IconButton(props: {
  sign: string;
  label: string;
  onClick: () => void;
}): React.JSX.Element {
  const { sign, label, onClick } = props;
  return (
    <button
      type="button"
      className="jp-Mlops-sign"
      title={label}
      aria-label={label}
      onClick={onClick}
    >
      {sign}
    </button>
  );
}
