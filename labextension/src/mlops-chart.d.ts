// The scripts in jupyter_mlops/metrics that webpack.config.js resolves these names to.
declare module 'mlops-chart' {
  import type { Drawing } from './api/schema';
  import type { IGroup } from 'mlops-chart-parts';

  /** The part of BokehJS that is used. */
  export interface IBokeh {
    readonly version: string;
    readonly embed: { embed_item(item: unknown, target: HTMLElement): Promise<unknown> };
  }

  /** The first and the last column that are shown, null for all. */
  export type Stretch = readonly [number, number] | null;

  export interface IChartView {
    /** Positions of metrics, as many as there are plots. */
    readonly metrics: readonly number[];
    /** Names of groups. */
    readonly hidden: Iterable<IGroup['name']>;
    /** Names of branches. */
    readonly broughtOut: readonly string[];
    readonly stretch?: Stretch;
  }

  export interface IChart {
    show(view: IChartView): void;
    fit(): void;
    point(dot: number | null): void;
    repaint(): void;
    dispose(): void;
  }

  export function drawChart(
    bokeh: IBokeh,
    element: HTMLElement,
    given: { item: unknown; chart: Drawing },
    view: IChartView,
    told: { onPoint: (dot: number | null) => void; onStretch: (stretch: Stretch) => void }
  ): Promise<IChart>;
}

declare module 'mlops-chart-parts' {
  import type { Drawing, DrawnMetric } from './api/schema';

  /** What looks alike: a branch, or, called by an empty text, all that have no look of their own. */
  export interface IGroup {
    readonly name: string;
    readonly label: string;
    readonly style: number;
    readonly marker: string;
    readonly shape: string;
    readonly dash: string;
  }

  export interface ILook {
    readonly mode: 'light' | 'dark';
    colourOf(group: IGroup): string;
  }

  export interface IDot {
    readonly commit: string | null;
    readonly snapshot: string | null;
    readonly where: string;
    readonly subject: string;
    readonly author: string | null;
    readonly when: string;
    readonly tags: readonly string[];
  }

  export function formatValue(value: number | null | undefined): string;
  export function describeChange(
    chart: Drawing,
    metric: DrawnMetric,
    dot: number
  ): { text: string; better: boolean | null } | null;
  export function describeWay(metric: Pick<DrawnMetric, 'way'>): string;
  export function describeDot(chart: Drawing, dot: number): IDot;
  export function groupsOf(chart: Drawing, broughtOut: readonly string[]): IGroup[];
  export function lookAt(element: Element): ILook;
}
