/** The places that a text report names: files with lines at the start of a block, and SWHIDs. */

export interface ReportLink {
  /** From 0, as editors count. */
  readonly line: number;
  readonly start: number;
  readonly end: number;
  readonly target:
    | { readonly kind: "swhid"; readonly swhid: string }
    | { readonly kind: "file"; readonly path: string; readonly first: number };
}

const FILE = /^(\S.*?):(\d+)(?:-\d+)?(?= {2})/;
const SWHID = /swh:1:cnt:[0-9a-f]{40}(?:;\S*)?/g;

export function linksIn(text: string): ReportLink[] {
  return text.split(/\r?\n/).flatMap((content, line) => {
    const links: ReportLink[] = [];
    const file = FILE.exec(content);
    if (file?.[1] !== undefined) {
      const target = { kind: "file" as const, path: file[1], first: Number(file[2]) };
      links.push({ line, start: 0, end: file[0].length, target });
    }
    for (const found of content.matchAll(SWHID)) {
      const target = { kind: "swhid" as const, swhid: found[0] };
      links.push({ line, start: found.index, end: found.index + found[0].length, target });
    }
    return links;
  });
}
