/** What the status bar says of a state; never by colour alone, and in words for screen readers. */

import type { Found } from "./interpreter";
import type { Status } from "./protocol";

/** What the extension shows of the server's life. */
export type State =
  | { readonly kind: "starting" }
  | { readonly kind: "running"; readonly status: Status | undefined }
  | { readonly kind: "failed"; readonly found: Found & { ok: false } }
  /** Of several ends in a row, only the first is told. */
  | { readonly kind: "waiting"; readonly seconds: number; readonly isFirst: boolean }
  | { readonly kind: "stopped"; readonly reason: string };

export interface Look {
  readonly text: string;
  readonly tooltip: string;
  readonly spoken: string;
  readonly isAlarming: boolean;
}

/** What is said of the suggestion on screen: in a few words, and wholly. */
export interface Suggestion {
  readonly brief: string;
  readonly spoken: string;
}

export function look(state: State, suggestion?: Suggestion): Look {
  const [icon, short, long, isAlarming] = parts(state);
  const text = `$(${icon}) sc-attrib${short === "" ? "" : `: ${short}`}`;
  const spoken = `sc-attrib, ${long}`;
  if (suggestion === undefined || state.kind !== "running") return { text, tooltip: long, spoken, isAlarming };
  return {
    text: `${text} · ${suggestion.brief}`,
    tooltip: `${long}\nSuggestion ${suggestion.spoken}`,
    spoken: `${spoken}, suggestion ${suggestion.spoken}`,
    isAlarming,
  };
}

function parts(state: State): [icon: string, short: string, long: string, isAlarming: boolean] {
  switch (state.kind) {
    case "starting":
      return ["sync~spin", "starting", "the server is starting", false];
    case "failed":
      return ["error", "cannot start", state.found.sentence, true];
    case "waiting":
      return ["sync~spin", "restarting", `the server ended by itself and is started again in ${state.seconds} s`, true];
    case "stopped":
      return ["circle-slash", "stopped", state.reason || "the server is stopped", state.reason !== ""];
    case "running":
      return running(state);
  }
}

function running(state: State & { kind: "running" }): [string, string, string, boolean] {
  const { status } = state;
  if (status === undefined) return ["sync~spin", "loading", "the server is loading", false];
  if (status.kind === "Error") return ["error", "problem", status.message, true];
  if (status.kind === "Warning") return ["warning", "warning", status.message, true];
  if (status.busy) return ["sync~spin", "loading", status.message, false];
  return ["verified", modelName(status.message), status.message, false];
}

/** The model's name without what stands in brackets behind it. */
export function modelName(description: string): string {
  return description.replace(/\s*\(.*$/s, "");
}
