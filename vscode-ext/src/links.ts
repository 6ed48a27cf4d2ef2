/** Links that run a command, for Markdown that is trusted to run it. */

export function commandLink(command: string, title: string, words: readonly unknown[]): string {
  return `[${title}](command:${command}?${encodeURIComponent(JSON.stringify(words))})`;
}
