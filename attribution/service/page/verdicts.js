// Verdicts and licences, told by a sign and a word as well as by a colour.

import { el } from "./dom.js";

export const VERDICTS = {
  deny: { sign: "✕", word: "deny", says: "The policy denies this licence: strong copyleft." },
  review: { sign: "?", word: "review", says: "A person should look: weak copyleft, or nobody knows." },
  attribute: { sign: "§", word: "attribute", says: "Permissive: keep the notice when you keep the code." },
  allow: { sign: "✓", word: "allow", says: "Nothing is asked of you." },
  common: { sign: "≈", word: "common", says: "Found in very many places: nobody’s." },
  ignored: { sign: "–", word: "ignored", says: "Ignored at your word." },
  exempt: { sign: "○", word: "exempt", says: "Your own code." },
};
const GRAVEST_FIRST = Object.keys(VERDICTS);
export const CATEGORIES = {
  permissive: { sign: "§", word: "permissive", tone: "attribute" },
  "weak-copyleft": { sign: "?", word: "weak copyleft", tone: "review" },
  "strong-copyleft": { sign: "✕", word: "strong copyleft", tone: "deny" },
  unknown: { sign: "–", word: "unknown", tone: "common" },
};
const KINDS = {
  identical: "identical file",
  literal: "copied code",
  renamed: "copied, names changed",
  near_copy: "near copy of the file",
  lexical: "copied code",
  common: "common code",
};

export const gravity = (verdict) => GRAVEST_FIRST.length - GRAVEST_FIRST.indexOf(verdict);
export const kindOf = (match) => KINDS[match.kind] ?? match.kind;

export function badge(verdict) {
  const { sign, word } = VERDICTS[verdict];
  return el("span", { class: `badge ${verdict}` }, el("span", { class: "sign", "aria-hidden": "true" }, sign), word);
}

export function licence(expression, category) {
  const { sign, tone, word } = CATEGORIES[category] ?? CATEGORIES.unknown;
  return el(
    "span",
    { class: `licence ${tone}`, title: category ? word : false },
    el("span", { class: "sign", "aria-hidden": "true" }, sign),
    expression,
  );
}
