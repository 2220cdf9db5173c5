// What a drawing of drawing.py says and how it looks, without drawing anything.
const palettes = {
  light: ["#0060a8", "#c14a00", "#00795a", "#a0408a", "#7a5c00", "#4b4fc4", "#b3123f", "#38707f"],
  dark: ["#62b4ff", "#ff9a52", "#3fd0a4", "#ee94d2", "#e3c34a", "#a9a8ff", "#ff8099", "#86c9da"],
};
const grey = { light: "#6b7280", dark: "#9aa3af" };

// Bokeh's marker, the same as the path of an SVG of 28 by 14, in its middle, and the line's lengths.
const looks = [
  { marker: "circle", dash: "", shape: "M10 7a4 4 0 1 0 8 0 4 4 0 1 0-8 0Z" },
  { marker: "square", dash: "7 3", shape: "M10.5 3.5h7v7h-7Z" },
  { marker: "triangle", dash: "2 2", shape: "M14 2.5 18.5 10.5H9.5Z" },
  { marker: "diamond", dash: "8 3 2 3", shape: "M14 1.5 18 7 14 12.5 10 7Z" },
  { marker: "inverted_triangle", dash: "12 4", shape: "M14 11.5 18.5 3.5H9.5Z" },
  { marker: "hex", dash: "4 2", shape: "M14 2.2 18.2 4.6V9.4L14 11.8 9.8 9.4V4.6Z" },
  { marker: "star", dash: "1 3", shape: "m14 1.6 1.5 3.6 3.9.3-3 2.5 1 3.8-3.4-2-3.4 2 1-3.8-3-2.5 3.9-.3Z" },
  { marker: "square_pin", dash: "10 2 2 2", shape: "M9.8 2.8Q14 5 18.2 2.8 16 7 18.2 11.2 14 9 9.8 11.2 12 7 9.8 2.8Z" },
];
const greyLook = { marker: "circle", dash: "1 2", shape: looks[0].shape };

export function formatValue(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e9) return String(value);
  return size !== 0 && (size < 1e-4 || size >= 1e7) ? value.toExponential(3) : String(Number(value.toPrecision(5)));
}

// How a metric moved since the dot before, null where it did not: "▲ +0.1", and whether that is better.
export function describeChange(chart, metric, at) {
  const before = chart.dots.previous[at];
  const old = before < 0 ? null : metric.values[before];
  const now = metric.values[at];
  if (old === null || now === null || old === now) return null;
  const text = `${now > old ? "▲ +" : "▼ −"}${formatValue(Math.abs(now - old))}`;
  return { text, better: metric.way === null ? null : (now > old) === (metric.way === "higher") };
}

export function describeWay(metric) {
  return metric.way === null ? "" : metric.way === "higher" ? "↑" : "↓";
}

// All that is known of a dot.
export function describeDot(chart, at) {
  const { dots, branches, authors, tags } = chart;
  const others = dots.others[at];
  return {
    commit: dots.commit[at],
    snapshot: dots.snapshot[at],
    where: dots.branch[at] < 0 ? "" : branches[dots.branch[at]] + (others ? ` +${others}` : ""),
    subject: dots.subject[at],
    author: dots.author[at] < 0 ? null : authors[dots.author[at]],
    when: dots.when[at],
    tags: tags.find((one) => one.dot === at)?.names ?? [],
  };
}

// What looks alike: each branch that has a look of its own, and at the end, called "", all others.
// Those that are brought out take the looks of the last ones.
export function groupsOf({ branches, styled, dots }, broughtOut = []) {
  const first = branches.slice(0, styled);
  const wanted = broughtOut.filter((name) => branches.includes(name) && !first.includes(name)).slice(1 - looks.length);
  const own = first.slice(0, looks.length - wanted.length);
  const groups = [...own, ...wanted].map((name, style) => ({ name, label: name, style, ...looks[style] }));
  const more = branches.length - groups.length;
  const merged = dots.branch.includes(-1);
  if (more || merged) {
    const label = more ? `${more} more${merged ? ", and merged" : ""}` : "merged, or on no branch";
    groups.push({ name: "", label, style: -1, ...greyLook });
  }
  return groups;
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
    guide: `rgba(${red}, ${green}, ${blue}, 0.35)`,
    font: style.fontFamily,
    colourOf: (group) => colours.at(group.style),
  };
}

// Those of `dots`, which are in order, that draw the same as all of them: of each stretch of one
// bucket the first, the lowest, the highest and the last. A dot without a value is a gap: null. Which
// dots share a pixel changes with each zoom and width, so that this cannot be done before they are sent.
export function thin(dots, bucketOf, valueOf) {
  const kept = [];
  let bucket = null, first = 0, low = 0, high = 0, last = 0;
  const flush = () => {
    if (bucket === null) return;
    let before = -1;
    for (const at of [first, Math.min(low, high), Math.max(low, high), last]) {
      if (at > before) kept.push(dots[at]);
      before = Math.max(at, before);
    }
    bucket = null;
  };
  for (let at = 0; at < dots.length; at++) {
    const value = valueOf(dots[at]);
    if (value === null) {
      flush();
      if (kept.length && kept.at(-1) !== null) kept.push(null);
      continue;
    }
    const here = bucketOf(dots[at]);
    if (here !== bucket) {
      flush();
      [bucket, first, low, high, last] = [here, at, at, at, at];
      continue;
    }
    last = at;
    if (value < valueOf(dots[low])) low = at;
    if (value > valueOf(dots[high])) high = at;
  }
  flush();
  return kept;
}
