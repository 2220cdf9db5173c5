import type { IThemeManager } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { drawChart, type IBokeh, type IChart, type Stretch } from 'mlops-chart';
import { type ILook, lookAt } from 'mlops-chart-parts';
import * as React from 'react';
import type { MetricsChartResult } from '../api/schema';
import { Button } from './parts';

const loading = new Map<string, Promise<IBokeh>>();

/** BokehJS registers each version that a page has loaded beside the others. */
function loadedBokeh(version: string): IBokeh | undefined {
  return (window as unknown as { Bokeh?: Record<string, IBokeh> }).Bokeh?.[version];
}

/** Return the BokehJS that belongs to the server's Bokeh, loaded once a version. */
function loadBokeh(version: string, url: string): Promise<IBokeh> {
  const known = loading.get(version);
  if (known) {
    return known;
  }
  const here = loadedBokeh(version);
  const promise = here ? Promise.resolve(here) : addScript(version, url);
  loading.set(version, promise);
  promise.catch(() => loading.delete(version));
  return promise;
}

function addScript(version: string, url: string): Promise<IBokeh> {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = url;
    script.async = true;
    script.onload = () => {
      const bokeh = loadedBokeh(version);
      if (bokeh) {
        resolve(bokeh);
      } else {
        reject(new Error(`BokehJS ${version} did not register itself`));
      }
    };
    script.onerror = () => {
      script.remove();
      reject(new Error(`BokehJS ${version} could not be loaded`));
    };
    document.head.append(script);
  });
}

/** Return the colours around an element as soon as it is on the page, and after each new theme. */
export function useLook(
  element: React.RefObject<HTMLElement>,
  themes: IThemeManager | null
): ILook | null {
  const [look, setLook] = React.useState<ILook | null>(null);
  const read = React.useCallback(() => {
    if (element.current?.isConnected) {
      setLook(lookAt(element.current));
    }
  }, [element]);
  React.useLayoutEffect(() => {
    if (look === null) {
      read();
    }
  });
  React.useEffect(() => {
    themes?.themeChanged.connect(read);
    return () => {
      themes?.themeChanged.disconnect(read);
    };
  }, [read, themes]);
  return look;
}

/** The drawn history of some metrics; a new result takes the place of the old one once it is drawn. */
export function Chart(props: {
  result: MetricsChartResult;
  bokehUrl: (version: string) => string;
  hidden: readonly string[];
  broughtOut: readonly string[];
  look: ILook | null;
  onPoint: (dot: number | null) => void;
  onEnd: (failure: string | null) => void;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { result, bokehUrl, hidden, broughtOut, look, onPoint, onEnd, trans } = props;
  const { columns, metrics } = result.drawing;
  const [stretch, setStretch] = React.useState<Stretch>(null);
  const host = React.useRef<HTMLDivElement>(null);
  const shown = React.useRef<{ chart: IChart; place: HTMLElement; columns: number } | null>(null);
  const view = { metrics: metrics.map((_, at) => at), hidden, broughtOut, stretch };
  const latest = React.useRef({ view, onPoint, onEnd, bokehUrl });
  latest.current = { view, onPoint, onEnd, bokehUrl };

  React.useEffect(() => {
    const leaving = new AbortController();
    const isGone = (): boolean => leaving.signal.aborted;
    const place = document.createElement('div');
    place.className = 'jp-Mlops-plot';
    place.tabIndex = 0;
    place.setAttribute('role', 'img');
    const draw = async (): Promise<void> => {
      const bokeh = await loadBokeh(result.bokeh, latest.current.bokehUrl(result.bokeh));
      if (isGone() || !host.current) {
        return;
      }
      shown.current?.place.classList.add('jp-mod-leaving');
      host.current.append(place);
      const given = { item: result.item, chart: result.drawing };
      const point = (dot: number | null): void => {
        if (!isGone()) {
          latest.current.onPoint(dot);
        }
      };
      const had = shown.current;
      const chart = await drawChart(
        bokeh,
        place,
        given,
        {
          ...latest.current.view,
          stretch: had?.columns === result.drawing.columns ? latest.current.view.stretch : null
        },
        { onPoint: point, onStretch: now => !isGone() && setStretch(now) }
      );
      if (isGone()) {
        chart.dispose();
        place.remove();
        return;
      }
      const focused = had?.place.contains(document.activeElement) ?? false;
      shown.current = { chart, place, columns: result.drawing.columns };
      had?.chart.dispose();
      had?.place.remove();
      place.dataset['drawn'] = 'true';
      if (focused) {
        place.focus();
      }
    };
    const end = (failure: string | null): void => {
      if (!isGone()) {
        latest.current.onEnd(failure);
      }
    };
    draw().then(
      () => end(null),
      (error: unknown) => {
        place.remove();
        end(String(error));
      }
    );
    return () => leaving.abort();
  }, [result]);

  React.useEffect(() => {
    shown.current?.chart.show(latest.current.view);
  }, [hidden, broughtOut]);
  React.useEffect(() => shown.current?.chart.repaint(), [look]);
  React.useEffect(
    () => () => {
      shown.current?.chart.dispose();
      shown.current = null;
    },
    []
  );
  return (
    <>
      <div className="jp-Mlops-chart" ref={host} />
      {stretch !== null && (
        <div className="jp-Mlops-more">
          <span className="jp-Mlops-quiet">
            {trans.__('Commits %1 to %2 of %3', stretch[0] + 1, stretch[1] + 1, columns)}
          </span>{' '}
          <Button label={trans.__('Show all')} onClick={() => shown.current?.chart.fit()} />
        </div>
      )}
    </>
  );
}
