// The timeline: a lane a node, a bar a task, and a slider over the steps, by which all of the dashboard goes back in time.
import { button, make } from "./make.js";
import { ICONS, WORDS } from "./words.js";

const FEWEST = 2, WIDEST = 64, TICKS = 6, ROOM = 1.02; // steps that make a timeline, how far it is stretched, times that are written, room at its end
const TYPING = "input:not([type=range]), textarea, select, [contenteditable=true]";
const [LANE, TASK, STEP, BEGAN, ENDED, STATE, HOW, SITS] = [0, 1, 2, 3, 4, 5, 6, 7];
const inSeconds = (time) => (time < 10 ? time.toFixed(2) : time < 100 ? time.toFixed(1) : Math.round(time).toLocaleString("en"));

export function timeline(desk) {
  const root = make("details", "timeline"), summary = make("summary", "", "Timeline"), track = make("div", "track");
  const view = { desk, root, track, lanes: new Map(), bars: new Map(), stretch: 1, zero: 0 };
  const scroll = labelled(make("div", "lanes"), "the tasks of the run by node"), line = make("div", "now"), axis = make("div", "axis");
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
    paint() { paintBars(view); view.scrub.paint(); },
    select(name) { view.lanes.forEach((lane, node) => lane.classList.toggle("nbgraph-selected", node === name)); },
    moment() { view.scrub.paint(); paintLine(view); },
  };
}

function labelled(element, label) {
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", label);
  return element;
}

// The slider and its buttons

function scrubber(view) {
  const { desk } = view, root = labelled(make("div", "scrub"), "steps"), slide = make("input"), said = make("span", "at");
  const go = (step) => desk.go(Math.min(Math.max(step, 0), stepCount(desk)));
  const here = () => desk.moment?.step ?? stepCount(desk);
  const back = button("back", "\u2039", "one step back ( [ )", () => go(here() - 1));
  const forth = button("forth", "\u203A", "one step on ( ] )", () => go(here() + 1));
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
  return { root, go, here, paint: () => paintScrub(view, { slide, said, live, here: here() }) };
}

const stepCount = (desk) => desk.live().steps || 0;

function paintScrub({ desk, root }, { slide, said, live, here }) {
  const all = stepCount(desk), past = desk.moment !== null, name = here ? taskOf(desk, here) : "before the first";
  root.hidden = all < FEWEST;
  Object.assign(slide, { max: all, value: here });
  live.hidden = !past;
  const place = [`step ${here} of ${all.toLocaleString("en")}`, name].filter(Boolean).join(" \u00B7 ");
  said.textContent = past ? `${place} \u00B7 as it stood` : place;
  slide.setAttribute("aria-valuetext", said.textContent);
}

function taskOf(desk, step) {
  return Object.values(desk.live().bars || {}).find((bar) => bar[STEP] === step)?.[TASK] || "";
}

function stepByKey({ desk, scrub, root }, event) {
  const way = { "[": -1, "]": 1 }[event.key];
  if (!way || root.hidden || event.ctrlKey || event.metaKey || event.target.closest(TYPING)) return;
  event.preventDefault();
  event.stopPropagation();
  if (way > 0 && desk.moment && desk.moment.step >= stepCount(desk)) desk.go(null);
  else scrub.go(scrub.here() + way);
}

// The bars

function paintBars(view) {
  const { desk, root, bars, track } = view, told = desk.live().bars || {};
  if (!root.open || root.hidden || view.told === told) return paintNow(view);
  view.told = told;
  bars.forEach((bar, number) => { if (!(number in told)) { bar.remove(); bars.delete(number); } });
  let end = 0, begin = Infinity;
  Object.entries(told).forEach(([number, bar]) => {
    begin = Math.min(begin, bar[BEGAN]);
    end = Math.max(end, bar[ENDED] ?? bar[BEGAN]);
    paintBar(view, number, bar);
  });
  Object.assign(view, { begin: Number.isFinite(begin) ? begin : 0, end, heard: performance.now() });
  track.style.setProperty("--begin", view.begin);
  paintNow(view);
}

function paintBar(view, number, told) {
  const shown = told.join();
  let bar = view.bars.get(number);
  if (bar?.dataset.shown === shown) return;
  if (!bar) {
    bar = make("div", "bar");
    view.bars.set(number, bar);
    rowOf(view, told[LANE]).append(bar);
  }
  Object.assign(bar.dataset, { shown, number, state: told[STATE] });
  bar.classList.toggle("nbgraph-open", told[ENDED] === null);
  bar.style.setProperty("--from", told[BEGAN]);
  bar.style.setProperty("--to", told[ENDED] ?? told[BEGAN]);
  bar.replaceChildren(...told[SITS].map((wait) => waitOf(wait, told)), make("span", "mark", markOf(told)));
  const took = told[ENDED] === null ? "" : `${inSeconds(told[ENDED] - told[BEGAN])} s`;
  bar.title = [told[TASK], WORDS[told[STATE]] || told[STATE], told[HOW], took, told[STEP] && `step ${told[STEP]}`].filter(Boolean).join(" \u00B7 ");
}

function waitOf([from, to], told) {
  const made = make("span", "hatched");
  const whole = Math.max((told[ENDED] ?? to ?? from) - told[BEGAN], 0.001), share = (time) => `${(100 * (time - told[BEGAN])) / whole}%`;
  made.style.left = told[ENDED] === null && to === null ? "0" : share(from);
  made.style.right = to === null ? "0" : `calc(100% - ${share(to)})`;
  return made;
}

function markOf(told) {
  const icon = told[STATE] === "done" ? "" : ICONS[told[STATE]] || "";
  return icon + (told[HOW].includes("cached") ? "=" : "") + (told[HOW].includes("retr") ? "\u21BB" : "") + (told[HOW].includes("hand") ? "\u270E\uFE0E" : "");
}

function rowOf(view, node) {
  if (!view.lanes.has(node)) {
    const row = make("div", "lane"), name = make("span", "lane-name", node.split("/").pop()), box = make("div", "lane-bars");
    row.style.setProperty("--depth", node.split("/").length - 1);
    row.title = node;
    row.append(name, box);
    view.track.append(row);
    view.lanes.set(node, row);
  }
  return view.lanes.get(node).lastChild;
}

// what goes on grows by itself between two messages
function paintNow(view) {
  const running = ["running", "waiting"].includes(view.desk.live().run?.status);
  const now = running ? view.end + (performance.now() - view.heard) / 1000 : view.end;
  const length = Math.max(now - view.begin, 0.001) * ROOM;
  view.track.style.setProperty("--length", length);
  view.track.style.setProperty("--end", view.begin + length / ROOM);
  if (running && !view.ticking) view.ticking = setTimeout(() => { view.ticking = 0; if (view.root.isConnected) paintNow(view); }, 500);
  paintAxis(view, length);
  paintLine(view);
}

function paintAxis({ axis, begin, stretch: wide }, length) {
  const rough = length / (TICKS * wide), size = 10 ** Math.floor(Math.log10(rough));
  const step = size * [1, 2, 5, 10].find((each) => each * size >= rough);
  const first = Math.ceil(begin / step), times = Array.from({ length: Math.min(500, Math.floor((begin + length) / step) - first + 1) }, (_, place) => (first + place) * step);
  const shown = times.join();
  if (axis.dataset.shown === shown) return;
  axis.dataset.shown = shown;
  axis.replaceChildren(...times.map((time) => {
    const made = make("span", "tick", `${Number(time.toPrecision(6))} s`);
    made.style.setProperty("--from", time);
    return made;
  }));
}

function paintLine({ desk, line, bars }) {
  const step = desk.moment?.step;
  const bar = step ? Object.values(desk.live().bars || {}).find((each) => each[STEP] === step) : null;
  line.hidden = !bar;
  if (bar) line.style.setProperty("--from", bar[ENDED]);
  bars.forEach((each, number) => each.classList.toggle("nbgraph-chosen", Boolean(step) && desk.live().bars?.[number]?.[STEP] === step));
}

function stretchTrack(view, by) {
  view.stretch = Math.min(Math.max(view.stretch * by, 1), WIDEST);
  view.track.style.setProperty("--stretch", view.stretch);
  paintNow(view);
}

function pickBar({ desk }, event) {
  const bar = event.target.closest(".nbgraph-bar"), told = bar && desk.live().bars?.[bar.dataset.number];
  if (!told) return;
  if (desk.drawn.nodes.has(told[LANE])) desk.select(told[LANE]);
  if (told[STEP]) desk.go(told[STEP]);
}
