// The live picture of a graph: it draws what the model's traits say, and folds small messages into them.
const SVG = "http://www.w3.org/2000/svg";
const ELEMENTS = new Set("svg g path polygon polyline ellipse circle rect text tspan".split(" "));
const ATTRIBUTES = new Set(
  "class viewBox width height transform d points text-anchor x y dx dy cx cy r rx ry".split(" "));
const ICONS = { idle: "", active: "\u25B6\uFE0E", waiting: "?", failed: "\u2717\uFE0E", cancelled: "\u00D7", done: "\u2713\uFE0E" };
const WORDS = { idle: "not run yet", active: "running", waiting: "waiting for a person" };
const BUTTONS = { pause: ["running"], resume: ["paused", "failed"], cancel: ["running", "waiting", "paused"] };
const ROWS = 200;

function make(tag, className = "", text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

// SVG from the kernel: only known elements and attributes are built anew; ids become data, since a page holds many pictures
function copy(source) {
  const made = document.createElementNS(SVG, source.localName);
  for (const { name, value } of source.attributes) {
    if (ATTRIBUTES.has(name)) made.setAttribute(name, value);
    if (name === "id" && /^[ne]\d+$/.test(value)) made.dataset.id = value;
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
  const last = rows.length ? rows[rows.length - 1][number] : -1;
  return [...rows, ...more.filter((row) => row[number] > last)].slice(-ROWS);
}

// a snapshot with later changes folded in, as `merged` in progress.py
function merged(status, { kind, ...changes }) {
  return {
    ...status, ...changes,
    nodes: { ...status.nodes, ...changes.nodes },
    edges: { ...status.edges, ...changes.edges },
    rows: appended(status.rows, changes.rows, "step"),
    answers: appended(status.answers, changes.answers, "number"),
  };
}

function frame(el) {
  const view = { root: make("div", "nbgraph-graph"), selected: null, groups: {}, lines: {} };
  view.head = make("div", "nbgraph-head");
  view.name = make("span", "nbgraph-name");
  view.pill = make("span", "nbgraph-status");
  view.reason = make("span", "nbgraph-reason");
  view.say = make("span", "nbgraph-say");
  view.say.setAttribute("role", "status");
  view.say.setAttribute("aria-live", "polite");
  view.say.append(view.pill, view.reason);
  view.buttons = make("span", "nbgraph-buttons");
  view.head.append(view.name, view.say, view.buttons);
  view.refused = make("div", "nbgraph-refused");
  view.refused.setAttribute("role", "alert");
  view.picture = make("div", "nbgraph-picture");
  view.notes = make("div", "nbgraph-notes");
  view.panel = make("section", "nbgraph-panel");
  view.panel.hidden = true;
  view.steps = make("details", "nbgraph-steps");
  view.root.append(view.head, view.refused, view.picture, view.notes, view.panel, view.steps);
  el.append(view.root);
  return view;
}

function drawPicture(view, model) {
  const drawing = model.get("drawing") || {};
  const svg = rebuilt(drawing.svg);
  svg.setAttribute("role", "group");
  svg.setAttribute("aria-label", `graph ${drawing.name}`);
  // wide pictures shrink until their labels would be hard to read, then scroll
  svg.style.minWidth = `${Math.min(0.72 * svg.getAttribute("width"), 4000)}px`;
  view.groups = {};
  view.lines = {};
  for (const group of svg.querySelectorAll("[data-id]")) {
    const index = Number(group.dataset.id.slice(1));
    if (group.dataset.id[0] === "n") prepareNode(view, group, drawing.nodes[index]);
    else prepareEdge(view, group, index);
  }
  view.picture.replaceChildren(svg);
  view.name.textContent = drawing.name || "";
  drawNotes(view, drawing);
}

function prepareNode(view, group, node) {
  if (!node) return;
  group.dataset.node = node.name;
  view.groups[node.name] = group;
  if (node.kind === "start" || node.kind === "end") return;
  group.setAttribute("tabindex", "0");
  group.setAttribute("role", "button");
}

function prepareEdge(view, group, index) {
  group.dataset.edge = index;
  view.lines[index] = { group, why: group.querySelector(".nbgraph-why") };
  view.lines[index].written = view.lines[index].why?.textContent || "";
}

function drawNotes(view, drawing) {
  const notes = (drawing.notes || []).map((note) => make("p", "nbgraph-problem", note));
  const count = drawing.undefined || 0;
  if (count) notes.push(make("p", "nbgraph-dim", `${count} ${count === 1 ? "node" : "nodes"} not written yet`));
  view.notes.replaceChildren(...notes);
}

function paint(view, model) {
  const status = model.get("status") || {};
  const live = Boolean(status.run || model.get("actions"));
  view.root.classList.toggle("nbgraph-live", live);
  view.head.hidden = !live;
  for (const [name, group] of Object.entries(view.groups)) paintNode(group, name, status.nodes?.[name]);
  for (const [index, line] of Object.entries(view.lines)) paintEdge(line, status.edges?.[index]);
  paintRun(view, status.run || { status: "", reason: "" });
  paintButtons(view, model, status.run?.status || "");
  paintSteps(view, status);
}

function paintNode(group, name, node = { state: "idle", visits: 0 }) {
  const plain = group.matches(".nbgraph-start, .nbgraph-end");
  const shown = `${node.state} ${node.visits}`;
  if (plain || group.dataset.shown === shown) return;
  group.dataset.shown = shown;
  group.dataset.state = node.state;
  group.querySelector(".nbgraph-icon").textContent = ICONS[node.state] || "";
  group.querySelector(".nbgraph-visits").textContent = node.visits > 1 ? `${node.visits}\u00D7` : "";
  const visits = `${node.visits} ${node.visits === 1 ? "visit" : "visits"}`;
  const missing = group.matches(".nbgraph-undefined") ? ", not written yet" : "";
  group.setAttribute("aria-label", `${name}: ${WORDS[node.state] || node.state}, ${visits}${missing}`);
}

function paintEdge({ group, why, written }, edge = { taken: 0, reason: "" }) {
  group.dataset.taken = edge.taken;
  group.classList.toggle("nbgraph-taken", edge.taken > 0);
  if (!why) return;
  const reason = edge.taken && edge.reason ? edge.reason : written;
  why.textContent = reason.length > 44 ? `${reason.slice(0, 43)}\u2026` : reason;
}

function paintRun(view, { status, reason }) {
  if (view.root.dataset.status === status && view.reason.textContent === reason) return;
  view.root.dataset.status = status;
  view.pill.textContent = status;
  view.reason.textContent = reason;
  view.refused.textContent = "";
}

function paintButtons(view, model, status) {
  const wanted = Object.keys(BUTTONS).filter((action) => model.get("actions") && BUTTONS[action].includes(status));
  if (view.buttons.dataset.for === `${wanted} ${status}`) return;
  view.buttons.dataset.for = `${wanted} ${status}`;
  view.buttons.replaceChildren(...wanted.map((action) => button(model, action)));
}

function button(model, action) {
  const made = make("button", `nbgraph-button nbgraph-${action}`, action[0].toUpperCase() + action.slice(1));
  made.type = "button";
  made.onclick = () => {
    made.disabled = true;
    model.send({ kind: "act", action });
  };
  return made;
}

function paintSteps(view, status) {
  const count = status.steps || 0;
  view.steps.hidden = count === 0 && !(status.answers || []).length;
  if (!view.steps.firstChild) view.steps.append(make("summary"), make("div", "nbgraph-rows"));
  const [summary, rows] = view.steps.children;
  summary.textContent = `${count} ${count === 1 ? "step" : "steps"}`;
  if (view.steps.open) rows.replaceChildren(stepTable(status), ...answerTables(status));
}

function stepTable({ rows = [], steps = 0 }) {
  const made = table(["#", "node", "update", "went on to", "seconds"], rows.map((row) => [
    row.step, `${row.node}${row.visit > 1 ? ` #${row.visit}` : ""}`,
    Object.entries(row.update).map(([key, value]) => `${key} = ${value}`).join("\n"),
    row.edges.map(({ target, reason }) => (reason ? `${target}: ${reason}` : target)).join("\n"),
    row.seconds.toFixed(2)]));
  if (steps > rows.length) made.createCaption().textContent = `the first ${steps - rows.length} steps are left out here`;
  return made;
}

function answerTables({ answers = [] }) {
  if (!answers.length) return [];
  return [table(["asked by", "answer", "note", "given by", "at"], answers.map((one) => [
    one.node, one.option, one.note, one.by, new Date(one.at * 1000).toLocaleString()]))];
}

function table(heads, rows) {
  const made = make("table");
  const top = made.createTHead().insertRow();
  heads.forEach((head) => top.append(make("th", "", head)));
  const body = made.createTBody();
  rows.forEach((row) => body.insertRow().append(...row.map((cell) => make("td", "", String(cell)))));
  return made;
}

function select(view, model, name) {
  const chosen = view.selected === name ? null : name;
  view.selected = chosen;
  for (const [other, group] of Object.entries(view.groups)) group.classList.toggle("nbgraph-selected", other === chosen);
  view.panel.hidden = chosen === null;
  if (chosen === null) return;
  showDetails(view, model, { node: chosen });
  model.send({ kind: "select", node: chosen });
}

function showDetails(view, model, { node, signature, code, cell, update = {}, log, error, where }) {
  const now = model.get("status")?.nodes?.[node] || { state: "idle", visits: 0 };
  const about = [WORDS[now.state] || now.state, now.visits > 1 && `${now.visits} visits`, now.items && `${now.items} items`, cell];
  const head = make("h4", "", signature || node);
  view.panel.setAttribute("aria-label", `details of ${node}`);
  view.panel.replaceChildren(head, make("p", "nbgraph-dim", about.filter(Boolean).join(" \u00B7 ")));
  part(view.panel, "Error", error && [error, where].filter(Boolean).join("\n"), "nbgraph-error");
  part(view.panel, "Last update", Object.entries(update).map(([key, value]) => `${key} = ${value}`).join("\n"));
  part(view.panel, "Printed", log);
  part(view.panel, "Code", code);
}

function part(panel, title, text, className = "") {
  if (text) panel.append(make("h5", "", title), make("pre", className, text));
}

function receive(view, model, message) {
  if (message.kind === "details" && message.node === view.selected) showDetails(view, model, message);
  if (message.kind !== "refused") return;
  view.refused.textContent = message.text;
  view.buttons.dataset.for = "";
  paint(view, model);
}

function initialize({ model }) {
  const fold = (message) => message.kind === "changes" && model.set("status", merged(model.get("status") || {}, message));
  model.on("msg:custom", fold);
  return () => model.off("msg:custom", fold);
}

function render({ model, el }) {
  const view = frame(el);
  const redraw = () => { drawPicture(view, model); paint(view, model); reselect(); };
  const repaint = () => {
    const before = view.groups[view.selected]?.dataset.shown;
    paint(view, model);
    if (before !== view.groups[view.selected]?.dataset.shown) model.send({ kind: "select", node: view.selected });
  };
  const reselect = () => { const name = view.selected; view.selected = null; if (view.groups[name]) select(view, model, name); else view.panel.hidden = true; };
  const choose = (event) => {
    const group = event.target.closest?.("[data-node][role=button]");
    if (!group || (event.type === "keydown" && event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    event.stopPropagation(); // the notebook has shortcuts of its own for these keys
    select(view, model, group.dataset.node);
  };
  const hear = (message) => receive(view, model, message);
  const open = () => paintSteps(view, model.get("status") || {});
  const heard = { "change:drawing": redraw, "change:status": repaint, "change:actions": repaint, "msg:custom": hear };
  Object.entries(heard).forEach(([name, listener]) => model.on(name, listener));
  view.picture.addEventListener("click", choose);
  view.picture.addEventListener("keydown", choose);
  view.steps.addEventListener("toggle", open);
  redraw();
  return () => {
    Object.entries(heard).forEach(([name, listener]) => model.off(name, listener));
    view.root.remove();
  };
}

export default { initialize, render };
