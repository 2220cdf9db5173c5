// Draws the plots of a fragment with BokehJS: see page.py for what it is given.
const FEW_DOTS = 60;
const ROWS_LIMIT = 500;
const lookOf = (trace) => looks[trace.style] ?? greyLook;

function addElement(parent, kind, text, name) {
  const element = document.createElement(kind);
  element.textContent = text;
  if (name) element.className = name;
  parent.append(element);
  return element;
}

function swatchOf({ dash, shape }, mode) {
  const line = mode === "dots" ? "" : `<path d="M0 7H28" stroke-width="2" stroke-dasharray="${dash || "none"}"/>`;
  const mark = mode === "outline" ? "" : `<path d="${mode === "bars" ? "M9 2h10v10H9Z" : shape}"/>`;
  return `<svg width="28" height="14" aria-hidden="true" style="color: var(--mlops-colour)" fill="currentColor" stroke="currentColor">${mode === "bars" ? "" : line}${mark}</svg>`;
}

async function drawMlopsPlots(root) {
  const given = JSON.parse(await unpack(root.querySelector(".drawing")));
  const places = [...root.querySelectorAll(".mlops-plot")].filter((one) => one.querySelector(".plot"));
  const painters = [];
  const paint = () => {
    if (!root.isConnected) return;
    root.dataset.mode = lookAt(root).mode;
    painters.forEach((one) => one());
  };
  root.dataset.mode = lookAt(root).mode;
  watchTheme(root, paint);
  if (given.plots.length) {
    const Bokeh = await loadBokeh(root, given.version);
    for (const [at, plot] of given.plots.entries()) {
      painters.push(await drawPlot(Bokeh, places[at], plot, given.items[plot.item]));
    }
  }
  root.dataset.drawn = "true";
}

// Draws one plot, and returns what paints it again in the colours around it.
async function drawPlot(Bokeh, place, plot, item) {
  const [element, legend, readout, details] =
    [".plot", ".legend", ".readout", "details"].map((name) => place.querySelector(name));
  const { traces, mode, scale, categories } = plot;
  element.replaceChildren();
  const views = await Bokeh.embed.embed_item(structuredClone(item), element);
  const document_ = (views.roots?.[0] ?? [...views][0]).model.document;
  const find = (name) => document_.get_model_by_name(name);
  const model = find("plot");
  const hidden = new Set();
  let current = null;

  // Bars of one category stand beside each other.
  const shift = (trace) => (mode === "bars" ? (0.8 / traces.length) * (trace - (traces.length - 1) / 2) : 0);
  const points = traces.flatMap((trace, at) => trace.x.map((x, index) => ({
    trace: at, index, x: x === null ? null : x + shift(at), y: trace.y[index],
  }))).filter(({ x, y }) => x !== null && y !== null).sort((a, b) => a.x - b.x || a.trace - b.trace);
  const shown = () => points.filter(({ trace }) => !hidden.has(trace));

  function nameX(x) {
    if (scale === "category") return categories[x] ?? "";
    if (scale === "time") return new Date(x).toISOString().replace("T", " ").replace(/(:00)?\.000Z$/, "");
    return formatValue(x);
  }

  function fill() {
    traces.forEach((trace, at) => {
      const visible = !hidden.has(at);
      const xs = trace.x.map((x) => (x === null ? NaN : x + shift(at)));
      const ys = trace.y.map((y) => y ?? NaN);
      const set = (name, on) => {
        const source = find(`${name}-${at}`);
        if (source) source.data = on ? { x: xs, y: ys } : { x: [], y: [] };
      };
      set("trace", visible);
      set("dots", visible && (mode === "dots" || xs.length <= FEW_DOTS));
    });
    const all = shown();
    const extremes = (values, pad, zero) => {
      let [low, high] = [Infinity, -Infinity];
      for (const value of values) {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
      if (low > high) return [0, 1];
      if (zero) [low, high] = [Math.min(low, 0), Math.max(high, 0)];
      const room = (high - low) * pad || Math.abs(high) * 0.05 || 0.5;
      return [low - (zero && low === 0 ? 0 : room), high + room];
    };
    const guides = plot.guide === "zero" ? [0] : [];
    const [left, right] = scale === "category" ? [-0.6, categories.length - 0.4] : extremes(all.map(({ x }) => x), 0.03);
    const [low, high] = extremes([...all.map(({ y }) => y), ...guides], 0.08, mode === "bars");
    find("x").setv({ start: left, end: right });
    find("y").setv({ start: low, end: high });
    find("guide").data = plot.guide === "diagonal" ? { x: [0, 1], y: [0, 1] }
      : plot.guide === "zero" ? { x: [left, right], y: [0, 0] } : { x: [], y: [] };
    const named = traces.map(({ label }) => label).filter(Boolean).join(", ");
    element.setAttribute("aria-label", `${plot.title}: ${plot.yLabel} over ${plot.xLabel}${named ? `, ${named}` : ""}. Arrow keys move along it.`);
  }

  function labelCategories() {
    if (scale !== "category") return;
    const every = Math.max(Math.ceil(categories.length / Math.max(Math.floor((model.inner_width || 300) / 48), 1)), 1);
    const axis = find("x-axis");
    axis.major_label_overrides = new Map(categories.map((name, at) => [at, name.length > 14 ? `${name.slice(0, 13)}…` : name]));
    axis.ticker.ticks = categories.map((_, at) => at).filter((at) => at % every === 0);
  }

  function tell(point) {
    current = point;
    readout.replaceChildren();
    find("cursor").data = point ? { x: [point.x], y: [point.y] } : { x: [], y: [] };
    if (!point) return;
    const trace = traces[point.trace];
    if (traces.length > 1) addElement(readout, "span", `${trace.label} · `);
    addElement(readout, "span", `${plot.xLabel} ${nameX(trace.x[point.index])} · `, "quiet");
    addElement(readout, "b", formatValue(trace.y[point.index]));
    addElement(readout, "span", ` ${plot.yLabel}`, "quiet");
  }

  function tabulate() {
    details.querySelector(".table")?.remove();
    if (!details.open) return;
    const box = addElement(details, "div", "", "table");
    const table = addElement(box, "table", "");
    const row = (kind, cells) => {
      const line = addElement(table, "tr", "");
      cells.forEach((cell) => addElement(line, kind, cell));
    };
    row("th", [plot.xLabel, plot.yLabel, ...(traces.length > 1 ? [""] : [])]);
    const all = shown();
    for (const { trace, index } of all.slice(0, ROWS_LIMIT)) {
      const { label, x, y } = traces[trace];
      row("td", [nameX(x[index]), formatValue(y[index]), ...(traces.length > 1 ? [label] : [])]);
    }
    if (all.length > ROWS_LIMIT) addElement(box, "p", `and ${all.length - ROWS_LIMIT} more`, "note");
  }

  function paint() {
    const { text, faint, font, colourOf } = lookAt(place);
    for (const one of document_.all_models ?? document_._all_models.values()) {
      const [kind, at] = one.tags ?? [];
      if (kind === "axis") {
        one.setv({
          major_label_text_color: text, major_label_text_font: font, axis_label_text_color: text,
          axis_label_text_font: font, axis_label_text_font_style: "normal",
          axis_line_color: faint, major_tick_line_color: faint,
        });
      } else if (kind === "grid") one.setv({ grid_line_color: faint });
      else if (kind === "cursor") one.setv({ line_color: text });
      else if (kind === "guide") one.setv({ line_color: text, line_alpha: 0.4 });
      if (at === undefined) continue;
      const colour = colourOf(traces[at]);
      const { marker, dash } = lookOf(traces[at]);
      if (kind === "line") one.setv({ line_color: colour, line_dash: dash ? dash.split(" ").map(Number) : [] });
      else if (kind === "bars") one.setv({ fill_color: colour, line_color: colour, fill_alpha: 0.75 });
      else if (kind === "dots") {
        const many = traces[at].x.length > FEW_DOTS;
        one.setv({ marker: { value: marker }, size: { value: many ? 5 : 7 }, line_color: colour, fill_color: colour, fill_alpha: many ? 0.4 : 0.9 });
      }
    }
    legend.querySelectorAll("button").forEach((button, at) => {
      button.style.setProperty("--mlops-colour", colourOf(traces[at]));
    });
  }

  function step(event) {
    const ways = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 };
    const all = shown();
    if (!all.length || !(event.key in ways || event.key === "Home" || event.key === "End")) return;
    event.preventDefault();
    event.stopPropagation();
    const along = event.key.endsWith("Up") || event.key.endsWith("Down")
      ? all.filter(({ x }) => current === null || x === current.x)
      : all.filter(({ trace }) => current === null || trace === current.trace);
    const at = current === null ? -1 : along.indexOf(current);
    tell(event.key === "Home" ? along[0] : event.key === "End" ? along.at(-1)
      : along[Math.min(Math.max(at + ways[event.key], 0), along.length - 1)]);
  }

  model.on_event("mousemove", ({ x, y }) => {
    const perX = model.inner_width / (model.x_range.end - model.x_range.start);
    const perY = model.inner_height / (model.y_range.end - model.y_range.start);
    let best = null, least = Infinity;
    for (const point of shown()) {
      const distance = ((point.x - x) * perX) ** 2 + ((point.y - y) * perY) ** 2;
      if (distance < least) [best, least] = [point, distance];
    }
    if (best !== current) tell(best);
  });
  model.on_event("doubletap", fill);
  element.addEventListener("keydown", step);
  details.addEventListener("toggle", tabulate);

  if (traces.length > 1 || ![plot.xLabel, plot.yLabel].includes(traces[0].label)) {
    traces.forEach((trace, at) => {
      const button = addElement(legend, "button", "");
      button.type = "button";
      button.setAttribute("aria-pressed", "true");
      button.innerHTML = swatchOf(lookOf(trace), mode);
      addElement(button, "span", trace.label);
      button.addEventListener("click", () => {
        if (!hidden.delete(at)) hidden.add(at);
        button.setAttribute("aria-pressed", String(!hidden.has(at)));
        if (current && hidden.has(current.trace)) tell(null);
        fill();
        tabulate();
      });
    });
  }
  find("x-axis").axis_label = plot.xLabel;
  find("y-axis").axis_label = plot.yLabel;
  model.properties.inner_width.change.connect(labelCategories);
  labelCategories();
  fill();
  paint();
  return paint;
}
