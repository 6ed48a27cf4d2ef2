/** Work that shows how far it is, and that can be cancelled. */

import * as vscode from "vscode";

type Progress = vscode.Progress<{ message?: string }>;

export async function cancellable<T>(
  title: string,
  work: (progress: Progress, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
  return vscode.window.withProgress(options, (progress, token) => {
    const abort = new AbortController();
    token.onCancellationRequested(() => abort.abort());
    return work(progress, abort.signal);
  });
}
