/** How matches and suggestions are put into words; whatever a colour or an icon says, a word says too. */

import type { Lines, Match, Provenance, Verdict } from "./protocol";

const GRAVITY: readonly Verdict[] = ["exempt", "ignored", "common", "allow", "attribute", "review", "deny"];

const SAYINGS: Record<Verdict, string> = {
  deny: "denied by the policy",
  review: "needs a person's review",
  attribute: "needs attribution",
  allow: "allowed",
  common: "common code",
  exempt: "exempt",
  ignored: "ignored with a reason",
};

const DEMANDS: Record<Verdict, string> = {
  deny: "denied",
  review: "review",
  attribute: "attribute",
  allow: "allowed",
  common: "common",
  exempt: "exempt",
  ignored: "ignored",
};

/** What a verdict asks of a person, in one word. */
export function demand(verdict: Verdict): string {
  return DEMANDS[verdict];
}

/** What a verdict asks of a person. */
export function saying(verdict: Verdict): string {
  return SAYINGS[verdict];
}

/** From mild (0) to grave. */
export function gravity(verdict: Verdict): number {
  return GRAVITY.indexOf(verdict);
}

export function gravest(verdicts: Iterable<Verdict>): Verdict {
  return [...verdicts].reduce((worst, next) => (gravity(next) > gravity(worst) ? next : worst), "exempt");
}

/** Whether a person has something to do about it. */
export function isOpen(verdict: Verdict): boolean {
  return gravity(verdict) >= gravity("attribute");
}

/** `92%`; what is not wholly alike is never said to be. */
export function percent(share: number): string {
  return `${share >= 1 ? 100 : Math.min(99, Math.round(share * 100))}%`;
}

export function span(lines: Lines | null): string {
  if (lines === null) return "";
  return lines[0] === lines[1] ? `${lines[0]}` : `${lines[0]}-${lines[1]}`;
}

/** `requests`, of an origin that ends so. */
export function project(match: Match): string {
  return match.source.origin.replace(/\/+$/, "").split("/").at(-1) ?? "";
}

/** `requests requests/api.py:120-141`. */
export function place(match: Match): string {
  const lines = span(match.source.lines);
  return `${project(match)} ${match.source.path}${lines === "" ? "" : `:${lines}`}`;
}

/** One line on a match. */
export function headline(match: Match): string {
  return `${percent(match.similarity)} like ${place(match)} · ${match.license.expression}`;
}

/** The line that stands beside ghost text; `count` suggestions, of which this is number `index` from 0. */
export function ghostLine(provenance: Provenance, index: number, count: number): string {
  const which = count > 1 ? ` (${index + 1} of ${count})` : "";
  return `${essence(provenance)}${which}`;
}

function essence(provenance: Provenance): string {
  const best = provenance.matches[0];
  if (!provenance.traced) return "? not traced: there is no index";
  if (best === undefined) return "○ no known source";
  const mild = provenance.verdict === "attribute" || gravity(provenance.verdict) < gravity("attribute");
  return `≈ ${headline(best)}${mild ? "" : ` · ${saying(provenance.verdict)}`}`;
}

/** A few words for the status bar: the licence, and what is to be done. */
export function brief(provenance: Provenance): string {
  const best = provenance.matches[0];
  if (!provenance.traced) return "not traced";
  return best === undefined ? "no known source" : `${best.license.expression}, ${saying(provenance.verdict)}`;
}

/** All of it for a screen reader, and for tooltips. */
export function spoken(provenance: Provenance): string {
  const best = provenance.matches[0];
  if (!provenance.traced) return "not traced, because there is no index";
  if (best === undefined) return "of no known source";
  const others = provenance.matches.length - 1;
  const more = others === 0 ? "" : `, and ${others} more ${others === 1 ? "source" : "sources"}`;
  const license = `licence ${best.license.expression}, ${saying(provenance.verdict)}`;
  return `${percent(best.similarity)} like ${place(best)}, ${license}${more}`;
}

/** That a suggestion was withheld and what for, in a line; the whole reason stands in the log. */
export function withheldLine({ matches, reason }: Provenance): string {
  const best = matches[0];
  return best === undefined ? reason : `Suggestion withheld: like ${place(best)} · ${best.license.expression}`;
}

/** Details of a match in Markdown, with nothing of it read as Markdown by accident. */
export function details(match: Match): string {
  const rows = [
    `**${escape(place(match))}**`,
    `${escape(match.kind)} match of lines ${span(match.query.lines)}, ${percent(match.similarity)} alike, ${match.tokens} tokens`,
    `Licence \`${match.license.expression.replaceAll("`", "'")}\`: **${match.verdict}**, ${saying(match.verdict)}`,
    ...(match.reason === "" ? [] : [`Reason: ${escape(match.reason)}`]),
    ...match.license.evidence.slice(0, 3).map((evidence) => `Evidence: ${escape(evidence)}`),
    ...match.license.conflicts.map((conflict) => `Conflict: ${escape(conflict)}`),
    `Origin: ${escape(match.source.origin)}${match.source.revision ? ` (${escape(match.source.revision)})` : ""}`,
  ];
  return rows.join("  \n");
}

/** Text as Markdown that shows it as it is. */
export function escape(text: string): string {
  return text.replace(/[\\`*_{}[\]<>#|!]/g, "\\$&").replace(/[\r\n]+/g, " ");
}

/** Where the archive shows a source, if it has archived it. */
export function archiveLink(swhid: string): string {
  return `https://archive.softwareheritage.org/${encodeURI(swhid).replaceAll("#", "%23").replaceAll("?", "%3F")}`;
}

/** `1 match`, `2 matches`. */
export function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
