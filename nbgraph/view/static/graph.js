// The live picture of a graph: it draws what the model's traits say, and folds small messages into them.
const SVG = "http://www.w3.org/2000/svg";
const ELEMENTS = new Set("svg g path polygon polyline ellipse circle rect text tspan".split(" "));
const ATTRIBUTES = new Set("class viewBox width height transform d points text-anchor x y dx dy cx cy r rx ry".split(" "));
const ICONS = { active: "\u25B6\uFE0E", waiting: "?", failed: "\u2717\uFE0E", handled: "\u2717\uFE0E", cancelled: "\u00D7", done: "\u2713\uFE0E" };
const WORDS = { idle: "not run yet", active: "running", waiting: "waiting for a person", handled: "failed, and the run went on" };
const BUTTONS = { pause: ["running"], resume: ["paused", "failed"], next: ["paused"], cancel: ["running", "waiting", "paused"] };
const TIPS = { next: "run what is ready now, then pause again" };
const STOPS = ["before", "after"];
const DOING = { writes: "is writing", again: "tries again" };
const ROWS = 200, TALL = 2000, TAIL = 2000;
const own = (map, key) => (map && Object.hasOwn(map, key) ? map[key] : undefined); // a node may be called `constructor`
const pairs = (update) => Object.entries(update).map(([key, value]) => `${key} = ${value}`).join("\n");
const count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;

function make(tag, className = "", text = "") {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}

// SVG from the kernel: only known elements and attributes are built anew; ids become data, since a page holds many pictures
function copy(source) {
  const made = document.createElementNS(SVG, source.localName);
  for (const { name, value } of source.attributes) {
    if (ATTRIBUTES.has(name)) made.setAttribute(name, value);
    if (name === "id" && /^[nec]\d+$/.test(value)) made.dataset.id = value;
  }
  for (const child of source.childNodes) {
    if (child.nodeType === Node.TEXT_NODE && /^(text|tspan)$/.test(source.localName)) made.append(child.nodeValue);
    if (child.nodeType === Node.ELEMENT_NODE && ELEMENTS.has(child.localName)) made.append(copy(child));
  }
  return made;
}

function rebuilt(text) {
  const root = new DOMParser().parseFromString(text || "", "image/svg+xml").documentElement;
  return root.localName === "svg" ? copy(root) : document.createElementNS(SVG, "svg");
}

function appended(rows = [], more = [], number) {
  if (!more.length) return rows;
  const last = rows.length ? rows[rows.length - 1][number] : -1;
  return [...rows, ...more.filter((row) => row[number] > last)].slice(-ROWS);
}

// what models write, with later news folded in, as `heard` in talk.py
function heard(before = {}, news) {
  if (!news) return before;
  const told = Object.entries(news).map(([name, voice]) => [name, joined(own(before, name), voice)]);
  return Object.fromEntries(Object.entries({ ...before, ...Object.fromEntries(told) }).filter(([, voice]) => voice));
}

function joined(before, news) {
  if (!before || !news || before.turn !== news.turn) return news;
  const more = [...news.text], fresh = news.length - before.length;
  if (fresh < 0 || fresh > more.length) return fresh < 0 ? before : news;
  return { ...news, text: [...before.text, ...more.slice(more.length - fresh)].slice(-TAIL).join("") };
}

// a snapshot with later changes folded in, as `merged` in folding.py
function merged(status, { kind, ...changes }) {
  return {
    ...status, ...changes,
    nodes: { ...status.nodes, ...changes.nodes },
    edges: { ...status.edges, ...changes.edges },
    rows: appended(status.rows, changes.rows, "step"),
    answers: appended(status.answers, changes.answers, "number"),
    talk: heard(status.talk, changes.talk),
  };
}

function frame(el, model) {
  const view = { selected: null, nodes: new Map(), edges: new Map(), voices: new Map() };
  const add = (parent, tag, ...keys) => keys.forEach((key) => parent.append(view[key] = make(tag, `nbgraph-${key}`)));
  add(el, "div", "graph");
  add(view.graph, "div", "head", "refused", "picture", "talk", "aloud", "notes", "panel");
  add(view.head, "span", "name", "say", "used", "buttons");
  add(view.say, "span", "status", "reason");
  add(view.graph, "details", "steps");
  add(view.panel, "div", "about", "stops", "more");
  [view.say, view.aloud].forEach((each) => each.setAttribute("aria-live", "polite"));
  view.talk.setAttribute("aria-label", "what the models write");
  view.used.title = "calls of models, tokens of their input + output, US dollars";
  Object.entries({ refused: "alert", panel: "region", stops: "group", talk: "group" }).forEach(([key, role]) => view[key].setAttribute("role", role));
  view.stops.append(...STOPS.map((when) => stopButton(view, model, when)));
  view.steps.append(make("summary"), make("div", "nbgraph-rows"));
  return view;
}

function drawPicture(view, model) {
  const drawing = model.get("drawing") || {};
  const svg = rebuilt(drawing.svg);
  svg.setAttribute("role", "group");
  svg.setAttribute("aria-label", `graph ${drawing.name}`);
  svg.style.minWidth = `${0.72 * svg.getAttribute("width")}px`; // shrunk more its labels would be hard to read, so it scrolls
  view.picture.classList.toggle("nbgraph-tall", svg.getAttribute("height") > TALL);
  [view.nodes, view.edges].forEach((drawn) => drawn.clear());
  for (const group of svg.querySelectorAll("[data-id]")) {
    const index = Number(group.dataset.id.slice(1));
    prepare[group.dataset.id[0]](view, group, index, drawing.nodes[index]);
  }
  view.picture.replaceChildren(svg);
  view.name.textContent = drawing.name || "";
  drawNotes(view, drawing);
}

const prepare = {
  n(view, group, index, node) {
    if (!node) return;
    group.dataset.node = node.name;
    view.nodes.set(node.name, group);
    if (node.kind !== "start" && node.kind !== "end") beButton(group);
  },
  c(view, group, index, node) {
    if (!node) return;
    group.dataset.toggle = node.name;
    beButton(group);
    group.setAttribute("aria-expanded", Boolean(node.open));
    group.setAttribute("aria-label", `subgraph ${node.name}`);
  },
  e(view, group, index) {
    const why = group.querySelector(".nbgraph-why");
    group.dataset.edge = index;
    view.edges.set(index, { group, why, written: why.textContent });
  },
};

function beButton(group) {
  group.setAttribute("tabindex", "0");
  group.setAttribute("role", "button");
}

function drawNotes(view, { notes = [], undefined: missing }) {
  view.notes.replaceChildren(...notes.map((note) => make("p", "nbgraph-problem", note)));
  if (missing) view.notes.append(make("p", "nbgraph-dim", `${count(missing, "node")} not written yet`));
}

function paint(view, model) {
  const status = model.get("status") || {};
  view.head.hidden = !view.graph.classList.toggle("nbgraph-live", Boolean(status.run || model.get("actions")));
  view.nodes.forEach((group, name) => paintNode(group, name, own(status.nodes, name), stopsAt(status, name)));
  view.edges.forEach((edge, index) => paintEdge(edge, own(status.edges, index)));
  paintRun(view, status.run || { status: "", reason: "" });
  paintTalk(view, status.talk);
  paintButtons(view, model, status.run?.status || "");
  paintStops(view, model);
  paintSteps(view, status);
}

const stopsAt = ({ breaks }, name) => STOPS.filter((when) => breaks?.[when]?.includes(name));

function paintNode(group, name, node = { state: "idle", visits: 0 }, stops = []) {
  const note = [group.matches(".nbgraph-closed") && node.inside, node.note].filter(Boolean).join(", ");
  const shown = JSON.stringify([node.state, node.visits, note, stops]);
  if (group.matches(".nbgraph-start, .nbgraph-end") || group.dataset.shown === shown) return;
  Object.assign(group.dataset, { shown, state: node.state, stops: stops.join(" ") });
  const write = (part, text) => { group.querySelector(`.nbgraph-${part}`).textContent = text; };
  write("icon", ICONS[node.state] || "");
  write("visits", node.visits > 1 ? `${node.visits}\u00D7` : "");
  write("note", note);
  const missing = group.matches(".nbgraph-undefined") && "not written yet";
  const said = [count(node.visits, "visit"), note, ...stops.map((when) => `the run pauses ${when} it`), missing];
  group.setAttribute("aria-label", `${name}: ${WORDS[node.state] || node.state}, ${said.filter(Boolean).join(", ")}`);
}

function paintEdge({ group, why, written }, edge = { taken: 0, reason: "" }) {
  const reason = edge.taken && edge.reason ? edge.reason : written;
  const short = reason.length > 44 ? `${reason.slice(0, 43)}\u2026` : reason;
  if (group.dataset.taken === String(edge.taken) && why.textContent === short) return;
  group.dataset.taken = edge.taken;
  group.classList.toggle("nbgraph-taken", edge.taken > 0);
  why.textContent = short;
}

function paintRun(view, { status, reason, used = "" }) {
  view.used.textContent = used;
  if (view.graph.dataset.status === status && view.reason.textContent === reason) return;
  view.graph.dataset.status = view.status.textContent = status;
  view.reason.textContent = reason;
  view.refused.textContent = "";
}

function paintTalk(view, talk = {}) {
  const said = [];
  view.voices.forEach((voice, name) => { if (!own(talk, name) && view.voices.delete(name)) voice.box.remove(); });
  view.talk.hidden = !Object.keys(talk).length; // before it is painted: what is hidden cannot be scrolled
  Object.entries(talk).forEach(([name, now]) => {
    if (!view.voices.has(name)) view.voices.set(name, voiceBox(view, name));
    const voice = view.voices.get(name);
    if (voice.now === now) return;
    said.push(...aloud(name, voice.now, now));
    paintVoice(voice, now);
  });
  if (said.length) view.aloud.textContent = said.join("; ");
}

// read aloud is only that a text begins and that it ends
function aloud(name, before = {}, now) {
  if (DOING[now.state] && (before.state !== now.state || before.turn !== now.turn)) return [`${name} ${DOING[now.state]}`];
  return before.state === "writes" && !DOING[now.state] ? [`${name} has written ${count(now.length, "character")}`] : [];
}

function voiceBox(view, name) {
  const voice = { box: make("div", "nbgraph-voice"), who: make("div", "nbgraph-who"), follows: true };
  Object.assign(voice, { model: make("span"), doing: make("span"), before: make("div"), words: make("div", "nbgraph-words"), after: make("div") });
  voice.words.tabIndex = 0; // so that a long text can be scrolled by keyboard
  voice.words.setAttribute("aria-label", `what ${name} writes`);
  voice.words.setAttribute("role", "group");
  voice.words.onscroll = ({ target }) => { voice.follows = target.scrollHeight - target.scrollTop - target.clientHeight < 9; };
  voice.who.append(make("strong", "", name), voice.model, voice.doing);
  voice.box.append(voice.who, voice.before, voice.words, voice.after);
  view.talk.append(voice.box);
  return voice;
}

function paintVoice(voice, now) {
  const { box, model, doing, words } = voice, cut = now.length > TAIL ? "\u2026" : "";
  box.dataset.state = now.state;
  model.textContent = now.model;
  doing.textContent = [DOING[now.state], now.note].filter(Boolean).join(": ");
  ["before", "after"].forEach((place) => voice[place].replaceChildren(...now[place].map(toolLine)));
  words.hidden = !now.text;
  words.textContent = cut + now.text;
  if (voice.follows) words.scrollTop = words.scrollHeight; // unless somebody reads farther up
  voice.now = now;
}

function toolLine({ call, result, failed }) {
  const line = make("div", `nbgraph-call${failed ? " nbgraph-failed" : ""}`, `${call} \u2192 ${failed ? "failed: " : ""}${result}`);
  return Object.assign(line, { title: line.textContent });
}

function paintButtons(view, model, status) {
  const wanted = Object.keys(BUTTONS).filter((action) => model.get("actions") && BUTTONS[action].includes(status));
  if (view.buttons.dataset.shown === `${wanted} ${status}`) return;
  view.buttons.dataset.shown = `${wanted} ${status}`;
  view.buttons.replaceChildren(...wanted.map((action) => button(model, action)));
}

function button(model, action) {
  const made = make("button", `nbgraph-button nbgraph-${action}`, action[0].toUpperCase() + action.slice(1));
  made.title = TIPS[action] || "";
  made.onclick = () => { made.disabled = true; model.send({ kind: "act", action }); };
  return made;
}

function stopButton(view, model, when) {
  const made = make("button", "nbgraph-button nbgraph-stop", `Pause ${when}`);
  made.onclick = () => {
    const pressed = made.getAttribute("aria-pressed") === "true";
    model.send({ kind: "break", node: view.selected, when: pressed ? null : when });
  };
  return made;
}

function paintStops(view, model) {
  const status = model.get("status") || {}, pressed = stopsAt(status, view.selected);
  view.stops.hidden = !model.get("actions") || ["done", "cancelled", undefined].includes(status.run?.status);
  STOPS.forEach((when, place) => view.stops.children[place].setAttribute("aria-pressed", pressed.includes(when)));
}

function paintSteps(view, status) {
  view.steps.hidden = !status.steps && !status.answers?.length;
  const [summary, rows] = view.steps.children;
  summary.textContent = count(status.steps || 0, "step");
  if (!view.steps.open || (view.listed?.[0] === status.rows && view.listed[1] === status.answers)) return;
  view.listed = [status.rows, status.answers];
  rows.replaceChildren(stepTable(status), status.answers?.length ? answerTable(status.answers) : "");
}

function stepTable({ rows = [], steps = 0 }) {
  const models = rows.some(({ used }) => used) ? ["models"] : [];
  const made = table(["#", "node", "update", "went on to", ...models, "seconds"], rows.map((row) => [
    row.step, row.task, pairs(row.update),
    row.edges.map(({ target, reason }) => (reason ? `${target}: ${reason}` : target)).join("\n"),
    ...models.map(() => row.used || ""), row.seconds?.toFixed(2) ?? ""]));
  if (steps > rows.length) made.createCaption().textContent = `the first ${count(steps - rows.length, "step")} left out here`;
  return made;
}

function answerTable(answers) {
  return table(["asked by", "answer", "note", "given by", "at"], answers.map((one) => [
    one.task, one.option, one.note, one.by, new Date(one.at * 1000).toLocaleString()]));
}

function table(heads, rows) {
  const made = make("table"), body = made.createTBody();
  made.createTHead().insertRow().append(...heads.map((head) => make("th", "", head)));
  rows.forEach((row) => body.insertRow().append(...row.map((cell) => make("td", "", String(cell)))));
  return made;
}

function select(view, model, name) {
  view.selected = name;
  view.nodes.forEach((group, other) => group.classList.toggle("nbgraph-selected", other === name));
  view.panel.hidden = name === null;
  if (name === null) return;
  paintStops(view, model);
  showDetails(view, model, { node: name });
  model.send({ kind: "select", node: name });
}

function showDetails(view, model, { node, signature, marks, used, attempt, code, cell, why, update = {}, log, error, where }) {
  const now = own(model.get("status")?.nodes, node) || { state: "idle", visits: 0 };
  const said = [WORDS[now.state] || now.state, now.visits > 1 && count(now.visits, "visit"), now.note, attempt, cell];
  const dim = [said, [marks], [used]].map((words) => words.filter(Boolean).join(" \u00B7 ")).filter(Boolean);
  view.panel.setAttribute("aria-label", `details of ${node}`);
  view.stops.setAttribute("aria-label", `breakpoints of ${node}`);
  view.about.replaceChildren(make("h4", "", signature || node), ...dim.map((line) => make("p", "nbgraph-dim", line)));
  view.more.replaceChildren();
  part(view.more, "Why not yet", why, "nbgraph-prose");
  part(view.more, "Error", error && [error, where].filter(Boolean).join("\n"), "nbgraph-error");
  part(view.more, "Last update", pairs(update));
  part(view.more, "Log", log);
  part(view.more, "Code", code);
}

function part(panel, title, text, className = "") {
  if (text) panel.append(make("h5", "", title), make("pre", className, text));
}

function receive(view, model, message) {
  if (message.kind === "details" && message.node === view.selected) showDetails(view, model, message);
  if (message.kind !== "refused") return;
  view.refused.textContent = message.text;
  view.buttons.querySelectorAll("button").forEach((each) => { each.disabled = false; });
}

function initialize({ model }) {
  const fold = (message) => message.kind === "changes" && model.set("status", merged(model.get("status") || {}, message));
  model.on("msg:custom", fold);
  return () => model.off("msg:custom", fold);
}

function redraw(view, model) {
  const { node, toggle } = view.picture.querySelector(":focus")?.dataset || {};
  drawPicture(view, model);
  paint(view, model);
  select(view, model, view.nodes.has(view.selected) ? view.selected : null);
  const again = [...view.picture.querySelectorAll("[role=button]")];
  again.find(({ dataset }) => (node ?? toggle) !== undefined && dataset.node === node && dataset.toggle === toggle)?.focus();
}

function repaint(view, model) {
  const seen = () => [view.nodes.get(view.selected)?.dataset.shown, view.graph.dataset.status, view.reason.textContent, view.used.textContent].join();
  const before = seen();
  paint(view, model);
  if (view.selected !== null && before !== seen()) model.send({ kind: "select", node: view.selected });
}

function choose(view, model, event) {
  const group = event.target.closest("[role=button]");
  if (!group || !["click", "Enter", " "].includes(event.key || event.type)) return;
  event.preventDefault();
  event.stopPropagation(); // the notebook has shortcuts of its own for these keys
  const { node, toggle } = group.dataset;
  if (toggle === undefined) select(view, model, view.selected === node ? null : node);
  else model.send({ kind: "toggle", node: toggle, open: group.getAttribute("aria-expanded") !== "true" });
}

function render({ model, el }) {
  const view = frame(el, model), again = () => repaint(view, model);
  const heard = [["change:drawing", () => redraw(view, model)], ["change:status", again], ["change:actions", again],
    ["msg:custom", (message) => receive(view, model, message)]];
  heard.forEach(([name, listener]) => model.on(name, listener));
  view.picture.onclick = view.picture.onkeydown = (event) => choose(view, model, event);
  view.steps.ontoggle = () => { view.listed = null; paintSteps(view, model.get("status") || {}); };
  redraw(view, model);
  return () => {
    heard.forEach(([name, listener]) => model.off(name, listener));
    view.graph.remove();
  };
}

export default { initialize, render };
