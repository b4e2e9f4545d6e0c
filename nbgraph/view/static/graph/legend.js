// What the picture's shapes, lines and signs mean.
import { make } from "./make.js";
import { rebuilt } from "./svg.js";
import { ICONS, WORDS } from "./words.js";

const BOX = '<path d="M6,3 L42,3 C46,3 46,21 42,21 L6,21 C2,21 2,3 6,3 Z"/>';
const INNER = '<path d="M9,6 L39,6 C42,6 42,18 39,18 L9,18 C6,18 6,6 9,6 Z"/>';
const NODES = [
  ["function", BOX, "a function"], ["human", '<polygon points="10,3 38,3 45,9 45,15 38,21 10,21 3,15 3,9"/>', "asks a person"],
  ["agent", `${BOX}<text class="nbgraph-label" x="24" y="16" text-anchor="middle">\u2726</text>`, "an agent"],
  ["closed", BOX + INNER, "a subgraph that is closed"], ["open", BOX, "a subgraph that is open, with its nodes in it"],
  ["undefined", BOX, "no cell declares it yet"], ["start", '<ellipse cx="24" cy="12" rx="7" ry="7"/>', "START"],
  ["end", '<ellipse cx="24" cy="12" rx="4" ry="4"/><ellipse cx="24" cy="12" rx="7" ry="7"/>', "END"],
];
const LINE = '<path d="M4,12 L38,12"/>', HEAD = '<polygon points="38,9 45,12 38,15"/>';
const EDGES = [
  ["plain", LINE + HEAD, "always taken"],
  ["if", `<path d="M13,12 L38,12"/><polygon class="nbgraph-hollow" points="3,12 8,9 13,12 8,15"/>${HEAD}`, "one of a choice: if, else, by"],
  ["each", `<path d="M4,12 L32,12"/><polygon points="31,9 38,12 31,15"/>${HEAD}`, "once for each item of a list"],
  ["error", LINE + HEAD, "after an error"], ["taken", LINE + HEAD, "taken in this run, with the reason"],
];
const SIGNS = [
  ["3\u00D7", "how often it ran"], ["7/10, 1 failed", "items of a map: finished, of all, failed"],
  ["\u25CB \u25CF", "the run pauses there, before or after"],
];

export function legend() {
  const root = make("div", "legend");
  root.append(
    group("States", Object.entries({ ...ICONS, idle: "" }).map(([state, icon]) => entry(stateShape(state, icon), WORDS[state] || state))),
    group("Nodes", NODES.map(([kind, shape, text]) => entry(shaped(`nbgraph-node nbgraph-${kind}`, shape), text))),
    group("Edges", EDGES.map(([kind, shape, text]) => entry(shaped(`nbgraph-edge nbgraph-${kind}`, shape), text))),
    group("Signs", SIGNS.map(([sign, text]) => entry(make("span", "sign", sign), text))));
  return root;
}

function group(title, entries) {
  const made = make("div"), list = make("ul");
  list.append(...entries);
  made.append(make("h5", "", title), list);
  return made;
}

function entry(sign, text) {
  const made = make("li");
  made.append(sign, make("span", "", text));
  return made;
}

function stateShape(state, icon) {
  const disc = '<circle class="nbgraph-disc" cx="42" cy="5" r="7.5"/>';
  const made = shaped("nbgraph-node", `${BOX}${disc}<text class="nbgraph-icon" x="42" y="8.6" text-anchor="middle">${icon}</text>`);
  made.firstElementChild.dataset.state = state;
  return made;
}

function shaped(classes, shape) {
  const made = rebuilt(`<svg xmlns="http://www.w3.org/2000/svg" width="48" height="24" viewBox="0 0 48 24"><g class="${classes}">${shape}</g></svg>`);
  made.setAttribute("aria-hidden", "true");
  return made;
}
