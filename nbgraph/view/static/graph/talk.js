// What models write, while they write it, and the tools that they call.
import { TAIL } from "./fold.js";
import { count, make, own } from "./make.js";

const DOING = { writes: "is writing", again: "tries again" };

export function talk() {
  const root = make("div", "talk"), voices = new Map(), loud = make("div", "aloud"), both = make("div");
  loud.setAttribute("aria-live", "polite");
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "what the models write");
  both.append(root, loud);
  return { root: both, paint: (status) => paintTalk(root, loud, voices, status.talk) };
}

function paintTalk(root, loud, voices, talk = {}) {
  const said = [];
  voices.forEach((voice, name) => { if (!own(talk, name) && voices.delete(name)) voice.box.remove(); });
  root.hidden = !Object.keys(talk).length; // before it is painted: what is hidden cannot be scrolled
  Object.entries(talk).forEach(([name, now]) => {
    if (!voices.has(name)) voices.set(name, voiceBox(root, name));
    const voice = voices.get(name);
    if (voice.now === now) return;
    said.push(...aloud(name, voice.now, now));
    paintVoice(voice, now);
  });
  if (said.length) loud.textContent = said.join("; ");
}

// read aloud is only that a text begins and that it ends
function aloud(name, before = {}, now) {
  if (DOING[now.state] && (before.state !== now.state || before.turn !== now.turn)) return [`${name} ${DOING[now.state]}`];
  return before.state === "writes" && !DOING[now.state] ? [`${name} has written ${count(now.length, "character")}`] : [];
}

function voiceBox(root, name) {
  const voice = { box: make("div", "voice"), who: make("div", "who"), follows: true };
  Object.assign(voice, { model: make("span"), doing: make("span"), before: make("div"), words: make("div", "words"), after: make("div") });
  voice.words.tabIndex = 0; // so that a long text can be scrolled by keyboard
  voice.words.setAttribute("aria-label", `what ${name} writes`);
  voice.words.setAttribute("role", "group");
  voice.words.onscroll = ({ target }) => { voice.follows = target.scrollHeight - target.scrollTop - target.clientHeight < 9; };
  voice.who.append(make("strong", "", name), voice.model, voice.doing);
  voice.box.append(voice.who, voice.before, voice.words, voice.after);
  root.append(voice.box);
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
  const line = make("div", failed ? "call failed" : "call", `${call} \u2192 ${failed ? "failed: " : ""}${result}`);
  return Object.assign(line, { title: line.textContent });
}
