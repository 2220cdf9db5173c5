import type { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon } from '@jupyterlab/ui-components';
import { formatValue } from 'mlops-chart-parts';
import * as React from 'react';
import type { RunResult, SeriesResult } from '../api/schema';
import { formatSeconds } from '../model/pace';
import type { IShownRun, RunningModel } from '../model/running';
import { Change, Problem } from './parts';

/** After so long without a value it is said when the last one came. */
const QUIET_SECONDS = 60;
/** After so long without a value the curves are folded away: a kernel may be left open for days. */
const IDLE_SECONDS = 1800;
const WIDTH = 100;
const HEIGHT = 32;

/** Runs under way with the curves of their leading metrics, and those that failed or died. */
export function Running(props: {
  running: RunningModel;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { running, trans } = props;
  const now = useNow(running.shown.some(one => one.run.state === 'running'));
  return (
    <>
      {running.problem && <Problem problem={running.problem} trans={trans} />}
      <ul className="jp-Mlops-runs">
        {running.shown.map(one => (
          <Run key={one.run.id} shown={one} running={running} now={now} trans={trans} />
        ))}
      </ul>
      {running.others > 0 && (
        <p className="jp-Mlops-quiet">
          {trans._n('%1 more run', '%1 more runs', running.others)}{' '}
          <code>jupyter mlops runs list</code>
        </p>
      )}
    </>
  );
}

/** How many runs there are of each kind, for the section's head. */
export function CountRunning(props: {
  running: RunningModel;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { running, trans } = props;
  const count = (state: RunResult['state']): number =>
    running.shown.filter(one => one.run.state === state).length;
  const [going, died, failed] = [count('running'), count('died'), count('failed')];
  const ended = [
    ...(died > 0 ? [trans.__('%1 died', died)] : []),
    ...(failed > 0 ? [trans.__('%1 failed', failed)] : [])
  ].join(', ');
  return (
    <span className="jp-Mlops-counts">
      {going > 0 && <span className="jp-Mlops-quiet">{trans.__('%1 running', going)} </span>}
      {ended !== '' && (
        <span className="jp-Mlops-bad" title={ended} aria-label={ended} role="img">
          ✗ {died + failed}
        </span>
      )}
    </span>
  );
}

function Run(props: {
  shown: IShownRun;
  running: RunningModel;
  now: number;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { shown, running, now, trans } = props;
  const { run, series, others } = shown;
  const isOpen = running.isOpen(run.id);
  const isRunning = run.state === 'running';
  const isIdle = isRunning && now - Date.parse(run.last_at) > IDLE_SECONDS * 1000;
  const since = isRunning ? Math.max(0, (now - shown.toldAt) / 1000) : 0;
  return (
    <li className="jp-Mlops-run" data-state={run.state} data-run={run.name}>
      <div className="jp-Mlops-runHead">
        <span className="jp-Mlops-name jp-Mlops-called" title={run.source ?? run.name}>
          {run.name}
        </span>
        {run.progress !== null && <span>{run.progress}</span>}
        <span className="jp-Mlops-elapsed" title={trans.__('Elapsed')}>
          {formatElapsed(run.elapsed_seconds + since)}
        </span>
        {!isRunning && (
          <button
            type="button"
            className="jp-Mlops-dismiss"
            title={trans.__('Show it no more')}
            aria-label={trans.__('Dismiss %1', run.name)}
            onClick={() => running.dismiss([run.id])}
          >
            <closeIcon.react tag="span" width="14px" height="14px" />
          </button>
        )}
      </div>
      <Word run={run} now={now} trans={trans} />
      {(isOpen || !isIdle) && (
        <ul className="jp-Mlops-curves">
          {series.map(one => (
            <Series key={one.name} series={one} trans={trans} />
          ))}
        </ul>
      )}
      {(isOpen || isIdle || others.length > 0) && (
        <button type="button" className="jp-Mlops-link" onClick={() => running.toggle(run.id)}>
          {isOpen
            ? trans.__('Show less')
            : isIdle
              ? trans.__('Show its metrics')
              : trans._n('%1 more metric', '%1 more metrics', others.length)}
        </button>
      )}
    </li>
  );
}

/** What became of a run, or that nothing was heard of it for a while. */
function Word(props: {
  run: RunResult;
  now: number;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { run, now, trans } = props;
  const quiet = (now - Date.parse(run.last_at)) / 1000;
  const ago = trans.__('last logged %1 ago', formatSeconds(quiet));
  switch (run.state) {
    case 'died':
      return (
        <div className="jp-Mlops-word">
          <span className="jp-Mlops-bad">✗ {trans.__('died')}</span>
          <span className="jp-Mlops-quiet"> · {ago}</span>
        </div>
      );
    case 'failed':
      return (
        <div className="jp-Mlops-word">
          <span className="jp-Mlops-bad">✗ {trans.__('failed')}</span>
          {run.why !== null && <span className="jp-Mlops-why"> {run.why}</span>}
          <span className="jp-Mlops-quiet"> · {ago}</span>
        </div>
      );
    default:
      return quiet > QUIET_SECONDS ? (
        <div className="jp-Mlops-word jp-Mlops-quiet">{ago}</div>
      ) : null;
  }
}

/** One metric: its last value, against the committed one where there is one, and its curve. */
function Series(props: { series: SeriesResult; trans: TranslationBundle }): React.JSX.Element {
  const { series, trans } = props;
  const { committed, last } = series;
  const moved = committed === null ? 0 : last - committed;
  const arrow = moved > 0 ? '▲ +' : '▼ −';
  return (
    <li className="jp-Mlops-series" data-metric={series.name}>
      <span className="jp-Mlops-label" title={series.name}>
        {series.label}
      </span>
      <span className="jp-Mlops-last">
        <b>{formatValue(last)}</b>{' '}
        {moved !== 0 && (
          <span title={trans.__('HEAD has %1', formatValue(committed))}>
            <Change
              text={`${arrow}${formatValue(Math.abs(moved))}`}
              better={series.better}
              trans={trans}
            />
          </span>
        )}
      </span>
      <Curve series={series} trans={trans} />
    </li>
  );
}

/** A metric by step; what is no number is a gap. */
function Curve(props: { series: SeriesResult; trans: TranslationBundle }): React.JSX.Element {
  const { series, trans } = props;
  const numbers = series.values.filter(value => value !== null);
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const label =
    numbers.length === 0
      ? trans.__('%1: no numbers', series.label)
      : trans.__(
          '%1: %2 values from %3 to %4',
          series.label,
          series.points,
          formatValue(low),
          formatValue(high)
        );
  return (
    <svg
      className="jp-Mlops-curve"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <title>{label}</title>
      <path
        d={drawPath(series.steps, series.values, low, high)}
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  );
}

/** Return the path of a curve within the picture, a pixel away from its edges. */
function drawPath(
  steps: readonly number[],
  values: readonly (number | null)[],
  low: number,
  high: number
): string {
  const first = steps[0] ?? 0;
  const length = (steps.at(-1) ?? 0) - first || 1;
  // Halves, since the difference of two numbers may be too large for one.
  const height = high / 2 - low / 2;
  let isDrawing = false;
  const parts: string[] = [];
  values.forEach((value, at) => {
    if (value === null) {
      isDrawing = false;
      return;
    }
    const x = (((steps[at] ?? first) - first) / length) * WIDTH;
    const share = height > 0 ? (value / 2 - low / 2) / height : 0.5;
    const y = HEIGHT - 2 - share * (HEIGHT - 4);
    parts.push(`${isDrawing ? 'L' : 'M'}${x.toFixed(2)} ${y.toFixed(2)}`);
    isDrawing = true;
  });
  // A path of one point is not drawn.
  return parts.length === 1 ? `${parts[0] ?? ''}h${WIDTH}` : parts.join('');
}

/** Return a time as `0:42`, `4:12` or `1:04:12`. */
function formatElapsed(seconds: number): string {
  const whole = Math.floor(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const pad = (count: number): string => String(count).padStart(2, '0');
  const short = `${hours > 0 ? pad(minutes) : minutes}:${pad(whole % 60)}`;
  return hours > 0 ? `${hours}:${short}` : short;
}

/** The time, each second anew where something `isMoving`, else as of the last drawing. */
function useNow(isMoving: boolean): number {
  const [, setTick] = React.useState(0);
  React.useEffect(() => {
    if (!isMoving) {
      return;
    }
    const timer = setInterval(() => setTick(tick => tick + 1), 1000);
    return () => clearInterval(timer);
  }, [isMoving]);
  return Date.now();
}
