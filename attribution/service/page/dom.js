// Building the page: elements with their text, never markup from anywhere.

const SVG = "http://www.w3.org/2000/svg";
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\u2028\u2029]/gu;

/** An element; `children` are nodes or texts, false and null are left out. */
export function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same for pictures. */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== false && child !== null && child !== undefined));
  return node;
}

/** A text in which nothing is invisible: control and reordering characters stand as marked escapes. */
export function shown(given) {
  const text = given.replaceAll("\r\n", "\n");
  const parts = [];
  let place = 0;
  for (const match of text.matchAll(HIDDEN)) {
    if (match[0] === "\t" || match[0] === "\n") continue;
    parts.push(text.slice(place, match.index));
    parts.push(el("span", { class: "code-point" }, `\\u{${match[0].codePointAt(0).toString(16)}}`));
    place = match.index + match[0].length;
  }
  parts.push(text.slice(place));
  return parts;
}

/** The columns of a table, by their classes. */
export function columns(...names) {
  return el("colgroup", {}, ...names.map((name) => el("col", { class: name || false })));
}

export const count = (number) => number.toLocaleString("en");
export const percent = (share) => `${Math.round(100 * share)}%`;
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

export function bytes(number) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (number >= 1000 && unit < units.length - 1) {
    number /= 1000;
    unit += 1;
  }
  return `${unit && number < 10 ? number.toFixed(1) : Math.round(number)} ${units[unit]}`;
}

/** Tell those who listen to the page. */
export function announce(sentence) {
  document.getElementById("status").textContent = sentence;
}

/** A link to another place, if its address is one of the web; otherwise its text alone. */
export function link(address, ...label) {
  if (!/^https?:\/\//.test(address)) return el("span", {}, ...label);
  return el("a", { href: address, rel: "noreferrer noopener", target: "_blank" }, ...label);
}

/** A button that copies a text and says so. */
export function copyButton(text, label) {
  const button = el("button", { type: "button", class: "small", "aria-label": `Copy ${label}` }, "Copy");
  button.addEventListener("click", async () => {
    const done = await copied(text, button);
    button.textContent = done ? "Copied" : "Press Ctrl+C";
    announce(done ? `${label} copied` : "Could not copy");
    setTimeout(() => (button.textContent = "Copy"), 1600);
  });
  return button;
}

/** The clipboard's own way needs a safe context; elsewhere a selection is copied. */
async function copied(text, beside) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = el("textarea", { readonly: true, class: "hidden-text" });
    field.value = text;
    beside.after(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    beside.focus();
    return done;
  }
}

const ARCHIVE = "https://archive.softwareheritage.org/";

/** A SWHID with a button to copy it and a link to the archive, which is asked for nothing before that. */
export function swhid(text, ...more) {
  return el(
    "div",
    { class: "swhid" },
    el("code", {}, ...text.split(/(?<=;)/).flatMap((part) => [part, el("wbr")])),
    el(
      "span",
      { class: "actions" },
      ...more,
      copyButton(text, "SWHID"),
      link(ARCHIVE + encodeURI(text), "Archive", el("span", { "aria-hidden": "true" }, " ↗")),
    ),
  );
}
