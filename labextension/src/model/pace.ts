/** How much is needed to tell a speed from: less moves too much to be read. */
const LEAST_SECONDS = 1;

/** How fast a piece of work goes, from what is heard of it now and then. */
export class Pace {
  /** Hear that `done` of the work called `label` is done by now. */
  hear(label: string | null, done: number, now = Date.now()): void {
    if (label !== this._label || done < this._done) {
      this._label = label;
      this._began = { at: now, done };
    }
    this._done = done;
    this._seconds = (now - this._began.at) / 1000;
  }

  /** What is done in a second, null while it cannot be told. */
  get perSecond(): number | null {
    const moved = this._done - this._began.done;
    return this._seconds < LEAST_SECONDS || moved <= 0 ? null : moved / this._seconds;
  }

  private _label: string | null = null;
  private _began = { at: 0, done: 0 };
  private _done = 0;
  private _seconds = 0;
}

/** Return a time as `45 s`, `3 min` or `2 h`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 99.5) {
    return `${Math.max(1, Math.round(seconds))} s`;
  }
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
