/** Runs in a window: how long after a key its ghost text is there. */

/** A key, when it went down, and when the first new ghost text after it was drawn; in ms of the page's clock. */
export interface Keystroke {
  readonly key: string;
  readonly down: number;
  drawn: number | undefined;
}

declare global {
  var scAttribKeys: Keystroke[];
}

/** Watch keys and ghost text from now on; what is found stands in `globalThis.scAttribKeys`. */
export function watchKeys(): void {
  globalThis.scAttribKeys = [];
  let before = "";
  const ghost = () =>
    [...document.querySelectorAll('.monaco-editor [class*="ghost-text"]')].map((part) => part.textContent).join("");
  window.addEventListener(
    "keydown",
    ({ key }) => {
      if (key.length !== 1) return;
      before = ghost();
      globalThis.scAttribKeys.push({ key, down: performance.now(), drawn: undefined });
    },
    { capture: true },
  );
  const look = () => {
    const latest = globalThis.scAttribKeys.at(-1);
    if (latest !== undefined && latest.drawn === undefined) {
      const now = ghost();
      if (now !== "" && now !== before) latest.drawn = performance.now();
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}
