// The right side of the page. Every text is set as text, never as HTML.

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const plural = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;

/** The problems of a configuration, each under its line. */
function findings(found, config, choose) {
  if (found.length === 0) return null;
  const lines = config.split("\n");
  const counted = ["error", "warning", "note"]
    .map((severity) => [severity, found.filter((finding) => finding.severity === severity).length])
    .filter(([, count]) => count > 0)
    .map(([severity, count]) => plural(count, severity));
  const shown = found.map((finding) => {
    const colour = finding.severity === "error" ? "removed" : finding.severity === "warning" ? "warned" : "quiet";
    const path = finding.path ? `${finding.path}: ` : "";
    const help = finding.help ? `; ${finding.help}` : "";
    const line = element("span", { class: "source row mono" },
      element("span", { class: "number" }, String(finding.line)), lines[finding.line - 1] ?? "");
    const message = element("p", { class: colour },
      `${finding.severity} ${finding.code}: ${path}${finding.message}${help}`);
    const button = element("button", { type: "button", title: "Go to this line", onclick: () => choose(finding) }, line, message);
    return element("div", { class: "finding" }, button);
  });
  return element("section", { id: "findings" }, element("h2", {}, `Problems: ${counted.join(", ")}`), ...shown);
}

function timeline(passage) {
  const most = Math.max(1, passage.bytesBefore, passage.bytesAfter);
  const rows = passage.steps.slice(0, 40).flatMap((step) => {
    const came = step.came === "body" ? `body, ${step.arrived} bytes` : step.came;
    const { is, bytes } = step.became;
    const gone = is === "held" ? "held" : is === "stopped" ? "goes no further" : step.came === "body" ? `${bytes} bytes have gone on` : "passes";
    const bar = element("meter", { min: "0", max: String(most), value: String(bytes ?? 0), title: gone });
    return [element("span", { class: "quiet mono" }, `${step.atMs} ms`), element("span", {}, came, bar), element("span", { class: "quiet" }, gone)];
  });
  const more = passage.steps.length - 40;
  if (more > 0) rows.push(element("span"), element("span", { class: "quiet" }, `… and ${plural(more, "step")} more`), element("span"));
  return element("div", { class: "timeline" }, ...rows);
}

function headers(changes) {
  if (changes.length === 0) return null;
  const rows = changes.flatMap((change) => [
    ...change.before.map((value) => element("span", { class: "row removed" }, `- ${change.name}: ${value}`)),
    ...change.after.map((value) => element("span", { class: "row added" }, `+ ${change.name}: ${value}`)),
  ]);
  return element("div", {}, element("h3", {}, "Headers"), element("pre", {}, ...rows));
}

function body(lines, passage) {
  const same = passage.bytesBefore === passage.bytesAfter && lines.length === 0;
  if (same || passage.outcome === "stopped") return null;
  const rows = lines.map((line) => {
    if (line.is === "added") return element("span", { class: "row added" }, `+ ${line.text}`);
    if (line.is === "removed") return element("span", { class: "row removed" }, `- ${line.text}`);
    return element("span", { class: "row quiet" }, line.is === "gap" ? "  …" : `  ${line.text}`);
  });
  return element("div", {}, element("h3", {}, `Body: ${passage.bytesBefore} bytes become ${passage.bytesAfter}`), element("pre", {}, ...rows));
}

const OUTCOMES = {
  unchanged: ["goes on unchanged", "quiet"],
  changed: ["goes on changed", "added"],
  stopped: ["goes no further", "removed"],
};

function passage(title, passage, more) {
  const [text, colour] = OUTCOMES[passage.outcome];
  const notes = passage.notes.map((note) => element("li", {}, note));
  return element("section", {},
    element("span", { class: `state ${colour}` }, text),
    element("h2", {}, `${title} `, element("code", {}, passage.title)),
    timeline(passage),
    notes.length ? element("h3", {}, "Found and done") : null,
    notes.length ? element("ol", { class: "notes" }, ...notes) : null,
    headers(passage.headers),
    body(passage.body, passage),
    more);
}

function rows(title, id, entries) {
  if (entries.length === 0) return null;
  const cells = entries.map(([name, value]) => element("tr", {}, element("td", { class: "mono" }, name), element("td", { class: "mono" }, value)));
  return element("section", { id }, element("h2", {}, title), element("table", {}, element("tbody", {}, ...cells)));
}

function reply(answered) {
  if (!answered) return null;
  const lines = answered.headers.map(([name, value]) => element("span", { class: "row" }, `${name}: ${value}`));
  return element("section", { id: "reply" },
    element("h2", {}, `Answer in its place: ${answered.status} `, element("code", {}, answered.details)),
    element("pre", {}, ...lines, element("span", { class: "row" }, ""), element("span", { class: "row" }, answered.body)));
}

function leads(route) {
  if (route.place === null) return "none, so Envoy answers 404";
  const { cluster, answer } = route.leadsTo;
  if (cluster !== undefined) return `to the cluster ${cluster}`;
  return answer === undefined ? "to where is not played" : `Envoy answers ${answer}`;
}

function routed(title, route) {
  return element("section", {}, element("h2", {}, `${title}: ${leads(route)}`),
    route.place === null ? null : element("p", { class: "quiet mono" }, route.place));
}

/** What came of an exchange, in the order in which it happened. */
function exchanged(exchange) {
  const { firstRoute, filters, upstream } = exchange;
  const named = firstRoute !== null || filters.length > 1;
  const title = (what, { filter }) => (named ? `${what} at ${filter}` : what);
  const parts = [];
  if (firstRoute) parts.push(routed("Route", firstRoute));
  let before = JSON.stringify(firstRoute);
  for (const filter of filters.filter(({ request }) => request.steps.length > 0)) {
    const again = filter.routeChosenAgain && !filter.route
      ? element("p", {}, "Envoy chooses the route again, by these headers.") : null;
    parts.push(passage(title("Request", filter), filter.request, again));
    const route = JSON.stringify(filter.route);
    if (filter.route && route !== before) parts.push(routed("Route chosen again", filter.route));
    before = route;
  }
  if (upstream) {
    parts.push(element("section", { id: "upstream" },
      element("h2", {}, `Sent to the cluster ${upstream.cluster} `, element("code", {}, upstream.host)), headers(exchange.byRoute)));
  }
  parts.push(...filters.map(({ reply: answered }) => reply(answered)));
  for (const filter of filters.toReversed()) {
    if (filter.response) parts.push(passage(title("Answer", filter), filter.response, null));
  }
  const resets = filters.filter(({ reset }) => reset).map(({ reset }) => ["details", reset]);
  parts.push(rows("The stream is reset", "reset", resets));
  parts.push(rows("Failures", "failures", filters.flatMap(({ failures }) => failures.map((failure) => ["", failure]))));
  parts.push(rows("Dynamic metadata", "metadata", filters.flatMap(({ metadata }) =>
    metadata.map((entry) => [`${entry.namespace} / ${entry.key}`, JSON.stringify(entry.value)]))));
  parts.push(rows("Metrics", "metrics", filters.flatMap(({ metrics }) =>
    Object.entries(metrics).map(([name, value]) => [name, `+${value}`]))));
  parts.push(rows("Not played", "not-played", exchange.notPlayed.map((what) => ["", what])));
  return parts;
}

/** Shows what the server made of the page. */
export function show(place, played, config, choose) {
  const parts = [findings(played.findings, config, choose)];
  if (played.error) {
    parts.push(element("section", { id: "wrong" }, element("h2", {}, `The ${played.error.part} cannot be played`),
      element("pre", { class: "removed" }, played.error.message)));
  }
  if (played.exchange) parts.push(...exchanged(played.exchange));
  place.replaceChildren(...parts.filter((part) => part !== null));
  place.setAttribute("aria-busy", "false");
}

/** Shows that the server cannot be reached. */
export function showFailure(place, message) {
  place.replaceChildren(element("section", { id: "wrong" }, element("h2", {}, "Nothing was played"), element("pre", { class: "removed" }, message)));
  place.setAttribute("aria-busy", "false");
}
