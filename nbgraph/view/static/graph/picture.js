// The picture of the graph, its nodes and edges lit up by what the run did.
import { keyboard } from "./keys.js";
import { count, make, own } from "./make.js";
import { rebuilt } from "./svg.js";
import { waysOf } from "./ways.js";
import { ICONS, WORDS, stopsAt } from "./words.js";
import { zoomable } from "./zoom.js";

const TALL = 2000, SHORT = 44;

export function picture(desk) {
  const root = make("div", "picture"), { drawn, canvas } = desk;
  root.onclick = root.onkeydown = (event) => choose(desk, event);
  Object.assign(canvas, { root, zoom: zoomable(root), keys: keyboard(desk, root), toggle: (name) => toggle(desk, name) });
  return {
    root,
    draw(drawing) {
      let ways = null;
      const { nodes = [], edges = [], direction } = drawing;
      canvas.ends = (index) => edges[index].map((place) => nodes[place].name);
      canvas.ways = () => (ways ??= waysOf(drawing, drawn.nodes));
      canvas.direction = direction;
      draw(root, drawn, drawing);
      canvas.zoom.again();
      canvas.keys.settle();
    },
    paint(status) {
      drawn.nodes.forEach((group, name) => paintNode(group, name, own(status.nodes, name), stopsAt(status, name)));
      drawn.edges.forEach((edge, index) => paintEdge(edge, own(status.edges, index)));
    },
    select(name) {
      drawn.nodes.forEach((group, other) => group.classList.toggle("nbgraph-selected", other === name));
    },
  };
}

function draw(root, drawn, drawing) {
  const { node, toggle } = root.querySelector(":focus")?.dataset || {};
  const svg = rebuilt(drawing.svg);
  svg.setAttribute("role", "group");
  svg.setAttribute("aria-label", `graph ${drawing.name}`);
  root.classList.toggle("nbgraph-tall", svg.getAttribute("height") > TALL);
  drawn.nodes.clear();
  drawn.edges.clear();
  for (const group of svg.querySelectorAll("[data-id]")) {
    const index = Number(group.dataset.id.slice(1));
    const ends = (drawing.edges?.[index] || []).map((end) => drawing.nodes[end].name);
    prepare[group.dataset.id[0]](drawn, group, index, drawing.nodes[index], ends);
  }
  root.replaceChildren(svg);
  const again = [...root.querySelectorAll("[role=button]")];
  again.find(({ dataset }) => (node ?? toggle) !== undefined && dataset.node === node && dataset.toggle === toggle)?.focus();
}

const prepare = {
  n(drawn, group, index, node) {
    if (!node) return;
    group.dataset.node = node.name;
    drawn.nodes.set(node.name, group);
    if (node.kind !== "start" && node.kind !== "end") beButton(group);
  },
  c(drawn, group, index, node) {
    if (!node) return;
    group.dataset.toggle = node.name;
    beButton(group);
    group.setAttribute("aria-expanded", Boolean(node.open));
    group.setAttribute("aria-label", `subgraph ${node.name}`);
  },
  e(drawn, group, index, _, ends) {
    const why = group.querySelector(".nbgraph-why");
    group.dataset.edge = index;
    group.setAttribute("tabindex", "-1");
    group.setAttribute("role", "img");
    drawn.edges.set(index, { group, why, written: why.textContent, name: `edge ${ends.join(" to ")}` });
  },
};

function beButton(group) {
  group.setAttribute("tabindex", "-1");
  group.setAttribute("role", "button");
}

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

function paintEdge({ group, why, written, name }, edge = { taken: 0, reason: "" }) {
  const reason = edge.taken && edge.reason ? edge.reason : written;
  const short = reason.length > SHORT ? `${reason.slice(0, SHORT - 1)}\u2026` : reason;
  if (group.dataset.taken === String(edge.taken) && why.textContent === short) return;
  group.dataset.taken = edge.taken;
  group.classList.toggle("nbgraph-taken", edge.taken > 0);
  why.textContent = short;
  const taken = edge.taken ? `, taken ${count(edge.taken, "time")}` : "";
  group.setAttribute("aria-label", `${name}: ${reason || "always"}${taken}`);
}

function choose(desk, event) {
  const group = event.target.closest("[role=button]");
  if (!group || !["click", "Enter", " "].includes(event.key || event.type)) return;
  event.preventDefault();
  event.stopPropagation(); // the notebook has shortcuts of its own for these keys
  const { node, toggle: name } = group.dataset;
  if (name === undefined) desk.select(desk.selected === node ? null : node);
  else toggle(desk, name);
}

function toggle(desk, name) {
  const group = [...desk.canvas.root.querySelectorAll("[data-toggle]")].find(({ dataset }) => dataset.toggle === name);
  if (group) desk.model.send({ kind: "toggle", node: name, open: group.getAttribute("aria-expanded") !== "true" });
}
