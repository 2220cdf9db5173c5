// Draws the history of metrics with BokehJS: see drawing.py and bokeh_chart.py for what it is given.
import { describeWay, formatValue, groupsOf, lookAt, thin } from "./chart_parts.js";

const CROWDED_PIXELS = 3;
const RING_PIXELS = 8;
const FAINT = "66";
const LABEL_PIXELS = 62;
const HEIGHTS = [210, 150, 120];

// Draws into `element`. `view` says which metrics are shown, by position and as many as `item` has
// plots, which groups are `hidden`, by name, which branches are `broughtOut`, and, if anything, the
// `stretch` of columns. `onPoint` is called with the position of each dot that is pointed at, null for
// none; `onStretch` with the first and last column that are shown, null for all.
export async function drawChart(Bokeh, element, { item, chart }, view, { onPoint, onStretch }) {
  const { metrics, dots } = chart;
  const views = await Bokeh.embed.embed_item(item, element);
  const document_ = (views.roots?.[0] ?? [...views][0]).model.document;
  const find = (name) => document_.get_model_by_name(name);
  const plots = [];
  while (find(`values-${plots.length}-plot`)) plots.push(find(`values-${plots.length}-plot`));
  const lanesPlot = find("lanes-plot");
  const xRange = find("commits-range");
  const ordered = dots.column.map((_, at) => at).sort((a, b) => dots.column[a] - dots.column[b] || a - b);
  const pen = globalThis.document.createElement("canvas").getContext("2d");
  let shown = [], hidden = new Set(), broughtOut = [];
  let groups = [], groupOf = [];
  let current = null, look = null, awaited = false, told = null;

  const isDrawn = (at) => !hidden.has(groups[groupOf[at]].name);
  const isValued = (at) => isDrawn(at) && shown.some((metric) => metrics[metric].values[at] !== null);
  const set = (name, data) => { find(name).data = data; };

  function regroup() {
    groups = groupsOf(chart, broughtOut);
    const own = new Map(groups.map((group, at) => [group.name, at]));
    const rest = groups.length - 1;
    const ofBranch = chart.branches.map((name) => own.get(name) ?? rest);
    groupOf = dots.branch.map((branch) => (branch < 0 ? rest : ofBranch[branch]));
  }

  // All columns, with room at either side for the outermost dots.
  function whole() {
    const span = chart.columns - 1;
    const margin = Math.max(0.6, (span * 12) / Math.max(width() - 24, 50));
    return { start: -margin, end: span + margin };
  }

  const width = () => lanesPlot.inner_width || 200;
  const isWhole = () => {
    const { start, end } = whole();
    return xRange.start <= start + 1e-6 && xRange.end >= end - 1e-6;
  };

  // What is shown of the columns, and where that lies in pixels; all that is outside is one pixel away.
  function frame() {
    const { start, end } = xRange;
    const perColumn = width() / (end - start);
    const pixelOf = (at) => Math.min(Math.max((dots.column[at] - start) * perColumn, -1), width() + 1);
    const isInside = (at) => dots.column[at] >= start && dots.column[at] <= end;
    const size = Math.min(Math.max(perColumn * 0.6, 4), 9);
    return { start, end, perColumn, pixelOf, isInside, size, isCrowded: perColumn < CROWDED_PIXELS };
  }

  const lineWidth = (at, isCrowded) => (groups[at].style < 0 ? 1 : isCrowded ? 1.25 : 2);

  // Marks that stand for dots, in the colours of their groups; those of the first group come last.
  function mark(name, list, yOf, size, isRing, opacity = "") {
    const back = list.sort((a, b) => groupOf[b] - groupOf[a]);
    set(name, {
      x: back.map((at) => dots.column[at]),
      y: back.map(yOf),
      colour: back.map((at) => look.colourOf(groups[groupOf[at]]) + opacity),
      size: back.map(() => size),
      ...(isRing ? {} : { marker: back.map((at) => groups[groupOf[at]].marker) }),
    });
  }

  function draw(name, paths, isCrowded) {
    const back = paths.sort((a, b) => b.group - a.group);
    set(name, {
      xs: back.map((path) => path.xs),
      ys: back.map((path) => path.ys),
      colour: back.map((path) => look.colourOf(groups[path.group]) + (path.opacity ?? "")),
      dash: back.map((path) => path.dash ?? groups[path.group].dash),
      width: back.map((path) => path.width ?? lineWidth(path.group, isCrowded)),
    });
  }

  function fillValues(at, metric, { start, end, pixelOf, isInside, size, isCrowded }) {
    const valueOf = (dot) => metric.values[dot];
    const paths = [], alone = [];
    for (const line of chart.lines) {
      const newest = line.at(-1);
      if (!isDrawn(newest) || dots.column[newest] < start || dots.column[line[0]] > end) continue;
      const kept = thin(line, (dot) => Math.floor(pixelOf(dot)), valueOf);
      kept.forEach((dot, place) => {
        if (dot !== null && (kept[place - 1] ?? null) === null && (kept[place + 1] ?? null) === null) alone.push(dot);
      });
      const xs = kept.map((dot) => (dot === null ? NaN : dots.column[dot]));
      paths.push({ group: groupOf[newest], xs, ys: kept.map((dot) => (dot === null ? NaN : valueOf(dot))) });
    }
    draw(`values-${at}-lines`, paths, isCrowded);
    const inside = ordered.filter((dot) => isInside(dot) && isDrawn(dot) && valueOf(dot) !== null);
    const isCommit = (dot) => dots.snapshot[dot] === null;
    mark(`values-${at}-dots`, isCrowded ? alone.filter(isInside) : inside.filter(isCommit), valueOf, size, false);
    const kept = inside.filter((dot) => !isCommit(dot));
    const rings = isCrowded ? thin(kept, (dot) => Math.floor(pixelOf(dot) / RING_PIXELS), valueOf) : kept;
    mark(`values-${at}-rings`, rings, valueOf, size + (isCrowded ? 1 : 3), true, isCrowded ? FAINT : "");
    let low = Infinity, high = -Infinity;
    for (const dot of inside) [low, high] = [Math.min(low, valueOf(dot)), Math.max(high, valueOf(dot))];
    const span = inside.length ? [low, high] : null;
    const { production } = metric;
    const isLevel = production !== null;
    set(`values-${at}-production`, {
      x: isLevel ? [end] : [],
      y: isLevel ? [production] : [],
      text: isLevel ? [nameProduction()] : [],
    });
    if (isLevel) [low, high] = [Math.min(low, production), Math.max(high, production)];
    if (low > high) [low, high] = [0, 1];
    const pad = ((high - low) * 14) / plots[at].height || Math.abs(high) * 0.05 || 0.5;
    find(`values-${at}-range`).setv({ start: low - pad, end: high + pad });
    return span;
  }

  function nameProduction() {
    pen.font = `10px ${look.font}`;
    return `${shortenTo(`production ${chart.production}`, width() / 2)} `;
  }

  // The graph: a straight line as far as a branch keeps its lane, and a bend for each fork and merge.
  function graph({ start, end, pixelOf, isCrowded }) {
    const { parent, child, merge } = chart.edges;
    const straight = new Map(), bent = new Set(), paths = [];
    const apart = isCrowded ? 4 : 1;
    for (let at = 0; at < child.length; at++) {
      const [from, to] = [parent[at], child[at]];
      const group = groupOf[merge[at] ? from : to];
      if (hidden.has(groups[group].name) || dots.column[to] < start || dots.column[from] > end) continue;
      const [x0, x1, y0, y1] = [dots.column[from], dots.column[to], -dots.lane[from], -dots.lane[to]];
      if (y0 === y1) {
        const key = `${group} ${y0}`;
        const before = straight.get(key);
        if (before && before.xs[1] === x0) before.xs[1] = x1;
        else {
          const path = { group, xs: [x0, x1], ys: [y0, y1], dash: "" };
          straight.set(key, path);
          paths.push(path);
        }
        continue;
      }
      const key = `${group} ${Math.floor(pixelOf(from) / apart)} ${y0} ${Math.floor(pixelOf(to) / apart)} ${y1}`;
      if (bent.has(key)) continue;
      const bend = merge[at] ? [x1 - 1, y0] : [x0 + 1, y1];
      const isLong = x1 - x0 > 1;
      bent.add(key);
      const opacity = isCrowded ? (groups[group].style < 0 ? "33" : FAINT) : "";
      paths.push({ group, opacity, xs: [x0, ...(isLong ? [bend[0]] : []), x1], ys: [y0, ...(isLong ? [bend[1]] : []), y1], dash: "" });
    }
    return paths.map((path) => ({ ...path, width: isCrowded ? 1 : 1.5 }));
  }

  function fillLanes(now) {
    const { pixelOf, isInside, size, isCrowded } = now;
    const row = Math.min(Math.max(170 / chart.lanes, 9), 16);
    const tagRows = chart.tags.length ? 16 / row : 0;
    lanesPlot.height = Math.round(row * (chart.lanes + 0.2 + tagRows) + 30);
    find("lanes-range").setv({ start: 0.4 - chart.lanes - tagRows, end: 0.6 });
    draw("lanes-lines", graph(now), isCrowded);
    const inside = ordered.filter((at) => isInside(at) && isDrawn(at));
    const laneOf = (at) => -dots.lane[at];
    const apart = (isRing, pixels) => Array.from({ length: chart.lanes }, (_, lane) => thin(
      inside.filter((at) => dots.lane[at] === lane && (dots.snapshot[at] !== null) === isRing),
      (at) => `${Math.floor(pixelOf(at) / pixels)} ${groupOf[at]}`, () => 0)).flat();
    const least = Math.max(Math.min(size - 1, row - 5), 3);
    mark("lanes-dots", apart(false, 2), laneOf, least, false);
    mark("lanes-rings", apart(true, isCrowded ? RING_PIXELS : 2), laneOf, least + (isCrowded ? 1 : 3), true, isCrowded ? FAINT : "");
    fillTags(now, 0.4 - chart.lanes - tagRows * 0.4);
  }

  // The newest tags that there is room for have their names, and a line through all plots.
  function fillTags({ start, perColumn, isInside }, y) {
    pen.font = `10px ${look.font}`;
    const data = { x: [], y: [], text: [] }, columns = [];
    let free = width() + 8;
    for (const { dot, names } of [...chart.tags].sort((a, b) => dots.column[b.dot] - dots.column[a.dot])) {
      if (!isInside(dot)) continue;
      const more = names.length > 1 ? ` +${names.length - 1}` : "";
      const text = `⚑ ${shortenTo(names[0], Math.min(width() / 3, 110))}${more}`;
      const wide = pen.measureText(text).width;
      const left = Math.min((dots.column[dot] - start) * perColumn - 4, width() - wide);
      if (left + wide + 8 > free) continue;
      free = left;
      data.x.push(start + left / perColumn);
      data.y.push(y);
      data.text.push(text);
      columns.push(dots.column[dot]);
    }
    set("tags", data);
    [...shown.map((_, at) => `values-${at}`), "lanes"].forEach((name) => set(`${name}-tagged`, { x: columns }));
  }

  function shortenTo(text, pixels) {
    if (pen.measureText(text).width <= pixels) return text;
    const letters = [...text];
    while (letters.length > 1 && pen.measureText(`${letters.join("")}…`).width > pixels) letters.pop();
    return `${letters.join("")}…`;
  }

  // As many commits' names beneath the lanes as there is room for, evenly spread.
  function label({ start, end }) {
    const first = Math.max(Math.ceil(start), 0), last = Math.min(Math.floor(end), chart.columns - 1);
    const every = Math.max(Math.ceil((last - first + 1) / Math.max(Math.floor(width() / LABEL_PIXELS), 1)), 1);
    const names = new Map();
    for (const at of ordered) {
      const column = dots.column[at];
      if (column >= first && column <= last && (column - first) % every === 0) names.set(column, dots.commit[at]?.slice(0, 7) ?? "");
    }
    const axis = find("commits");
    axis.major_label_overrides = names;
    axis.ticker.ticks = [...names.keys()];
  }

  function fill() {
    awaited = false;
    const now = frame();
    const spans = shown.map((metric, at) => fillValues(at, metrics[metric], now));
    fillLanes(now);
    label(now);
    pen.font = `bold 11px ${look.font}`;
    shown.forEach((metric, at) => {
      const { label } = metrics[metric];
      find(`values-${at}-title`).setv({
        text: `${shortenTo(label, width() - 20)} ${describeWay(metrics[metric])}`,
        visible: plots.length > 1,
      });
    });
    const names = shown.map((metric) => metrics[metric].label).join(", ");
    const span = shown.length === 1 && spans[0] ? `, from ${spans[0].map(formatValue).join(" to ")}` : "";
    const levels = shown.map((metric) => metrics[metric].production).filter((value) => value !== null);
    const level = levels.length ? `, in production ${levels.map(formatValue).join(" and ")}` : "";
    const branches = chart.branches.length;
    element.setAttribute("aria-label",
      `${names} over ${chart.columns} commits on ${branches} branches${span}${level}. Arrow keys move along it, plus and minus zoom.`);
    const stretch = isWhole() ? null : [Math.max(Math.ceil(now.start), 0), Math.min(Math.floor(now.end), chart.columns - 1)];
    if (String(stretch) !== String(told)) onStretch((told = stretch));
  }

  function refill() {
    if (!awaited) {
      awaited = true;
      requestAnimationFrame(() => awaited && element.isConnected && fill());
    }
  }

  function fit() {
    xRange.setv(whole());
    refill();
  }

  function point(at) {
    current = at;
    const x = at === null ? [] : [dots.column[at]];
    const size = x.map(() => frame().size + 8);
    shown.forEach((metric, place) => {
      set(`values-${place}-cursor`, { x, y: x.map(() => metrics[metric].values[at] ?? NaN), size });
      set(`values-${place}-line`, { x });
    });
    set("lanes-cursor", { x, y: x.map(() => -dots.lane[at]), size });
    set("lanes-line", { x });
    if (at !== null) follow(dots.column[at]);
    onPoint(at);
  }

  // Bring a column into what is shown.
  function follow(column) {
    const { start, end } = xRange;
    const span = end - start;
    if (column < start) xRange.setv({ start: column - span * 0.1, end: column + span * 0.9 });
    else if (column > end) xRange.setv({ start: column - span * 0.9, end: column + span * 0.1 });
  }

  // Show a part of what is shown now, or more, around the dot that is pointed at.
  function zoom(factor) {
    const { start, end } = whole();
    const span = Math.min(Math.max((xRange.end - xRange.start) * factor, 3), end - start);
    const middle = current === null ? (xRange.start + xRange.end) / 2 : dots.column[current];
    const from = Math.min(Math.max(middle - span / 2, start), end - span);
    xRange.setv({ start: from, end: from + span });
  }

  const newest = () => ordered.findLast((at) => isValued(at) && dots.snapshot[at] === null) ?? ordered.findLast(isValued) ?? null;

  function listen(plot, isCandidate, yOf) {
    plot.on_event("mousemove", ({ x, y }) => {
      const perX = plot.inner_width / (xRange.end - xRange.start);
      const perY = plot.inner_height / (plot.y_range.end - plot.y_range.start);
      let best = null, least = Infinity;
      for (const at of ordered) {
        if (dots.column[at] < xRange.start || dots.column[at] > xRange.end || !isCandidate(at)) continue;
        const distance = ((dots.column[at] - x) * perX) ** 2 + ((yOf(at) - y) * perY) ** 2;
        if (distance < least) [best, least] = [at, distance];
      }
      if (best !== null && best !== current) point(best);
    });
    plot.on_event("doubletap", fit);
  }

  function step(event) {
    const zooms = { "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: fit };
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: "up", ArrowDown: "down", Home: "first", End: "last" };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const way = steps[event.key];
    const drawn = ordered.filter(isValued);
    if ((way === undefined && !(event.key in zooms)) || !drawn.length) return;
    event.preventDefault();
    event.stopPropagation();
    if (way === undefined) {
      zooms[event.key]();
      return;
    }
    const at = Math.max(drawn.indexOf(current), 0);
    const same = drawn.filter((one) => dots.branch[one] === dots.branch[current ?? drawn[0]]);
    const along = same.indexOf(current);
    const next = way === "first" ? 0 : way === "last" ? drawn.length - 1
      : way === "up" ? drawn.indexOf(same[Math.max(along - 1, 0)])
      : way === "down" ? drawn.indexOf(same[Math.min(along + 1, same.length - 1)])
      : Math.min(Math.max(at + way, 0), drawn.length - 1);
    point(drawn[next]);
  }

  function repaint() {
    look = lookAt(element);
    const { text, faint, guide, font } = look;
    for (const model of document_.all_models ?? document_._all_models.values()) {
      const [kind] = model.tags ?? [];
      if (kind === "axis") {
        model.setv({ major_label_text_color: text, major_label_text_font: font, axis_line_color: faint, major_tick_line_color: faint });
      } else if (kind === "grid") model.setv({ grid_line_color: faint });
      else if (kind === "cursor") model.setv({ line_color: text });
      else if (kind === "guide") model.setv({ line_color: guide });
      else if (kind === "faint") model.setv({ line_color: guide });
      else if (kind === "label" || kind === "title") model.setv({ text_color: text, text_font: font });
    }
  }

  function show(next) {
    shown = next.metrics.slice(0, plots.length);
    hidden = new Set(next.hidden);
    broughtOut = next.broughtOut;
    regroup();
    fill();
    point(current !== null && isValued(current) ? current : newest());
  }

  for (const plot of plots) plot.height = HEIGHTS[Math.min(plots.length, HEIGHTS.length) - 1];
  const [first, last] = view.stretch ?? [];
  xRange.setv(view.stretch ? { start: first - 0.5, end: last + 0.5 } : whole());
  repaint();
  show(view);
  plots.forEach((plot, at) => listen(plot,
    (dot) => isDrawn(dot) && metrics[shown[at]].values[dot] !== null, (dot) => metrics[shown[at]].values[dot]));
  listen(lanesPlot, isDrawn, (at) => -dots.lane[at]);
  let before = width();
  lanesPlot.properties.inner_width.change.connect(() => {
    if (before === width()) return;
    before = width();
    if (told === null) xRange.setv(whole());
    refill();
  });
  xRange.change.connect(refill);
  element.addEventListener("keydown", step);

  return {
    show,
    fit,
    point,
    repaint() {
      repaint();
      fill();
    },
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
