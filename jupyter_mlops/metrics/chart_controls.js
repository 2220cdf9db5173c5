// A chart that stands by itself: its picker, legend, read-out and table, as bokeh_chart.py lays them out.
async function drawMlopsHistory(root, given) {
  const { metrics, dots, groups } = given.chart;
  const plot = root.querySelector(".plot");
  const readout = root.querySelector(".readout");
  const select = root.querySelector("select");
  const details = root.querySelector("details");
  const hidden = new Set();
  let metric = metrics[0];

  async function loadBokeh() {
    const { version } = given;
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

  function paint() {
    const { mode, colourOf } = lookAt(root);
    root.style.setProperty("--mlops-good", mode === "dark" ? "#4ade80" : "#15803d");
    root.style.setProperty("--mlops-bad", mode === "dark" ? "#fb8585" : "#b91c1c");
    root.querySelectorAll(".legend [data-group]").forEach((element) => {
      element.style.setProperty("--mlops-colour", colourOf(groups[Number(element.dataset.group)]));
    });
  }

  function add(parent, kind, text, name) {
    const element = document.createElement(kind);
    element.textContent = text;
    if (name) element.className = name;
    parent.append(element);
  }

  function tell(at) {
    readout.replaceChildren();
    if (at === null) return;
    const dot = dots[at];
    if (dot.snapshot !== null) {
      add(readout, "span", "snapshot ");
      add(readout, "code", dot.snapshot);
      add(readout, "span", " of ");
    }
    add(readout, "code", dot.commit === null ? "no commit" : dot.commit.slice(0, 7));
    add(readout, "span", ` · ${dot.where || "on no branch"} · `, "quiet");
    add(readout, "b", formatValue(metric.values[at]));
    const change = describeChange(metric, at);
    if (change !== null) {
      const [tone, word] = change.better === null ? ["quiet", ""] : change.better ? ["good", " better"] : ["bad", " worse"];
      add(readout, "span", ` ${change.text}${word}`, tone);
    }
    add(readout, "span", dot.subject, "subject");
    add(readout, "span", [dot.author, dot.when].filter(Boolean).join(" · "), "quiet");
  }

  function tabulate() {
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
      if (metric.values[at] === null || hidden.has(dot.group)) return;
      const id = dot.snapshot !== null ? `snapshot ${dot.snapshot}` : (dot.commit ?? "").slice(0, 7);
      const moved = metric.deltas[at];
      row("td", [id, dot.where, formatValue(metric.values[at]), moved ? formatValue(moved) : "",
        dot.subject, dot.author ?? "", dot.when]);
    });
    box.append(table);
    details.append(box);
  }

  function choose(at) {
    metric = metrics[at];
    root.querySelector(".way").textContent =
      metric.way === null ? "" : metric.way === "higher" ? "↑ higher is better" : "↓ lower is better";
    tabulate();
  }

  const Bokeh = await loadBokeh();
  plot.replaceChildren();
  paint();
  choose(0);
  const chart = await drawChart(Bokeh, plot, given, tell);
  details.addEventListener("toggle", tabulate);
  select.addEventListener("change", () => {
    choose(Number(select.value));
    chart.choose(Number(select.value));
  });
  root.querySelectorAll(".legend button").forEach((button) => button.addEventListener("click", () => {
    const group = Number(button.dataset.group);
    if (!hidden.delete(group)) hidden.add(group);
    button.setAttribute("aria-pressed", String(!hidden.has(group)));
    chart.hide(hidden);
    tabulate();
  }));

  const repaint = () => {
    if (!root.isConnected) return;
    paint();
    chart.repaint();
  };
  const observer = new MutationObserver(() => {
    if (root.isConnected) requestAnimationFrame(repaint);
    else observer.disconnect();
  });
  observer.observe(document.body, { attributes: true });
  observer.observe(document.documentElement, { attributes: true });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  root.dataset.drawn = "true";
}
