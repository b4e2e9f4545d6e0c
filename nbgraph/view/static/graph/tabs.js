// Tabs by the ARIA pattern: one is in the tab order, the arrows, Home and End go on to the others.
import { button, make, named } from "./make.js";

// `show(name, panel)` fills the panel of the tab that was chosen, by a person or since it is the only one that can be
export function tabs(label, names, show) {
  const root = make("div", "tabbed"), list = make("div", "tabs"), panel = make("div", "tabpanel"), all = new Map();
  Object.assign(panel, { id: named(), tabIndex: 0 });
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", label);
  panel.setAttribute("role", "tabpanel");
  const made = { root, panel, wanted: null, chosen: null };
  made.choose = (name) => {
    made.chosen = name;
    all.forEach((tab, other) => markTab(tab, other === name));
    panel.setAttribute("aria-labelledby", all.get(name).id);
    show(name, panel);
  };
  names.forEach((name) => all.set(name, tabButton(name, panel, () => made.choose((made.wanted = name)))));
  list.append(...all.values());
  list.onkeydown = (event) => moveAmongTabs(event, [...all.values()].filter((tab) => !tab.disabled));
  root.append(list, panel);
  // what each tab holds: nothing disables it; the one that a person wanted last is shown where it can be
  made.paint = (counts, first) => {
    all.forEach((tab, name) => paintTab(tab, counts[name]));
    const can = names.filter((name) => counts[name]);
    made.choose(can.find((name) => name === made.wanted) ?? can.find((name) => name === first) ?? can[0] ?? names[0]);
  };
  return made;
}

function tabButton(name, panel, act) {
  const tab = Object.assign(button("tab", "", "", act), { id: named() });
  tab.append(make("span", "", name), make("span", "badge"));
  tab.setAttribute("role", "tab");
  tab.setAttribute("aria-controls", panel.id);
  return tab;
}

function markTab(tab, chosen) {
  tab.setAttribute("aria-selected", chosen);
  tab.tabIndex = chosen ? 0 : -1;
}

function paintTab(tab, holds) {
  tab.disabled = !holds;
  tab.lastChild.textContent = typeof holds === "number" && holds > 0 ? holds : "";
}

function moveAmongTabs(event, can) {
  const here = can.indexOf(event.target.closest("[role=tab]"));
  const to = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: can.length - 1 }[event.key];
  if (to === undefined || here < 0) return;
  event.preventDefault();
  event.stopPropagation(); // the notebook has shortcuts of its own for these keys
  const next = can[(to + can.length) % can.length];
  next.focus();
  next.click();
}
