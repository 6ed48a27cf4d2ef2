// What the index holds, in numbers and pictures.

import { indexFacts } from "./api.js";
import { bytes, columns, count, el, plural, svg } from "./dom.js";
import { CATEGORIES, licence } from "./verdicts.js";

const SHOWN = 12;

export function indexView() {
  const body = el("div", {}, el("p", { class: "soft" }, "Counting…"));
  const node = el("section", { class: "view", "aria-labelledby": "index-title" }, el("h1", { id: "index-title" }, "What this index holds"), body);
  const draw = () =>
    indexFacts().then(
      (facts) => body.replaceChildren(...pictures(facts)),
      (error) => body.replaceChildren(el("p", { class: "problem" }, error.message)),
    );
  return { node, open: draw };
}

function pictures({ index, categories, generation, version }) {
  const kept = index.has_text ? "With their text: sources are shown side by side." : "Fingerprints only: no source text is stored.";
  return [
    el("p", { class: "lead" }, kept),
    el(
      "dl",
      { class: "numbers" },
      number(count(index.documents), "distinct files"),
      number(bytes(index.source_bytes), "of source"),
      number(bytes(index.size_bytes), "of index"),
      number(count(Object.keys(index.licenses).length), "licence expressions"),
    ),
    reach(index.licenses, categories),
    el(
      "div",
      { class: "charts" },
      chart("Licences", index.licenses, (name) => licence(name, categories[name])),
      chart("Languages", index.languages, (name) => name),
    ),
    el("p", { class: "soft fine" }, `Generation ${generation} · ${plural(index.segments, "segment")} · sc-attrib ${version}. Licences and languages are counted by the places where files were found.`),
  ];
}

const number = (value, name) => el("div", {}, el("dt", {}, name), el("dd", {}, value));

/** How far the licences reach, as one bar; the table below it says the same. */
function reach(licenses, categories) {
  const totals = Object.fromEntries(Object.keys(CATEGORIES).map((name) => [name, 0]));
  for (const [expression, files] of Object.entries(licenses)) totals[categories[expression] ?? "unknown"] += files;
  const all = Object.values(totals).reduce((a, b) => a + b, 0) || 1;
  const kinds = Object.entries(totals).filter(([, files]) => files);
  let x = 0;
  const bars = kinds.map(([name, files]) => {
    const width = Math.max(0.4, (100 * files) / all);
    const bar = svg("rect", { x, y: 0, width: Math.max(0.2, width - 0.25), height: 4, class: `fill ${CATEGORIES[name].tone}` });
    x += width;
    return bar;
  });
  const keys = kinds.map(([name, files]) =>
    el("li", {}, el("span", { class: `key-sign ${CATEGORIES[name].tone}`, "aria-hidden": "true" }, CATEGORIES[name].sign), el("b", {}, CATEGORIES[name].word), ` ${share(files / all)}`),
  );
  return el(
    "figure",
    { class: "reach" },
    el("figcaption", {}, "How far the licences reach"),
    svg("svg", { viewBox: `0 0 ${Math.max(100, x)} 4`, preserveAspectRatio: "none", "aria-hidden": "true" }, ...bars),
    el("ul", { role: "list" }, ...keys),
  );
}

/** A chart that is a table: a name, its bar, its count. */
function chart(title, counts, label) {
  const rows = Object.entries(counts);
  const all = rows.reduce((sum, [, files]) => sum + files, 0) || 1;
  const most = rows[0]?.[1] ?? 1;
  const shownRows = rows.slice(0, SHOWN).map(([name, files]) => row(label(name), files, most, all));
  const rest = rows.slice(SHOWN).reduce((sum, [, files]) => sum + files, 0);
  if (rest) shownRows.push(row(`${rows.length - SHOWN} others`, rest, most, all));
  return el(
    "table",
    { class: "chart" },
    el("caption", {}, title),
    columns("name", "", "count", "share"),
    el("thead", { class: "hidden-text" }, el("tr", {}, ...[title, "Bar", "Files", "Share"].map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, ...shownRows),
  );
}

function row(label, files, most, all) {
  const bar = svg("svg", { viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" }, svg("rect", { x: 0, y: 0, width: Math.max(0.6, (100 * files) / most), height: 8, class: "fill plain" }));
  return el("tr", {}, el("th", { scope: "row" }, label), el("td", { class: "bar" }, bar), el("td", { class: "count" }, count(files)), el("td", { class: "share" }, share(files / all)));
}

function share(part) {
  if (part > 0 && part < 0.001) return "< 0.1%";
  return part < 0.0995 ? `${(100 * part).toFixed(1)}%` : `${Math.round(100 * part)}%`;
}
