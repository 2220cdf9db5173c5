import type { IThemeManager } from '@jupyterlab/apputils';
import { drawChart, type IBokeh, type IChart, type ILook, lookAt } from 'mlops-chart';
import * as React from 'react';
import type { MetricsChartResult } from '../api/schema';

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

/** The drawn history of one metric; a new result takes the place of the old one once it is drawn. */
export function Chart(props: {
  result: MetricsChartResult;
  bokehUrl: (version: string) => string;
  hidden: ReadonlySet<number>;
  look: ILook | null;
  onPoint: (dot: number | null) => void;
  onEnd: (failure: string | null) => void;
}): React.JSX.Element {
  const { result, bokehUrl, hidden, look, onPoint, onEnd } = props;
  const host = React.useRef<HTMLDivElement>(null);
  const shown = React.useRef<{ chart: IChart; place: HTMLElement } | null>(null);
  const latest = React.useRef({ hidden, onPoint, onEnd, bokehUrl });
  latest.current = { hidden, onPoint, onEnd, bokehUrl };

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
      const chart = await drawChart(bokeh, place, given, point);
      if (isGone()) {
        chart.dispose();
        place.remove();
        return;
      }
      const had = shown.current;
      const focused = had?.place.contains(document.activeElement) ?? false;
      shown.current = { chart, place };
      had?.chart.dispose();
      had?.place.remove();
      chart.hide(latest.current.hidden);
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

  React.useEffect(() => shown.current?.chart.hide(hidden), [hidden]);
  React.useEffect(() => shown.current?.chart.repaint(), [look]);
  React.useEffect(
    () => () => {
      shown.current?.chart.dispose();
      shown.current = null;
    },
    []
  );
  return <div className="jp-Mlops-chart" ref={host} />;
}
