// The timeline: a lane a node, a bar a task, and a slider over the steps, by which all of the dashboard goes back in time.
import { button, grouped, make } from "./make.js";
import { ICONS, WORDS } from "./words.js";

// tasks that make a timeline, how far it is stretched, times on the axis, room at its end, seconds that a rest may take,
// bars from which on they are drawn without borders, which take most of the time to paint
const FEWEST = 2, WIDEST = 64, TICKS = 6, ROOM = 1.02, REST = 2, MANY = 100;
const TYPING = "input:not([type=range]), textarea, select, [contenteditable=true]";
const [LANE, TASK, STEP, BEGAN, ENDED, STATE, HOW, SITS] = [0, 1, 2, 3, 4, 5, 6, 7];
const SIGNS_OF = { cached: "=", retr: "\u21BB", "by hand": "\u270E\uFE0E" };
const inSeconds = (time) => (time < 10 ? time.toFixed(2) : time < 100 ? time.toFixed(1) : grouped(Math.round(time)));

export function timeline(desk) {
  const root = make("details", "timeline"), summary = make("summary", "", "Timeline");
  const track = make("div", "track"), view = { desk, root, track, lanes: new Map(), bars: new Map(), stretch: 1, unit: 1, begin: 0, end: 0 };
  const scroll = labelled(make("div", "lanes"), "the tasks of the run by node");
  const line = make("div", "now"), axis = make("div", "axis");
  root.open = true;
  scroll.tabIndex = 0;
  track.append(axis, line);
  scroll.append(track);
  Object.assign(view, { scroll, axis, line, scrub: scrubber(view) });
  root.append(summary, view.scrub.root, scroll);
  root.ontoggle = () => paintBars(view);
  track.onclick = (event) => pickBar(view, event);
  desk.root.addEventListener("keydown", (event) => stepByKey(view, event));
  return {
    root,
    paint() { view.scrub.paint(); paintBars(view); }, // what is hidden has no bars
    select(name) { view.lanes.forEach((lane, node) => lane.classList.toggle("nbgraph-selected", node === name)); },
    moment() { view.scrub.paint(); paintBars(view); },
    draw() { view.lanes.forEach((lane, node) => { lane.hidden = isFolded(desk, node); }); },
  };
}

function labelled(element, label) {
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", label);
  return element;
}

// The slider and its buttons

function scrubber(view) {
  const { desk } = view, root = labelled(make("div", "scrub"), "steps"), slide = make("input"), said = make("span", "at-step");
  const go = (step) => desk.go(Math.min(Math.max(step, 0), stepCount(desk)));
  const here = () => desk.moment?.step ?? stepCount(desk), by = (way) => go((desk.wanted ?? stepCount(desk)) + way);
  const back = button("back", "\u2039", "one step back ( [ )", () => by(-1));
  const forth = button("forth", "\u203A", "one step on ( ] )", () => by(1));
  const live = button("go-live", "Live", "the run as it is now", () => desk.go(null));
  const wide = button("wide", "+", "more room for each second", () => stretchTrack(view, 2));
  const tight = button("tight", "\u2212", "less room for each second", () => stretchTrack(view, 0.5));
  [[back, "one step back"], [forth, "one step on"], [wide, "stretch the timeline"], [tight, "draw the timeline together"]]
    .forEach(([each, label]) => each.setAttribute("aria-label", label));
  slide.type = "range";
  slide.min = 0;
  slide.setAttribute("aria-label", "step");
  slide.oninput = () => go(Number(slide.value));
  root.append(back, slide, forth, said, live, tight, wide);
  return { root, by, paint: () => paintScrub(view, { slide, said, live, here: here() }) };
}

const stepCount = (desk) => desk.live().steps || 0;

function paintScrub({ desk, root }, { slide, said, live, here }) {
  const all = stepCount(desk), past = desk.moment !== null, name = here ? barOf(barsOf(desk), here)?.[TASK] : "before the first";
  root.hidden = Object.keys(barsOf(desk)).length < FEWEST && !past;
  Object.assign(slide, { max: all, value: here });
  live.hidden = !past;
  const place = [`step ${here} of ${grouped(all)}`, name].filter(Boolean).join(" \u00B7 ");
  said.textContent = past ? `${place} \u00B7 as it stood` : place;
  slide.setAttribute("aria-valuetext", said.textContent);
}

// the bars that are shown: the newest, or those up to the chosen step where it is older than these
function barsOf(desk) {
  const live = desk.live().bars || {}, step = desk.moment?.step;
  return step && !barOf(live, step) ? desk.moment.status.bars : live;
}

export const barOf = (bars = {}, step) => Object.values(bars).find((bar) => bar[STEP] === step);

function stepByKey({ desk, scrub, root }, event) {
  const way = { "[": -1, "]": 1 }[event.key];
  if (!way || root.hidden || event.ctrlKey || event.metaKey || event.target.closest(TYPING)) return;
  event.preventDefault();
  event.stopPropagation();
  if (way > 0 && desk.moment && desk.moment.step >= stepCount(desk)) desk.go(null);
  else scrub.by(way);
}

// The bars

function paintBars(view) {
  const { desk, root, bars } = view, told = barsOf(desk);
  if (!root.open || root.hidden || view.told === told) return paintNow(view);
  view.told = told;
  bars.forEach((bar, number) => { if (!(number in told) && bars.delete(number)) bar.remove(); });
  let end = 0, begin = Infinity;
  Object.entries(told).forEach(([number, bar]) => {
    begin = Math.min(begin, bar[BEGAN]);
    end = Math.max(end, bar[ENDED] ?? bar[BEGAN]);
    paintBar(view, number, bar);
  });
  Object.assign(view, { begin: Number.isFinite(begin) ? begin : 0, end, heard: performance.now() });
  view.track.classList.toggle("nbgraph-many", bars.size > MANY);
  paintNow(view);
}

function paintBar(view, number, told) {
  let bar = view.bars.get(number);
  if (bar?.told === told) return; // as most are
  if (!bar) {
    bar = make("div", "bar");
    view.bars.set(number, bar);
    rowOf(view, told[LANE]).append(bar);
  }
  const shown = told.join(), mark = markOf(told);
  bar.told = told;
  if (bar.dataset.shown === shown) return;
  Object.assign(bar.dataset, { shown, number, state: told[STATE] });
  placeBar(view, bar);
  bar.replaceChildren(...told[SITS].map((wait) => waitOf(wait, told)), ...(mark ? [make("span", "bar-mark", mark)] : []));
  const took = told[ENDED] === null ? "" : `${inSeconds(told[ENDED] - told[BEGAN])} s`;
  const facts = [told[TASK], WORDS[told[STATE]] || told[STATE], told[HOW], took, told[STEP] && `step ${told[STEP]}`];
  bar.title = facts.filter(Boolean).join(" \u00B7 ");
}

function waitOf([from, to], told) {
  const made = make("span", "hatched");
  const whole = Math.max((told[ENDED] ?? to ?? from) - told[BEGAN], 0.001);
  const share = (time) => `${(100 * (time - told[BEGAN])) / whole}%`;
  made.style.left = told[ENDED] === null && to === null ? "0" : share(from);
  made.style.right = to === null ? "0" : `calc(100% - ${share(to)})`;
  return made;
}

function markOf(told) {
  const icon = told[STATE] === "done" ? "" : ICONS[told[STATE]] || "";
  return icon + Object.entries(SIGNS_OF).filter(([word]) => told[HOW].includes(word)).map(([, sign]) => sign).join("");
}

function rowOf(view, node) {
  if (!view.lanes.has(node)) {
    const row = make("div", "lane"), name = make("span", "lane-name", node.split("/").pop());
    const box = make("div", "lane-bars"), scale = make("div", "scale");
    box.append(scale);
    row.style.setProperty("--depth", node.split("/").length - 1);
    row.title = node;
    row.append(name, box);
    row.hidden = isFolded(view.desk, node);
    lastOfKin(view, node).after(row);
    view.lanes.set(node, row);
  }
  return view.lanes.get(node).lastChild.firstChild;
}

// A bar has its place in its lane's scale, a box that stands for `unit` seconds and alone is moved as time goes on:
// were each bar moved, as by a property that all of them inherit, a message would cost a style for each of them.
function placeBar({ unit, end }, bar) {
  const { told } = bar, open = told[ENDED] === null, to = open ? Math.max(end, told[BEGAN]) : told[ENDED];
  bar.style.left = `${(100 * told[BEGAN]) / unit}%`;
  bar.style.width = `${(100 * (to - told[BEGAN])) / unit}%`;
  bar.classList.toggle("nbgraph-open", open);
}

function placeScales(view, length, now) {
  const unit = 10 ** Math.ceil(Math.log10(length)), moved = unit !== view.unit;
  view.unit = unit;
  view.bars.forEach((bar) => { if (moved || bar.told[ENDED] === null) placeBar({ unit, end: now }, bar); });
  view.lanes.forEach((lane) => Object.assign(lane.lastChild.firstChild.style, {
    left: `${(-100 * view.begin) / length}%`, width: `${(100 * unit) / length}%` }));
}

// a lane stands below those of its subgraph, any other below all
function lastOfKin({ track, lanes }, node) {
  const around = node.slice(0, node.lastIndexOf("/") + 1);
  const kin = around ? [...lanes].filter(([other]) => `${other}/`.startsWith(around)).map(([, row]) => row) : [];
  return [...track.children].findLast((row) => kin.includes(row)) || track.lastElementChild;
}

// whether the picture shows the subgraph of a node as one box
function isFolded({ drawn }, node) {
  const around = node.split("/").slice(0, -1).map((_, place, parts) => parts.slice(0, place + 1).join("/"));
  return !drawn.nodes.has(node) && around.some((outer) => drawn.nodes.has(outer));
}

// what goes on grows by itself between two messages
function paintNow(view) {
  const { run, bars } = view.desk.live(), status = run?.status;
  const running = ["running", "waiting"].includes(status) && view.told === bars;
  const most = status === "running" ? Infinity : Math.max(REST, view.end / 4); // of a rest, as timeline.py has it
  const now = view.end + (running ? Math.min((performance.now() - view.heard) / 1000, most) : 0);
  const length = Math.max(now - view.begin, 0.001) * ROOM;
  placeScales(view, length, now);
  [view.axis, view.line].forEach(({ style }) => { style.setProperty("--begin", view.begin); style.setProperty("--length", length); });
  if (running && !view.ticking) view.ticking = setTimeout(() => tick(view), 500);
  paintAxis(view, length);
  paintLine(view);
}

function tick(view) {
  view.ticking = 0;
  if (view.root.isConnected) paintNow(view);
}

function paintAxis({ axis, begin, stretch: wide }, length) {
  const rough = length / (TICKS * wide), size = 10 ** Math.floor(Math.log10(rough));
  const step = size * [1, 2, 5, 10].find((each) => each * size >= rough);
  const first = Math.ceil(begin / step), many = Math.min(500, Math.floor((begin + length) / step) - first + 1);
  const times = Array.from({ length: many }, (_, place) => (first + place) * step);
  const shown = times.join();
  if (axis.dataset.shown === shown) return;
  axis.dataset.shown = shown;
  axis.replaceChildren(...times.map((time) => {
    const made = make("span", "tick", `${Number(time.toPrecision(6))} s`);
    made.style.setProperty("--from", time);
    return made;
  }));
}

function paintLine(view) {
  const { desk, line, bars } = view, step = desk.moment?.step, bar = step ? barOf(barsOf(desk), step) : null;
  line.hidden = !bar;
  if (bar) line.style.setProperty("--from", bar[ENDED]);
  view.chosen?.classList.remove("nbgraph-chosen");
  view.chosen = bar && [...bars.values()].find(({ told }) => told === bar);
  view.chosen?.classList.add("nbgraph-chosen");
}

function stretchTrack(view, by) {
  view.stretch = Math.min(Math.max(view.stretch * by, 1), WIDEST);
  view.track.style.setProperty("--stretch", view.stretch);
  paintNow(view);
}

function pickBar({ desk }, event) {
  const bar = event.target.closest(".nbgraph-bar"), told = bar && barsOf(desk)[bar.dataset.number];
  if (!told) return;
  if (desk.drawn.nodes.has(told[LANE])) desk.select(told[LANE]);
  if (told[STEP]) desk.go(told[STEP]);
}
