// One finding: what is known of it, and both texts side by side.

import { ask } from "./api.js";
import { columns, el, link, percent, plural, shown, swhid } from "./dom.js";
import { VERDICTS, badge, kindOf, licence } from "./verdicts.js";

const MARKS = {
  " ": ["same", ""],
  "~": ["renamed", "only names changed"],
  "|": ["changed", "changed"],
  "<": ["ours", "only in your text"],
  ">": ["theirs", "only in the known text"],
};
const RUN = 24;
const KEPT = 6;

export const linesOf = ([first, last]) => (first === last ? `line ${first}` : `lines ${first}–${last}`);

/** Facts of a match as a list of names and values. */
export function findingFacts(match, category) {
  const { source, license } = match;
  const place = source.lines ? `${source.path}, ${linesOf(source.lines)}` : source.path;
  const rows = [
    ["Licence", el("div", {}, licence(license.expression, category), evidence(license))],
    ["Source", el("div", {}, el("bdi", { class: "path" }, ...shown(place)), origin(source))],
    ["Likeness", likeness(match)],
    match.copies > 1 && ["Also in", alsoIn(match)],
    match.renames.length > 0 && ["Names", renames(match.renames)],
    match.advice && ["Advice", `${match.advice.compatibility}: ${match.advice.explanation} (${match.advice.source})`],
    ["SWHID", swhid(source.swhid)],
  ];
  return el("dl", { class: "facts" }, ...rows.filter(Boolean).map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

export function findingHead(match) {
  return el(
    "header",
    { class: "finding-head" },
    badge(match.verdict),
    el("h3", {}, `${kindOf(match)}, ${linesOf(match.query.lines)}`),
    el("p", {}, VERDICTS[match.verdict].says),
  );
}

function evidence({ evidence, conflicts }) {
  const items = [...evidence.map((line) => el("li", {}, ...shown(line)))];
  items.push(...conflicts.map((line) => el("li", { class: "conflict" }, "Conflict: ", ...shown(line))));
  return items.length ? el("ul", { class: "evidence" }, ...items) : "nobody says so";
}

function origin({ origin, revision }) {
  return el("div", { class: "soft" }, link(origin, ...shown(origin)), revision ? ` · ${revision}` : "");
}

function likeness(match) {
  const exact = match.verified ? "compared token by token" : "estimated from sketches of lines";
  return `${percent(match.similarity)} alike · ${plural(match.tokens, "token")} in common · ${exact}`;
}

function alsoIn({ copies, other_licenses }) {
  const under = other_licenses.length ? `, also under ${other_licenses.join(", ")}` : "";
  return `${plural(copies - 1, "other known file")}${under}`;
}

function renames(list) {
  const told = list.slice(0, 8).flatMap((r) => [el("code", {}, ...shown(r.source)), " → ", el("code", {}, ...shown(r.query)), ", "]);
  told.pop();
  return el("span", {}, ...told, list.length > 8 ? ` and ${list.length - 8} more` : "");
}

/** Both texts side by side, or the words that the index does not keep the known one. */
export async function comparison(match, asked) {
  const found = await ask("/v1/compare", { ...asked, lines: match.query.lines, source: match.source.swhid });
  if (!found.stored) return notStored();
  const head = ["Your text", "Known text"].flatMap((title, side) => [
    el("th", { scope: "col", colspan: 2 }, title, side ? el("bdi", { class: "soft path" }, ` ${match.source.path}`) : ""),
    !side && el("th", { scope: "col" }, el("span", { class: "hidden-text" }, "Difference")),
  ]);
  const body = folded(found.rows).map((row) => (Array.isArray(row) ? fold(row) : both(row)));
  return el(
    "div",
    {},
    el(
      "div",
      { class: "scroll", role: "region", tabindex: 0, "aria-label": "Both texts side by side" },
      el("table", { class: "both" }, columns("number", "", "mark", "number", ""), el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...body)),
    ),
    legend(found.rows),
  );
}

function notStored() {
  return el(
    "div",
    { class: "empty" },
    el("p", { class: "lead" }, "The text of the source is not stored in this index."),
    el("p", {}, "It keeps fingerprints only: enough to say which lines are alike, not to print them. The archive shows the text where it has it; an index built with --contents shows it here."),
  );
}

function both({ mark, query, source }) {
  const [name, says] = MARKS[mark];
  const sign = mark === " " ? "" : el("span", { title: says }, el("span", { "aria-hidden": "true" }, mark), el("span", { class: "hidden-text" }, says));
  return el("tr", { class: name }, ...cell(query), el("td", { class: "mark" }, sign), ...cell(source));
}

function cell(side) {
  if (!side) return [el("td", { class: "none" }), el("td", { class: "none" })];
  const parts = side.parts.map(([text, change]) => (change === "same" ? shown(text) : el("mark", { class: change }, ...shown(text))));
  return [el("td", { class: "number" }, String(side.line)), el("td", {}, ...parts.flat())];
}

/** Rows, with a list in place of the inside of a long run of equal ones. */
function folded(rows) {
  const kept = [];
  let place = 0;
  while (place < rows.length) {
    let end = place;
    while (end < rows.length && rows[end].mark === " ") end += 1;
    if (end - place > RUN) {
      kept.push(...rows.slice(place, place + KEPT), rows.slice(place + KEPT, end - KEPT), ...rows.slice(end - KEPT, end));
    } else {
      end = Math.max(end, place + 1);
      kept.push(...rows.slice(place, end));
    }
    place = end;
  }
  return kept;
}

/** What is folded away, behind a button. */
function fold(rows) {
  const row = el("tr", { class: "fold" });
  const open = () => row.replaceWith(...rows.map(both));
  row.append(el("td", { colspan: 5 }, el("button", { type: "button", class: "small", onclick: open }, `${plural(rows.length, "more equal line")}`)));
  return row;
}

function legend(rows) {
  const used = Object.entries(MARKS).filter(([mark, [, says]]) => says && rows.some((row) => row.mark === mark));
  if (!used.length) return el("p", { class: "legend" }, "Every token is the same.");
  return el("p", { class: "legend" }, ...used.flatMap(([mark, [name, says]]) => [el("span", { class: `key ${name}` }, el("b", {}, mark), ` ${says}`)]));
}
