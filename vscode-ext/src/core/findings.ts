/** What is known of the workspace's files: what open files are marked with goes before what a check found. */

import type { Match } from "./protocol";
import { counted, demand, details, escape, gravest, gravity, headline, isOpen, percent, project, saying, span } from "./words";
import type { Verdict } from "./protocol";

export interface Finding {
  /** Of the file, as a string that identifies it. */
  readonly uri: string;
  readonly match: Match;
}

export type Grouping = "license" | "file";

/** A group of findings with one name: a licence, or a file. */
export interface Group {
  readonly kind: Grouping;
  readonly name: string;
  readonly verdict: Verdict;
  readonly findings: readonly Finding[];
}

export class Findings {
  private readonly checked = new Map<string, readonly Match[]>();
  private readonly live = new Map<string, readonly Match[]>();

  /** An open file is marked anew; `undefined` once it is closed and what was checked holds again. */
  mark(uri: string, matches: readonly Match[] | undefined): void {
    const last = this.live.get(uri);
    if (matches !== undefined) this.live.set(uri, matches);
    else if (last !== undefined) {
      this.checked.set(uri, last);
      this.live.delete(uri);
    }
  }

  /** The whole workspace was checked. */
  replace(found: ReadonlyMap<string, readonly Match[]>): void {
    this.checked.clear();
    for (const [uri, matches] of found) this.checked.set(uri, matches);
  }

  clear(): void {
    this.checked.clear();
    this.live.clear();
  }

  /** All that somebody may want to look at, by file and line. */
  all(): Finding[] {
    const files = new Map([...this.checked, ...this.live]);
    return [...files]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([uri, matches]) => matches.filter((m) => gravity(m.verdict) >= gravity("allow")).map((match) => ({ uri, match })));
  }

  /** Those of a file that share a line, counted from 1; gravest first. */
  at(uri: string, line: number): Match[] {
    const matches = this.live.get(uri) ?? this.checked.get(uri) ?? [];
    return matches
      .filter(({ query: { lines } }) => lines[0] <= line && line <= lines[1])
      .sort((a, b) => gravity(b.verdict) - gravity(a.verdict));
  }
}

/** Groups of findings, the gravest first, then by name. */
export function grouped(findings: readonly Finding[], grouping: Grouping): Group[] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const name = grouping === "license" ? finding.match.license.expression : finding.uri;
    groups.set(name, [...(groups.get(name) ?? []), finding]);
  }
  return [...groups]
    .map(([name, held]): Group => {
      const verdict = gravest(held.map(({ match }) => match.verdict));
      return { kind: grouping, name, verdict, findings: held };
    })
    .sort((a, b) => gravity(b.verdict) - gravity(a.verdict) || (a.name < b.name ? -1 : 1));
}

/** `3 matches in 2 files · needs attribution`. */
export function summary(group: Group): string {
  const files = new Set(group.findings.map(({ uri }) => uri)).size;
  const matches = counted(group.findings.length, "match", "matches");
  const where = group.kind === "license" ? ` in ${counted(files, "file", "files")}` : "";
  return `${matches}${where} · ${saying(group.verdict)}`;
}

/** `denied · 3`, which a narrow view shows wholly; {@link summary} is its tooltip. */
export function groupBrief(group: Group): string {
  return `${demand(group.verdict)} · ${group.findings.length}`;
}

/** `attribute · 92% requests`: what is asked for first, because a narrow view cuts the end off. */
export function findingBrief({ match }: Finding, grouping: Grouping): string {
  const license = grouping === "file" ? ` · ${match.license.expression}` : "";
  return `${demand(match.verdict)}${license} · ${percent(match.similarity)} ${project(match)}`;
}

/** All of it in Markdown: where it stands, and what of. */
export function findingDetails({ match }: Finding, file: string): string {
  return `${escape(`${file}:${span(match.query.lines)}`)} is like  \n${details(match)}`;
}

/** `a.py:4-34, 92% like …, needs attribution`, for a screen reader. */
export function spokenFinding({ match }: Finding, file: string): string {
  return `${file} lines ${span(match.query.lines)}, ${headline(match)}, ${saying(match.verdict)}`;
}

/** How many findings a person has something to do about. */
export function openCount(findings: readonly Finding[]): number {
  return findings.filter(({ match }) => isOpen(match.verdict)).length;
}

/** The report of `sc-attrib check --format json`, by path; raises what is wrong with it. */
export function readReport(text: string): Map<string, readonly Match[]> {
  const report = JSON.parse(text) as { schema?: number; files?: { path: string; matches: Match[] }[] };
  if (report.schema !== 1 || !Array.isArray(report.files)) {
    throw new Error(`the report is of schema ${String(report.schema)}, and this extension reads 1; update both`);
  }
  return new Map(report.files.map(({ path, matches }) => [path, matches]));
}
