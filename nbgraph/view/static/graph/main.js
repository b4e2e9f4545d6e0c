// The dashboard of a run: its parts, one below another, and what they share.
import { compare } from "./compare.js";
import { family } from "./family.js";
import { merged } from "./fold.js";
import { forking } from "./forking.js";
import { head } from "./head.js";
import { inspector } from "./inspector.js";
import { make } from "./make.js";
import { notes } from "./notes.js";
import { picture } from "./picture.js";
import { refused } from "./refused.js";
import { state } from "./state.js";
import { steps } from "./steps.js";
import { talk } from "./talk.js";
import { barOf, timeline } from "./timeline.js";
import { tooltip } from "./tooltip.js";
import { toolbar } from "./toolbar.js";

const PARTS = [head, refused, toolbar, picture, inspector, timeline, family, forking, compare, talk, notes, state, steps, tooltip];
const BESIDE = [picture, inspector]; // one beside the other where there is room

// A part has a `root`, and what it wants of: `draw` (the graph changed), `paint` (the status did), `select` (a node was
// chosen, or none: null), `moment` (a step was: the run as it stood then, or null), `refused` (the kernel would not).
class Desk {
  constructor(model, el) {
    this.model = model;
    this.root = make("div", "graph");
    this.selected = null;
    this.moment = null; // the run as it stood after a step; null for as it is
    this.asked = new Map();
    this.canvas = {}; // what the parts about the picture do for one another
    this.drawn = { nodes: new Map(), edges: new Map() }; // what the picture shows, by name and by index
    this.parts = PARTS.map((part) => part(this));
    this.root.append(...this.parts.map((part) => part.root));
    putBeside(BESIDE.map((part) => this.parts[PARTS.indexOf(part)].root));
    el.append(this.root);
  }

  // what is shown: the run as it is, or as it stood after the step that was chosen
  status() { return this.moment?.status ?? this.live(); }

  live() { return this.model.get("status") || {}; }

  // shows the run as it stood after a step; null for as it is, and whatever it does
  go(step) {
    this.wanted = step;
    if (step === null) return this.show(null);
    const bars = step > 0 && !barOf(this.live().bars, step); // those of a long run's past are not held
    return this.ask("at", { step, bars }).then((moment) => this.wanted === step && this.show(moment));
  }

  show(moment) {
    this.moment = moment;
    this.root.classList.toggle("nbgraph-past", moment !== null);
    this.paint();
    this.each("moment", moment);
  }

  each(what, ...given) { this.parts.forEach((part) => part[what]?.(...given)); }

  // asks the kernel; one that never answers, since it is gone, leaves a promise that nobody misses
  ask(what, given = {}) {
    const number = (this.number = (this.number || 0) + 1);
    this.model.send({ kind: "ask", what, number, ...given });
    return new Promise((resolve) => this.asked.set(number, resolve));
  }

  receive(message) {
    if (message.kind === "told" && this.asked.has(message.number)) {
      this.asked.get(message.number)(message);
      this.asked.delete(message.number);
    }
    if (message.kind === "refused") {
      this.asked.delete(message.number);
      this.refuse(message.text);
    }
  }

  refuse(text) { this.each("refused", text); }

  select(name) {
    this.selected = name;
    this.each("select", name);
  }

  draw() {
    this.each("draw", this.model.get("drawing") || {});
    this.paint();
    this.select(this.drawn.nodes.has(this.selected) ? this.selected : null);
  }

  paint() { this.each("paint", this.status()); }
}

function putBeside(roots) {
  const row = make("div", "besides");
  roots[0].before(row);
  row.append(...roots);
}

function initialize({ model }) {
  const fold = (message) => message.kind === "changes" && model.set("status", merged(model.get("status") || {}, message));
  model.on("msg:custom", fold);
  return () => model.off("msg:custom", fold);
}

function render({ model, el }) {
  const desk = new Desk(model, el), again = () => desk.paint();
  const heard = [["change:drawing", () => desk.draw()], ["change:status", again], ["change:actions", again],
    ["change:family", again], ["change:asks", again], ["msg:custom", (message) => desk.receive(message)]];
  heard.forEach(([name, listener]) => model.on(name, listener));
  desk.draw();
  return () => {
    heard.forEach(([name, listener]) => model.off(name, listener));
    desk.root.remove();
  };
}

export default { initialize, render };
