/** Texts that are shown beside each other: a source, or why it cannot be shown. */

import type { Lines, SourceText } from "./protocol";
import { span } from "./words";

/** The lines of a text, counted from 1, split on line feeds only as everywhere; all of it without lines. */
export function excerpt(text: string, lines: Lines | null): string {
  if (lines === null) return text;
  return text
    .split("\n")
    .slice(lines[0] - 1, lines[1])
    .join("\n");
}

/** What stands where a source's text would: that it is not here, why, and where it can be seen. */
export function absence(source: SourceText): string {
  const lines = span(source.lines);
  const rows = [
    "This is not the source, only a note on it.",
    "",
    source.reason,
    "",
    ...(source.path === null ? [] : [`Path      ${source.path}${lines === "" ? "" : `, lines ${lines}`}`]),
    ...(source.origin === null ? [] : [`Origin    ${source.origin}`]),
    `SWHID     ${source.swhid}`,
    `Archive   ${source.link}`,
  ];
  return `${rows.join("\n")}\n`;
}

/** What a source is called in a title. */
export function sourceTitle(path: string | null, swhid: string, lines: Lines | null): string {
  const name = path?.replace(/^\//, "") ?? swhid.split(";", 1)[0] ?? swhid;
  return lines === null ? name : `${name}:${span(lines)}`;
}
