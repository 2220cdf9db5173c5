// The script in jupyter_mlops/metrics/chart.js, which webpack.config.js resolves this name to.
declare module 'mlops-chart' {
  import type { DrawnGroup, DrawnMetric, Drawing } from './api/schema';

  /** The part of BokehJS that is used. */
  export interface IBokeh {
    readonly version: string;
    readonly embed: { embed_item(item: unknown, target: HTMLElement): Promise<unknown> };
  }

  export interface ILook {
    readonly mode: 'light' | 'dark';
    colourOf(group: DrawnGroup): string;
  }

  export interface IChart {
    choose(metric: number): void;
    hide(groups: Iterable<number>): void;
    point(dot: number | null): void;
    repaint(): void;
    dispose(): void;
  }

  export function formatValue(value: number | null | undefined): string;
  export function describeChange(
    metric: DrawnMetric,
    dot: number
  ): { text: string; better: boolean | null } | null;
  export function lookAt(element: Element): ILook;
  export function drawChart(
    bokeh: IBokeh,
    element: HTMLElement,
    given: { item: unknown; chart: Drawing },
    onPoint: (dot: number | null) => void
  ): Promise<IChart>;
}
