// Draws the history of a metric with BokehJS: see drawing.py and bokeh_chart.py for what it is given.
const palettes = {
  light: ["#0060a8", "#c14a00", "#00795a", "#a0408a", "#7a5c00", "#4b4fc4", "#b3123f", "#38707f"],
  dark: ["#62b4ff", "#ff9a52", "#3fd0a4", "#ee94d2", "#e3c34a", "#a9a8ff", "#ff8099", "#86c9da"],
};
const grey = { light: "#6b7280", dark: "#9aa3af" };

export function formatValue(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string") return value;
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e9) return String(value);
  return size !== 0 && (size < 1e-4 || size >= 1e7) ? value.toExponential(3) : String(Number(value.toPrecision(5)));
}

// How a metric moved since the dot before, null where it did not: "▲ +0.1", and whether that is better.
export function describeChange(metric, at) {
  const moved = metric.deltas[at];
  if (moved === null || moved === 0) return null;
  const text = `${moved > 0 ? "▲ +" : "▼ −"}${formatValue(Math.abs(moved))}`;
  return { text, better: metric.better[at] };
}

// The colours around an element: its own text, and light or dark by how bright that is.
export function lookAt(element) {
  const style = getComputedStyle(element);
  const [red, green, blue] = style.color.match(/[\d.]+/g).map(Number);
  const mode = 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "dark" : "light";
  const colours = [...palettes[mode], grey[mode]];
  return {
    mode,
    text: `rgb(${red}, ${green}, ${blue})`,
    faint: `rgba(${red}, ${green}, ${blue}, 0.14)`,
    font: style.fontFamily,
    colourOf: (group) => colours.at(group.style),
  };
}

// Draws into `element`, and calls `onPoint` with the position of each dot that is pointed at, null for none.
export async function drawChart(Bokeh, element, { item, chart }, onPoint) {
  const { metrics, dots, groups, lines, edges } = chart;
  const views = await Bokeh.embed.embed_item(item, element);
  const document_ = (views.roots?.[0] ?? [...views][0]).model.document;
  const find = (name) => document_.get_model_by_name(name);
  const [valuesPlot, lanesPlot] = [find("values-plot"), find("lanes-plot")];
  let metric = metrics[0];
  let hidden = new Set();
  let current = null;
  const shown = (at) => metric.values[at] !== null && !hidden.has(dots[at].group);
  const positions = dots.map((_, at) => at);

  function repaint() {
    const { text, faint, font, colourOf } = lookAt(element);
    for (const model of document_.all_models ?? document_._all_models.values()) {
      const [kind, group] = model.tags ?? [];
      const colour = group === undefined ? null : colourOf(groups[group]);
      if (kind === "axis") {
        model.setv({ major_label_text_color: text, major_label_text_font: font, axis_line_color: faint, major_tick_line_color: faint });
      } else if (kind === "grid") model.setv({ grid_line_color: faint });
      else if (kind === "cursor") model.setv({ line_color: text });
      else if (kind === "line") model.setv({ line_color: colour });
      else if (kind === "dots") model.setv({ line_color: colour, fill_color: colour });
    }
  }

  function fill() {
    const set = (name, data) => { find(name).data = data; };
    groups.forEach((group, at) => {
      const path = { x: [], y: [] };
      for (const line of lines) {
        if (line.group !== at) continue;
        for (const dot of line.dots) {
          path.x.push(dots[dot].column);
          path.y.push(metric.values[dot] ?? NaN);
        }
        path.x.push(NaN);
        path.y.push(NaN);
      }
      const graph = { xs: [], ys: [] };
      for (const edge of edges) {
        if (edge.group !== at) continue;
        const from = dots[edge.parent], to = dots[edge.child];
        const bend = edge.merge ? [to.column - 1, -from.lane] : [from.column + 1, -to.lane];
        const bent = to.column - from.column > 1 && from.lane !== to.lane;
        graph.xs.push([from.column, ...(bent ? [bend[0]] : []), to.column]);
        graph.ys.push([-from.lane, ...(bent ? [bend[1]] : []), -to.lane]);
      }
      const visible = !hidden.has(at);
      set(`line-${at}`, visible ? path : { x: [], y: [] });
      set(`edges-${at}`, visible ? graph : { xs: [], ys: [] });
      for (const kind of ["commits", "snapshots"]) {
        const mine = positions.filter((index) => visible && dots[index].group === at
          && (dots[index].snapshot !== null) === (kind === "snapshots"));
        const valued = mine.filter((index) => metric.values[index] !== null);
        set(`${kind}-${at}`, { x: valued.map((index) => dots[index].column), y: valued.map((index) => metric.values[index]) });
        set(`lane-${kind}-${at}`, { x: mine.map((index) => dots[index].column), y: mine.map((index) => -dots[index].lane) });
      }
    });
    const values = positions.filter(shown).map((at) => metric.values[at]);
    let low = Math.min(...values), high = Math.max(...values);
    if (!values.length) [low, high] = [0, 1];
    const pad = (high - low) * 0.08 || Math.abs(high) * 0.05 || 0.5;
    find("values").setv({ start: low - pad, end: high + pad });
    const branches = groups.filter((group) => group.branch !== null).length;
    const span = values.length ? `, from ${formatValue(low)} to ${formatValue(high)}` : "";
    element.setAttribute("aria-label",
      `${metric.label} over ${chart.columns} commits on ${branches} branches${span}. Arrow keys move along it.`);
  }

  function point(at) {
    current = at;
    const dot = at === null ? null : dots[at];
    find("cursor").data = { x: dot ? [dot.column] : [], y: dot ? [metric.values[at] ?? NaN] : [] };
    find("lane-cursor").data = { x: dot ? [dot.column] : [], y: dot ? [-dot.lane] : [] };
    onPoint(at);
  }

  const newest = () => positions.filter((at) => shown(at) && dots[at].snapshot === null).at(-1)
    ?? positions.filter(shown).at(-1) ?? null;

  function nearest(candidates, place, x, y, perX, perY) {
    let best = null, least = Infinity;
    for (const at of candidates) {
      const [dotX, dotY] = place(at);
      const distance = ((dotX - x) * perX) ** 2 + ((dotY - y) * perY) ** 2;
      if (distance < least) [best, least] = [at, distance];
    }
    return best;
  }

  function follow(plot, candidates, place) {
    plot.on_event("mousemove", ({ x, y }) => {
      const perX = plot.inner_width / (plot.x_range.end - plot.x_range.start);
      const perY = plot.inner_height / (plot.y_range.end - plot.y_range.start);
      const at = nearest(candidates(), place, x, y, perX, perY);
      if (at !== null && at !== current) point(at);
    });
    plot.on_event("doubletap", fit);
  }

  // Each column's label is the short id of its commit; `fit` chooses those that are shown.
  function label() {
    const ids = dots.map((dot) => [dot.column, dot.commit?.slice(0, 7) ?? ""]);
    find("commits").major_label_overrides = new Map(ids);
  }

  // All columns, with room at either side for the outermost dots, and as many labels beneath the
  // lanes as there is room for, evenly spread.
  function fit() {
    const width = lanesPlot.inner_width || 200;
    const span = chart.columns - 1;
    const margin = Math.max(0.6, (span * 12) / Math.max(width - 24, 50));
    lanesPlot.x_range.setv({ start: -margin, end: span + margin });
    const every = Math.max(Math.ceil(chart.columns / Math.max(Math.floor(width / 62), 1)), 1);
    const shownCount = Math.ceil(chart.columns / every);
    find("commits").ticker.ticks = Array.from({ length: shownCount }, (_, at) => at * every);
  }

  function step(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: "up", ArrowDown: "down", Home: "first", End: "last" };
    const way = steps[event.key];
    const drawn = positions.filter(shown).sort((a, b) => dots[a].column - dots[b].column || a - b);
    if (way === undefined || !drawn.length) return;
    event.preventDefault();
    event.stopPropagation();
    const at = Math.max(drawn.indexOf(current), 0);
    const same = drawn.filter((one) => dots[one].lane === dots[current ?? drawn[0]].lane);
    const along = same.indexOf(current);
    const next = way === "first" ? 0 : way === "last" ? drawn.length - 1
      : way === "up" ? drawn.indexOf(same[Math.max(along - 1, 0)])
      : way === "down" ? drawn.indexOf(same[Math.min(along + 1, same.length - 1)])
      : Math.min(Math.max(at + way, 0), drawn.length - 1);
    point(drawn[next]);
  }

  function redraw() {
    fill();
    point(current !== null && shown(current) ? current : newest());
  }

  label();
  repaint();
  redraw();
  fit();
  follow(valuesPlot, () => positions.filter(shown), (at) => [dots[at].column, metric.values[at]]);
  follow(lanesPlot, () => positions.filter((at) => !hidden.has(dots[at].group)),
    (at) => [dots[at].column, -dots[at].lane]);
  lanesPlot.properties.inner_width.change.connect(fit);
  element.addEventListener("keydown", step);

  return {
    choose(at) { metric = metrics[at]; redraw(); },
    hide(several) { hidden = new Set(several); redraw(); },
    point,
    repaint,
    dispose() {
      element.removeEventListener("keydown", step);
      views.clear?.();
      element.replaceChildren();
      // BokehJS keeps every document that it has ever shown.
      const at = Bokeh.documents.indexOf(document_);
      if (at >= 0) Bokeh.documents.splice(at, 1);
      document_.clear();
    },
  };
}
