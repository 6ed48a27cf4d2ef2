/** What the server writes on stderr, as lines of a log with levels. */

export type Level = "error" | "warn" | "info";

/** The level of a line of Python's logging; anything else, such as the rest of a traceback, is information. */
export function levelOf(line: string): Level {
  if (/^(ERROR|CRITICAL)\b/.test(line)) return "error";
  return line.startsWith("WARNING") ? "warn" : "info";
}
