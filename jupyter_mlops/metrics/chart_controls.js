// A chart that stands by itself: its pickers, legend, read-out and table, in the places of bokeh_chart.py.
async function drawMlopsHistory(root) {
  const ROWS_LIMIT = 500;
  const given = JSON.parse(await unpack(root.querySelector(".drawing")));
  const chart = given.chart;
  const { metrics, dots, branches } = chart;
  const part = (name) => root.querySelector(name);
  const [head, legend, plots, zoomed, readout, details] =
    [".head", ".legend", ".plots", ".zoom", ".readout", "details"].map(part);
  const hidden = new Set();
  const broughtOut = [];
  let shown = [0], stretch = null, drawn = null, turn = 0;

  function add(parent, kind, text, name) {
    const element = document.createElement(kind);
    element.textContent = text;
    if (name) element.className = name;
    parent.append(element);
    return element;
  }

  function addButton(parent, text, label, onClick) {
    const button = add(parent, "button", text);
    button.type = "button";
    button.setAttribute("aria-label", label);
    button.addEventListener("click", onClick);
    return button;
  }

  function addSelect(parent, label, options, value, onChange) {
    const select = add(parent, "select", "");
    select.setAttribute("aria-label", label);
    for (const [key, text] of options) {
      const option = add(select, "option", text);
      option.value = key;
      option.selected = key === value;
    }
    select.addEventListener("change", () => onChange(select.value));
    return select;
  }

  function paint() {
    const { mode, colourOf } = lookAt(root);
    root.style.setProperty("--mlops-good", mode === "dark" ? "#4ade80" : "#15803d");
    root.style.setProperty("--mlops-bad", mode === "dark" ? "#fb8585" : "#b91c1c");
    const groups = groupsOf(chart, broughtOut);
    legend.querySelectorAll("button").forEach((button, at) => {
      button.style.setProperty("--mlops-colour", colourOf(groups[at]));
    });
  }

  function pick(metrics) {
    const isAsMany = metrics.length === shown.length;
    shown = metrics;
    refill(head, fillHead);
    tabulate();
    if (isAsMany) show();
    else void draw();
  }

  const view = () => ({ metrics: shown, hidden, broughtOut, stretch });
  const show = () => drawn?.show(view());

  // Draw as many metrics as are shown; what was drawn before stays until that is done.
  async function draw() {
    const mine = ++turn;
    const place = document.createElement("div");
    Object.assign(place, { className: "plot", tabIndex: 0, role: "img" });
    const before = plots.firstElementChild;
    before?.classList.add("leaving");
    plots.append(place);
    const { items, chart } = given;
    const next = await drawChart(Bokeh, place, { item: items[shown.length - 1], chart }, view(), {
      onPoint: (at) => mine === turn && tell(at),
      onStretch: (now) => mine === turn && tellStretch(now),
    });
    if (mine !== turn) {
      next.dispose();
      place.remove();
      return;
    }
    drawn?.dispose();
    before?.remove();
    drawn = next;
  }

  // Fill a part anew; what had the focus in it has it again.
  function refill(part, fill) {
    const controls = () => [...part.querySelectorAll("select, button")];
    const focused = controls().indexOf(document.activeElement);
    part.replaceChildren();
    fill();
    controls()[focused]?.focus();
  }

  function fillHead() {
    const options = metrics.map((metric, at) => [String(at), metric.label]);
    shown.forEach((metric, place) => {
      const picked = add(head, "span", "", "picked");
      addSelect(picked, "Metric", options, String(metric), (value) => pick(shown.with(place, Number(value))));
      const { label, way } = metrics[metric];
      const words = way === null ? "" : `${way} is better`;
      const arrow = describeWay(metrics[metric]);
      if (words) add(picked, "span", shown.length > 1 ? arrow : `${arrow} ${words}`, "way").title = words;
      if (shown.length > 1) {
        addButton(picked, "×", `Remove ${label}`, () => pick(shown.filter((_, at) => at !== place)));
      }
    });
    const next = metrics.findIndex((_, at) => !shown.includes(at));
    if (next >= 0 && shown.length < given.items.length) {
      addButton(head, "+ metric", "Add a metric", () => pick([...shown, next]));
    }
    if (chart.left_out) add(head, "span", `${chart.left_out} more metrics: metrics history --metric NAME`, "way");
  }

  function fillLegend() {
    const groups = groupsOf(chart, broughtOut);
    legend.classList.toggle("many", groups.length > 4);
    for (const group of groups) {
      const button = addButton(legend, "", group.label, () => {
        if (!hidden.delete(group.name)) hidden.add(group.name);
        button.setAttribute("aria-pressed", String(!hidden.has(group.name)));
        show();
        tabulate();
      });
      button.title = group.label;
      button.setAttribute("aria-pressed", String(!hidden.has(group.name)));
      button.insertAdjacentHTML("afterbegin", '<svg width="28" height="14" aria-hidden="true" '
        + 'style="color: var(--mlops-colour)" fill="currentColor" stroke="currentColor"><path d="M0 7H28" '
        + `stroke-width="2" stroke-dasharray="${group.dash || "none"}"/><path d="${group.shape}"/></svg>`);
      add(button, "span", group.label, "name");
    }
    if (dots.snapshot.some((id) => id !== null)) {
      add(legend, "span", "snapshot", "key").insertAdjacentHTML("afterbegin",
        '<svg width="14" height="14" aria-hidden="true" fill="none" stroke="currentColor" '
        + 'stroke-width="1.5"><circle cx="7" cy="7" r="5"/></svg>');
    }
    const own = new Set(groups.map((group) => group.name));
    const others = branches.filter((name) => !own.has(name));
    if (others.length) {
      const options = [["", "Bring out a branch…"], ...others.sort().map((name) => [name, name])];
      addSelect(legend, "Bring out a branch", options, "", (name) => {
        broughtOut.push(name);
        hidden.delete(name);
        refill(legend, fillLegend);
        show();
      });
    }
    paint();
  }

  function addChange(parent, metric, at) {
    const change = describeChange(chart, metric, at);
    if (change === null) return;
    const [tone, word] = change.better === null ? ["quiet", ""] : change.better ? ["good", " better"] : ["bad", " worse"];
    add(parent, "span", ` ${change.text}${word}`, tone);
  }

  function tell(at) {
    readout.replaceChildren();
    if (at === null) return;
    const dot = describeDot(chart, at);
    if (dot.snapshot !== null) {
      add(readout, "span", "snapshot ");
      add(readout, "code", dot.snapshot);
      add(readout, "span", " of ");
    }
    add(readout, "code", dot.commit === null ? "no commit" : dot.commit.slice(0, 7));
    add(readout, "span", ` · ${dot.where || "on no branch"}`, "quiet");
    for (const name of dot.tags) add(readout, "span", ` ⚑ ${name}`);
    for (const metric of shown.map((one) => metrics[one])) {
      const told = add(readout, "span", shown.length > 1 ? `${metric.label} ` : " · ", shown.length > 1 ? "told" : "");
      add(told, "b", formatValue(metric.values[at]));
      addChange(told, metric, at);
    }
    add(readout, "span", dot.subject, "subject");
    add(readout, "span", [dot.author, dot.when].filter(Boolean).join(" · "), "quiet");
  }

  function tabulate() {
    details.querySelector(".table")?.remove();
    if (!details.open) return;
    const chosen = shown.map((at) => metrics[at]);
    const groups = new Set(groupsOf(chart, broughtOut).map((group) => group.name));
    const nameOf = (at) => (groups.has(branches[dots.branch[at]]) ? branches[dots.branch[at]] : "");
    const found = dots.column.map((_, at) => at).filter((at) => !hidden.has(nameOf(at))
      && chosen.some((metric) => metric.values[at] !== null)
      && (stretch === null || (dots.column[at] >= stretch[0] && dots.column[at] <= stretch[1])));
    const box = document.createElement("div");
    box.className = "table";
    box.tabIndex = 0;
    if (found.length > ROWS_LIMIT) add(box, "p", `The newest ${ROWS_LIMIT} of ${found.length}: zoom in to see others.`, "quiet");
    const table = add(box, "table", "");
    const titles = ["Commit", "Branches", ...chosen.flatMap((metric) => [metric.label, "Change"]), "Subject", "Author", "When"];
    const row = add(table, "tr", "");
    titles.forEach((title) => add(row, "th", title));
    for (const at of found.slice(-ROWS_LIMIT)) {
      const dot = describeDot(chart, at);
      const id = dot.snapshot !== null ? `snapshot ${dot.snapshot}` : (dot.commit ?? "").slice(0, 7);
      const line = add(table, "tr", "");
      add(line, "td", [id, ...dot.tags.map((name) => `⚑ ${name}`)].join(" "));
      add(line, "td", dot.where);
      for (const metric of chosen) {
        add(line, "td", formatValue(metric.values[at]), "amount");
        add(line, "td", describeChange(chart, metric, at)?.text ?? "", "amount");
      }
      [dot.subject, dot.author ?? "", dot.when].forEach((text) => add(line, "td", text));
    }
    details.append(box);
  }

  function tellStretch(now) {
    stretch = now;
    zoomed.hidden = now === null;
    zoomed.replaceChildren();
    if (now !== null) {
      add(zoomed, "span", `Commits ${now[0] + 1} to ${now[1] + 1} of ${chart.columns} `, "quiet");
      addButton(zoomed, "Show all", "Show all commits", () => drawn.fit());
    }
    tabulate();
  }

  const Bokeh = await loadBokeh(root, given.version);
  plots.replaceChildren();
  refill(head, fillHead);
  refill(legend, fillLegend);
  await draw();
  details.hidden = false;
  details.addEventListener("toggle", tabulate);

  const repaint = () => {
    if (!root.isConnected) return;
    paint();
    drawn.repaint();
  };
  watchTheme(root, repaint);
  root.dataset.drawn = "true";
}
