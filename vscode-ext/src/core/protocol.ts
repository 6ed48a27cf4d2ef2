/** What the server says beyond the Language Server Protocol; `docs/lsp.md` describes it, a contract test compares it. */

export const SECTION = "sc-attrib";
export const ACCEPTED = "sc-attrib.accepted";
export const DID_SHOW = "textDocument/didShowCompletion";
export const DID_CHANGE_STATUS = "didChangeStatus";
export const DID_WITHHOLD = "sc-attrib/didWithholdCompletion";

export type Verdict = "deny" | "review" | "attribute" | "allow" | "common" | "exempt" | "ignored";
export type Decision = "show" | "annotate" | "withhold";

/** Lines from 1, both ends included. */
export type Lines = [first: number, last: number];

export interface Match {
  readonly kind: string;
  readonly verdict: Verdict;
  readonly reason: string;
  readonly similarity: number;
  readonly tokens: number;
  readonly query: { readonly lines: Lines };
  readonly source: {
    readonly swhid: string;
    readonly lines: Lines | null;
    readonly origin: string;
    readonly path: string;
    readonly revision?: string | null;
  };
  readonly license: {
    readonly expression: string;
    readonly evidence: readonly string[];
    readonly conflicts: readonly string[];
  };
}

/** The argument of the accept command of a suggestion. */
export interface Provenance {
  readonly id: string;
  readonly model: string;
  readonly traced: boolean;
  readonly decision: Decision;
  readonly verdict: Verdict;
  readonly reason: string;
  readonly matches: readonly Match[];
}

/** `sc-attrib/didWithholdCompletion`. */
export interface Withheld extends Provenance {
  readonly uri: string;
}

/** `didChangeStatus`. */
export interface Status {
  readonly kind: "Normal" | "Warning" | "Error" | "Inactive";
  readonly message: string;
  readonly busy: boolean;
}

/** Request of the text of a source: `{swhid}`. */
export const SOURCE = "sc-attrib/source";

/** What it is answered with; `text` is `null` where `reason` says why. */
export interface SourceText {
  readonly swhid: string;
  readonly origin: string | null;
  readonly path: string | null;
  readonly lines: Lines | null;
  readonly link: string;
  readonly text: string | null;
  readonly held: "index" | "file" | null;
  readonly place: string | null;
  readonly reason: string;
}
