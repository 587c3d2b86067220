// The page: plays what is written, as one types.

import { show, showFailure } from "./result.js";
import { fragment, state } from "./state.js";

/** How long after the last key the page waits, in milliseconds. */
const PAUSE = 150;

const at = (id) => document.getElementById(id);
const parts = ["config", "request", "response"];
const result = at("result");
let copies = null;
let timer = 0;
let turn = 0;

const written = () => Object.fromEntries(parts.map((part) => [part, at(part).value]));

function write(values) {
  for (const part of parts) at(part).value = values[part] ?? "";
}

function choose(finding) {
  const config = at("config");
  const lines = config.value.split("\n");
  const before = (line) => lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
  const offset = (line, column) => before(line) + [...(lines[line - 1] ?? "")].slice(0, column - 1).join("").length;
  config.focus();
  config.setSelectionRange(offset(finding.line, finding.column), offset(finding.endLine, finding.endColumn));
  const height = parseFloat(getComputedStyle(config).lineHeight);
  config.scrollTop = Math.max(0, (finding.line - 4) * height);
}

async function play() {
  const mine = ++turn;
  const values = written();
  result.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch("play", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(values),
    });
    if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
    const played = await answer.json();
    if (mine !== turn) return;
    copies = played.copies;
    const wrong = played.error?.part ?? (played.findings.some((finding) => finding.severity === "error") ? "config" : "");
    for (const part of parts) {
      at(part).classList.toggle("wrong", part === wrong);
      at(part).setAttribute("aria-invalid", String(part === wrong));
    }
    show(result, played, values.config, choose);
  } catch (error) {
    if (mine === turn) showFailure(result, `${error.message}\nIs \`rustformations playground\` still running?`);
  }
  if (mine === turn) history.replaceState(null, "", await fragment(values));
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(play, PAUSE);
}

async function copy(text, what) {
  const told = at("copied");
  try {
    await navigator.clipboard.writeText(text);
    told.textContent = `${what} copied`;
  } catch {
    told.textContent = `${what} cannot be copied: the browser refuses`;
  }
  setTimeout(() => (told.textContent = ""), 3000);
}

/** Tab leaves the field; Ctrl and ] indents the lines that are chosen, Ctrl and [ does the reverse. */
function indent(event) {
  if (!(event.ctrlKey || event.metaKey) || !["]", "["].includes(event.key)) return;
  event.preventDefault();
  const field = event.target;
  const from = field.value.lastIndexOf("\n", field.selectionStart - 1) + 1;
  const lines = field.value.slice(from, field.selectionEnd).split("\n");
  const moved = lines.map((line) => (event.key === "]" ? `  ${line}` : line.replace(/^ {1,2}/, "")));
  field.setRangeText(moved.join("\n"), from, field.selectionEnd, "select");
  soon();
}

async function begin() {
  const examples = await (await fetch("examples.json")).json();
  const list = at("examples");
  list.append(...examples.map((example, index) => new Option(example.title, index)));
  list.addEventListener("change", () => {
    write(examples[list.value]);
    play();
  });
  const linked = location.hash.length > 1 ? await state(location.hash) : null;
  if (linked) list.selectedIndex = -1;
  write(linked ?? examples[0]);
  for (const part of parts) {
    at(part).addEventListener("input", () => {
      list.selectedIndex = -1;
      soon();
    });
    at(part).addEventListener("keydown", indent);
  }
  at("link").addEventListener("click", async () => {
    const link = new URL(await fragment(written()), location.href);
    copy(link.href, "The link");
  });
  at("copies").addEventListener("change", (event) => {
    const { value, selectedOptions } = event.target;
    if (value && copies) copy(copies[value], selectedOptions[0].textContent);
    else if (value) at("copied").textContent = "Nothing to copy: only the configuration of a filter by itself is";
    event.target.value = "";
  });
  addEventListener("hashchange", async () => {
    const changed = await state(location.hash);
    if (changed) {
      write(changed);
      play();
    }
  });
  await play();
}

begin().catch((error) => showFailure(result, error.message));
