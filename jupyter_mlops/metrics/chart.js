// Draws the history of a metric with BokehJS into one element: see bokeh_chart.py for what it is given.
async function drawMlopsHistory(root, given) {
  const { version, item, chart } = given;
  const { metrics, dots, groups, lines, edges } = chart;
  const plotElement = root.querySelector(".plot");
  const readout = root.querySelector(".readout");
  const select = root.querySelector("select");

  const palettes = {
    light: ["#0060a8", "#c14a00", "#00795a", "#a0408a", "#7a5c00", "#4b4fc4", "#b3123f", "#38707f"],
    dark: ["#62b4ff", "#ff9a52", "#3fd0a4", "#ee94d2", "#e3c34a", "#a9a8ff", "#ff8099", "#86c9da"],
  };
  const grey = { light: "#6b7280", dark: "#9aa3af" };

  async function loadBokeh() {
    if (window.Bokeh?.[version]) return window.Bokeh[version];
    const packed = atob(root.querySelector(".bokehjs").textContent.trim());
    const bytes = Uint8Array.from(packed, (char) => char.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const source = await new Response(stream).text();
    if (!window.Bokeh?.[version]) {
      const script = document.createElement("script");
      script.textContent = source;
      document.head.append(script);
    }
    return window.Bokeh[version] ?? window.Bokeh;
  }

  function look() {
    const [red, green, blue] = getComputedStyle(root).color.match(/[\d.]+/g).map(Number);
    const mode = 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "dark" : "light";
    return { mode, text: `rgb(${red}, ${green}, ${blue})`, faint: `rgba(${red}, ${green}, ${blue}, 0.14)` };
  }

  const colourOf = (group, mode) =>
    groups[group].style < 0 ? grey[mode] : palettes[mode][groups[group].style];

  function applyTheme(document_) {
    const { mode, text, faint } = look();
    const font = getComputedStyle(root).fontFamily;
    root.style.setProperty("--mlops-good", mode === "dark" ? "#4ade80" : "#15803d");
    root.style.setProperty("--mlops-bad", mode === "dark" ? "#fb8585" : "#b91c1c");
    for (const model of document_.all_models ?? document_._all_models.values()) {
      const tag = model.tags?.[0];
      if (tag === "axis") {
        model.setv({ major_label_text_color: text, major_label_text_font: font, axis_line_color: faint, major_tick_line_color: faint });
      } else if (tag === "grid") model.setv({ grid_line_color: faint });
      else if (tag === "cursor") model.setv({ line_color: text });
      else if (tag === "line") model.setv({ line_color: colourOf(model.tags[1], mode) });
      else if (tag === "dots") model.setv({ line_color: colourOf(model.tags[1], mode), fill_color: colourOf(model.tags[1], mode) });
    }
    root.querySelectorAll(".legend [data-group]").forEach((element) => {
      element.style.setProperty("--mlops-colour", colourOf(Number(element.dataset.group), mode));
    });
  }

  const hidden = new Set();
  let metric = metrics[0];
  let current = null;
  const shown = (at) => metric.values[at] !== null && !hidden.has(dots[at].group);

  function format(value) {
    if (value === null || value === undefined) return "–";
    if (typeof value === "string") return value;
    const size = Math.abs(value);
    if (Number.isInteger(value) && size < 1e9) return String(value);
    return size !== 0 && (size < 1e-4 || size >= 1e7) ? value.toExponential(3) : String(Number(value.toPrecision(5)));
  }

  function fill(document_) {
    const set = (name, data) => { document_.get_model_by_name(name).data = data; };
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
        const mine = dots.flatMap((dot, index) =>
          visible && dot.group === at && (dot.snapshot !== null) === (kind === "snapshots") ? [index] : []);
        const valued = mine.filter((index) => metric.values[index] !== null);
        set(`${kind}-${at}`, { x: valued.map((index) => dots[index].column), y: valued.map((index) => metric.values[index]) });
        set(`lane-${kind}-${at}`, { x: mine.map((index) => dots[index].column), y: mine.map((index) => -dots[index].lane) });
      }
    });
    const values = metric.values.filter((_, at) => shown(at));
    let low = Math.min(...values), high = Math.max(...values);
    if (!values.length) [low, high] = [0, 1];
    const pad = (high - low) * 0.08 || Math.abs(high) * 0.05 || 0.5;
    document_.get_model_by_name("values").setv({ start: low - pad, end: high + pad });
    root.querySelector(".way").textContent =
      metric.way === null ? "" : metric.way === "higher" ? "↑ higher is better" : "↓ lower is better";
    const span = values.length ? `, from ${format(low)} to ${format(high)}` : "";
    plotElement.setAttribute("aria-label",
      `${metric.label} over ${chart.columns} commits on ${groups.filter((group) => group.branch !== null).length} branches${span}. Arrow keys move along it.`);
  }

  function add(parent, kind, text, name) {
    const element = document.createElement(kind);
    element.textContent = text;
    if (name) element.className = name;
    parent.append(element);
  }

  function point(document_, at) {
    current = at;
    const cursor = document_.get_model_by_name("cursor");
    const laneCursor = document_.get_model_by_name("lane-cursor");
    if (at === null) return;
    const dot = dots[at];
    cursor.data = { x: [dot.column], y: [metric.values[at] ?? NaN] };
    laneCursor.data = { x: [dot.column], y: [-dot.lane] };
    readout.replaceChildren();
    if (dot.snapshot !== null) {
      add(readout, "span", "snapshot ");
      add(readout, "code", dot.snapshot);
      add(readout, "span", " of ");
    }
    add(readout, "code", dot.commit === null ? "no commit" : dot.commit.slice(0, 7));
    add(readout, "span", ` · ${dot.where || "on no branch"} · `, "quiet");
    add(readout, "b", format(metric.values[at]));
    const moved = metric.deltas[at];
    if (moved !== null && moved !== 0) {
      const [sign, tone, word] = metric.better[at] === null ? ["", "quiet", ""]
        : metric.better[at] ? ["", "good", " better"] : ["", "bad", " worse"];
      const arrow = moved > 0 ? "▲" : "▼";
      add(readout, "span", ` ${sign}${arrow} ${moved > 0 ? "+" : "−"}${format(Math.abs(moved))}${word}`, tone);
    }
    add(readout, "span", dot.subject, "subject");
    add(readout, "span", [dot.author, dot.when].filter(Boolean).join(" · "), "quiet");
  }

  function nearest(candidates, place, x, y, perX, perY) {
    let best = null, least = Infinity;
    for (const at of candidates) {
      const [dotX, dotY] = place(at);
      const distance = ((dotX - x) * perX) ** 2 + ((dotY - y) * perY) ** 2;
      if (distance < least) [best, least] = [at, distance];
    }
    return best;
  }

  function follow(document_, plot, candidates, place) {
    plot.on_event("mousemove", ({ x, y }) => {
      const perX = plot.inner_width / (plot.x_range.end - plot.x_range.start);
      const perY = plot.inner_height / (plot.y_range.end - plot.y_range.start);
      const at = nearest(candidates(), place, x, y, perX, perY);
      if (at !== null && at !== current) point(document_, at);
    });
    plot.on_event("doubletap", () => { show(plot); label(document_, plot); });
  }

  // All columns, with room at either side for the outermost dots.
  function show(plot) {
    const span = chart.columns - 1;
    const room = Math.max(0.6, (span * 12) / Math.max((plot.inner_width || 200) - 24, 50));
    plot.x_range.setv({ start: -room, end: span + room });
  }

  // As many short ids beneath the lanes as there is room for, evenly spread.
  function label(document_, plot) {
    const axis = document_.get_model_by_name("commits");
    const room = Math.max(Math.floor((plot.inner_width || 200) / 62), 1);
    const every = Math.max(Math.ceil(chart.columns / room), 1);
    const ids = new Map(dots.map((dot) => [dot.column, dot.commit?.slice(0, 7) ?? ""]));
    const ticks = Array.from({ length: Math.ceil(chart.columns / every) }, (_, at) => at * every);
    axis.major_label_overrides = new Map(ticks.map((tick) => [tick, ids.get(tick) ?? ""]));
    axis.ticker.ticks = ticks;
  }

  function tabulate() {
    const details = root.querySelector("details");
    details.querySelector(".table")?.remove();
    if (!details.open) return;
    const box = document.createElement("div");
    box.className = "table";
    const table = document.createElement("table");
    const row = (kind, cells) => {
      const line = document.createElement("tr");
      cells.forEach((cell, at) => add(line, kind, cell, kind === "td" && (at === 2 || at === 3) ? "amount" : ""));
      table.append(line);
    };
    row("th", ["Commit", "Branches", metric.label, "Change", "Subject", "Author", "When"]);
    dots.forEach((dot, at) => {
      if (!shown(at)) return;
      const id = dot.snapshot !== null ? `snapshot ${dot.snapshot}` : (dot.commit ?? "").slice(0, 7);
      const moved = metric.deltas[at];
      row("td", [id, dot.where, format(metric.values[at]), moved ? format(moved) : "",
        dot.subject, dot.author ?? "", dot.when]);
    });
    box.append(table);
    details.append(box);
  }

  const newest = () => dots.map((_, at) => at).filter((at) => shown(at) && dots[at].snapshot === null).at(-1)
    ?? dots.map((_, at) => at).filter(shown).at(-1) ?? null;

  const Bokeh = await loadBokeh();
  plotElement.replaceChildren();
  const views = await Bokeh.embed.embed_item(item, plotElement);
  const document_ = (views.roots?.[0] ?? [...views][0]).model.document;
  applyTheme(document_);
  fill(document_);
  point(document_, newest());

  const all = () => dots.map((_, at) => at).filter((at) => !hidden.has(dots[at].group));
  follow(document_, document_.get_model_by_name("values-plot"),
    () => all().filter(shown), (at) => [dots[at].column, metric.values[at]]);
  follow(document_, document_.get_model_by_name("lanes-plot"), all, (at) => [dots[at].column, -dots[at].lane]);

  const lanes = document_.get_model_by_name("lanes-plot");
  const fit = () => { show(lanes); label(document_, lanes); };
  fit();
  lanes.properties.inner_width.change.connect(fit);
  root.querySelector("details").addEventListener("toggle", tabulate);

  function redraw() {
    fill(document_);
    point(document_, current !== null && shown(current) ? current : newest());
    tabulate();
  }
  select.addEventListener("change", () => {
    metric = metrics[Number(select.value)];
    redraw();
  });
  root.querySelectorAll(".legend button").forEach((button) => button.addEventListener("click", () => {
    const group = Number(button.dataset.group);
    if (!hidden.delete(group)) hidden.add(group);
    button.setAttribute("aria-pressed", String(!hidden.has(group)));
    redraw();
  }));
  plotElement.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: "up", ArrowDown: "down", Home: "first", End: "last" };
    const step = steps[event.key];
    const drawn = all().filter(shown).sort((a, b) => dots[a].column - dots[b].column || a - b);
    if (step === undefined || !drawn.length) return;
    event.preventDefault();
    event.stopPropagation();
    const at = Math.max(drawn.indexOf(current), 0);
    const same = drawn.filter((one) => dots[one].lane === dots[current ?? drawn[0]].lane);
    const along = same.indexOf(current);
    const next = step === "first" ? 0 : step === "last" ? drawn.length - 1
      : step === "up" ? drawn.indexOf(same[Math.max(along - 1, 0)])
      : step === "down" ? drawn.indexOf(same[Math.min(along + 1, same.length - 1)])
      : Math.min(Math.max(at + step, 0), drawn.length - 1);
    point(document_, drawn[next]);
  });

  const repaint = () => { if (root.isConnected) applyTheme(document_); };
  const observer = new MutationObserver(() => {
    if (root.isConnected) requestAnimationFrame(repaint);
    else observer.disconnect();
  });
  observer.observe(document.body, { attributes: true });
  observer.observe(document.documentElement, { attributes: true });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  root.dataset.drawn = "true";
}
