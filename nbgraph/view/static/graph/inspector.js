// What is known of the node that was chosen, and of one of its visits, tab by tab.
import { callsPage } from "./calls.js";
import { deltaPage } from "./delta.js";
import { button, count, make, own, pairs } from "./make.js";
import { tabs } from "./tabs.js";
import { edgeTold, explain } from "./tooltip.js";
import { valuePage } from "./values.js";
import { STOPS, WORDS, stopsAt } from "./words.js";

const OFTEN = 700; // milliseconds between two looks at a node of a run that goes on
const NOT_OURS = ["Tab", "Escape", "[", "]"];
const TABS = ["Diff", "Input", "Update", "Output", "Model", "Code", "Error"];

export function inspector(desk) {
  const root = make("div", "panel"), about = make("div", "about"), stops = stopButtons(desk);
  const at = { desk, root, about, stops, number: null, details: {}, visit: null, seen: "", again: 0, took: 0 };
  const why = make("p", "whynot"), ways = make("div", "ways"), visits = make("div", "which");
  Object.assign(at, { why, ways, visits, tabs: tabs("what is known of the visit", TABS, (name, panel) => fillTab(at, name, panel)) });
  root.setAttribute("role", "region");
  root.hidden = true;
  root.append(about, why, stops, ways, visits, at.tabs.root);
  root.onkeydown = (event) => NOT_OURS.includes(event.key) || event.stopPropagation(); // the notebook has shortcuts of its own
  return {
    root,
    select(name) {
      root.hidden = name === null;
      if (name !== at.details.node) Object.assign(at, { number: null, visit: null, details: { node: name }, seen: JSON.stringify(own(desk.status().nodes, name)) });
      if (name !== null) look(at);
    },
    moment() {
      at.number = null;
      if (desk.selected !== null) look(at);
    },
    paint: () => desk.selected !== null && repaint(at),
  };
}

function repaint(at) {
  const { desk } = at, now = JSON.stringify([desk.live().run, own(desk.status().nodes, desk.selected)]);
  paintStops(at);
  if (now === at.seen) return;
  at.seen = now;
  paintAbout(at);
  // the more a look takes, the seldomer: of a long run much is read
  if (!desk.moment) at.again ||= setTimeout(() => { at.again = 0; look(at); }, Math.max(OFTEN, 8 * at.took));
}

// asks for the node and for the visit that is meant; what is answered to an earlier choice is passed over
function look(at) {
  const { desk, number } = at, node = desk.selected, step = desk.moment?.step ?? null;
  const still = () => node === desk.selected && number === at.number && step === (desk.moment?.step ?? null);
  paintAll(at);
  desk.ask("node", { node }).then((details) => { if (still()) { at.details = details; paintAll(at); } });
  const since = performance.now();
  if (desk.live().run?.status) desk.ask("visit", { node, step, which: number }).then(({ visit }) => {
    at.took = performance.now() - since;
    if (still()) takeVisit(at, visit);
  });
}

function takeVisit(at, visit) {
  const same = JSON.stringify(visit) === JSON.stringify(at.visit);
  at.visit = visit;
  if (!same) paintAll(at);
}

function paintAll(at) {
  paintStops(at);
  paintAbout(at);
  paintWays(at);
  paintVisits(at);
  const { details, visit } = at, counts = visit?.counts ?? {}, error = visit?.task ? visit.error : details.error;
  at.tabs.paint({ Diff: counts.diff, Input: counts.input, Update: counts.update || (!visit?.task && Object.keys(details.update ?? {}).length),
    Output: Boolean(visit?.task ? visit.log : details.log), Model: counts.model, Code: Boolean(details.code), Error: Boolean(error) },
  error && (visit?.step ?? null) === null ? "Error" : "Diff");
}

function stopButtons(desk) {
  const stops = make("div", "stops");
  stops.setAttribute("role", "group");
  stops.append(...STOPS.map((when) => button("stop", `Pause ${when}`, "", (clicked) => {
    const pressed = clicked.getAttribute("aria-pressed") === "true";
    desk.model.send({ kind: "break", node: desk.selected, when: pressed ? null : when });
  })));
  return stops;
}

function paintStops({ desk, stops }) {
  const status = desk.status(), pressed = stopsAt(status, desk.selected);
  stops.hidden = !desk.model.get("actions") || ["done", "cancelled", undefined].includes(desk.live().run?.status);
  stops.setAttribute("aria-label", `breakpoints of ${desk.selected}`);
  STOPS.forEach((when, place) => stops.children[place].setAttribute("aria-pressed", pressed.includes(when)));
}

function paintAbout({ desk, root, about, why, details }) {
  const node = desk.selected, now = own(desk.status().nodes, node) || { state: "idle", visits: 0 };
  const said = [WORDS[now.state] || now.state, now.visits > 1 && count(now.visits, "visit"), now.note, details.attempt];
  const dim = [said, [details.marks], [details.used]].map((words) => words.filter(Boolean).join(" \u00B7 ")).filter(Boolean);
  const close = button("close", "\u00D7", "close", () => { desk.drawn.nodes.get(node)?.focus(); desk.select(null); });
  close.setAttribute("aria-label", `close details of ${node}`);
  root.setAttribute("aria-label", `details of ${node}`);
  about.replaceChildren(make("h4", "", details.signature || node), close, ...dim.map((line) => make("p", "dim", line)));
  why.hidden = Boolean(desk.moment) || !details.why || now.state === "failed"; // what failed says so by its error
  why.replaceChildren(make("strong", "", "Why not yet"), ` ${details.why || ""}`);
}

// the edges to the node and out of it: each says why it was taken or not, and leads to the node at its other end
function paintWays({ desk, ways, visit }) {
  const shown = JSON.stringify(visit?.edges ?? []);
  if (ways.dataset.shown === shown) return;
  ways.dataset.shown = shown;
  ways.setAttribute("role", "group");
  ways.setAttribute("aria-label", "edges");
  ways.replaceChildren(...(visit?.edges ?? []).map((edge) => wayButton(desk, edge)));
}

function wayButton(desk, { index, out, node, label }) {
  const can = !/(^|\/)(START|END)$/.test(node), made = button("way", "", "", () => can && desk.select(node));
  made.append(make("span", "dim", out ? "\u2192" : "\u2190"), make("span", "", node), ...(label ? [make("span", "dim", label)] : []));
  made.setAttribute("aria-label", `edge ${out ? "to" : "from"} ${node} ${label}`.trim());
  const group = () => desk.drawn.edges.get(index)?.group;
  explain(desk, made, () => edgeTold(desk, index), (on) => group()?.classList.toggle("nbgraph-pointed", on));
  return made;
}

function paintVisits(at) {
  const { visits, visit } = at;
  visits.hidden = !visit?.task;
  if (!visit?.task) return;
  const focused = visits.contains(document.activeElement) && document.activeElement.title;
  const turn = (sign, label, to) => {
    const made = button("turn", sign, label, () => { at.number = to; look(at); });
    made.setAttribute("aria-label", label);
    return Object.assign(made, { disabled: to < 1 || to > visit.of });
  };
  const name = make("span", "", `visit ${visit.number} of ${visit.of}`);
  name.setAttribute("aria-live", "polite");
  visits.replaceChildren(turn("\u2039", "visit before", visit.number - 1), name, turn("\u203A", "visit after", visit.number + 1),
    make("span", "dim", [visit.step === null ? "not finished" : `step ${visit.step}`, visit.of > 1 && visit.used].filter(Boolean).join(" \u00B7 ")));
  if (focused) [...visits.querySelectorAll("button:enabled")].sort((one) => (one.title === focused ? -1 : 1))[0]?.focus();
}

// Tabs

function fillTab(at, name, panel) {
  const { desk, visit, details } = at, task = visit?.task, holds = heldBy(at, name);
  if (holds === at.holds) return; // what was opened stays open
  at.holds = holds;
  panel.replaceChildren();
  const put = (page) => at.holds === holds && panel.replaceChildren(...page);
  const fetch = (tab) => (given = {}) => desk.ask("tab", { task, tab, ...given }).then(({ page }) => page);
  const listed = (tab, part) => fetch(tab)().then((page) => put([valuePage(desk, { task, part }, [], page, fetch(tab))]));
  const fill = {
    Diff: () => fetch("diff")().then((page) => put([deltaPage(desk, task, page)])),
    Input: () => listed("input", "inputs"),
    Update: () => (task ? listed("update", "update") : put([make("pre", "", pairs(details.update ?? {}))])),
    Output: () => put([scrolled(task ? visit.log : details.log)]),
    Model: () => fetch("model")().then((page) => put([callsPage(desk, task, page, fetch("model"))])),
    Code: () => put([make("p", "dim", details.cell || ""), scrolled(details.code)]),
    Error: () => put(errorPage(at)),
  };
  if (at.tabs.root.querySelector("[role=tab]:enabled")) fill[name]();
}

// what the content of a tab depends on
function heldBy({ desk, visit, details }, name) {
  const { task, counts, step } = visit ?? {};
  const more = { Update: details.update, Output: [visit?.log, details.log], Code: [details.code, details.cell],
    Error: [visit?.error, details.error, details.where, desk.live().run?.status] }[name];
  return JSON.stringify([desk.selected, name, task, counts, step, task && name === "Update" ? null : more]);
}

function scrolled(text = "", className = "") {
  const made = make("pre", className, text);
  made.tabIndex = 0; // so that it can be scrolled by keyboard
  return made;
}

function errorPage({ desk, visit, details }) {
  const error = visit?.task ? visit.error : { type: "", message: details.error, where: details.where, attempts: [] };
  const made = error.type || error.message ? [scrolled([error.type, error.message].filter(Boolean).join(": "), "error")] : [];
  if (error.where) made.push(make("p", "dim", error.where));
  if (error.handled) made.push(make("p", "dim", "the run went on along an error edge"));
  made.push(...error.attempts.map((one) => make("p", "", `${[one.what, `attempt ${one.number}`].filter(Boolean).join(", ")}: ${one.error}`)));
  const can = desk.model.get("actions") && desk.live().run?.status === "failed" && !error.handled && error.message;
  if (can) made.push(button("retry", "Retry from here", "runs the failed node again, with the cells as they are now", (clicked) => {
    clicked.disabled = true;
    desk.model.send({ kind: "act", action: "resume" });
  }));
  return made;
}
