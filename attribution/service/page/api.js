// Asking the service that this page came from.

const TOKEN = "sc-attrib-token";
let asking = null; // the one dialog, however many questions wait for it

export class Refusal extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** GET without a form, else POST; answers JSON, raises Refusal with a sentence. */
export async function ask(path, form) {
  const answer = await send(path, form);
  if (answer.status === 401) {
    const problem = await detailOf(answer);
    asking ??= token(problem).finally(() => (asking = null));
    await asking;
    return ask(path, form);
  }
  if (!answer.ok) throw new Refusal(answer.status, await detailOf(answer));
  return answer.json();
}

async function send(path, form) {
  const headers = { Accept: "application/json" };
  const known = sessionStorage.getItem(TOKEN);
  if (known) headers.Authorization = `Bearer ${known}`;
  if (form) headers["Content-Type"] = "application/json";
  try {
    return await fetch(path, { method: form ? "POST" : "GET", headers, body: form ? JSON.stringify(form) : undefined });
  } catch {
    throw new Refusal(0, "The service does not answer. Is it still running?");
  }
}

async function detailOf(answer) {
  try {
    const { detail } = await answer.json();
    return detail.charAt(0).toUpperCase() + detail.slice(1) + ".";
  } catch {
    return `The service answers with status ${answer.status}.`;
  }
}

/** Ask whoever sits here for the token. */
function token(reason) {
  const dialog = document.getElementById("token-dialog");
  const field = document.getElementById("token");
  document.getElementById("token-reason").textContent = reason;
  field.value = "";
  if (!dialog.open) dialog.showModal();
  return new Promise((resolve, reject) => {
    const close = () => reject(new Refusal(401, reason));
    dialog.addEventListener("cancel", close, { once: true });
    document.getElementById("token-form").onsubmit = (event) => {
      event.preventDefault();
      sessionStorage.setItem(TOKEN, field.value.trim());
      dialog.removeEventListener("cancel", close);
      dialog.close();
      resolve();
    };
  });
}

let facts = null;

/** What the index holds; asked for once. */
export function indexFacts() {
  facts ??= ask("/v1/facts").catch((error) => {
    facts = null;
    throw error;
  });
  return facts;
}

/** The content of a file as a form has it: text, or base 64 where it is no UTF-8. */
export async function contentOf(file) {
  const content = new Uint8Array(await file.arrayBuffer());
  try {
    return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content) };
  } catch {
    let binary = "";
    for (let at = 0; at < content.length; at += 0x8000) {
      binary += String.fromCharCode(...content.subarray(at, at + 0x8000));
    }
    return { base64: btoa(binary) };
  }
}
