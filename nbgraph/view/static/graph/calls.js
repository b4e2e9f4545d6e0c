// The calls of models and tools of a visit, in order: who said what, what it took.
import { button, grouped, make } from "./make.js";
import { textPage, valueLine } from "./values.js";

export function callsPage(desk, task, page, fetch) {
  const box = make("div", "calls"), list = make("div");
  const tools = page.tools.length ? [make("span", "dim", "can call"), ...page.tools.map((name) => make("span", "offer", name))] : [];
  const top = make("p", "offered");
  top.append(...tools);
  box.append(...(top.hasChildNodes() ? [top] : []), list);
  addCalls(desk, task, list, box, page, fetch);
  return box;
}

function addCalls(desk, task, list, box, page, fetch) {
  list.append(...page.calls.map((call) => CALLS[call.kind](desk, { task, part: "done" }, call)));
  if (!page.left) return;
  const more = button("more", `show more (${page.left} more calls)`, "", () => fetch({ offset: list.childElementCount }).then((next) => {
    more.remove();
    addCalls(desk, task, list, box, next, fetch);
  }));
  box.append(more);
}

const CALLS = {
  model(desk, of, call) {
    const made = callBox("of-model", call.what, call.model, [call.used, call.cached && `${grouped(call.cached)} cached`, `${call.seconds} s`]);
    if (call.left) made.append(make("p", "dim", `${call.left} earlier messages left out`));
    made.append(...call.messages.map((message) => messageBox(desk, of, message)));
    return made;
  },
  tool(desk, of, call) {
    const given = call.arguments.map(({ name, value }) => `${name}=${value}`).join(", ");
    const made = callBox(call.failed ? "of-tool bad" : "of-tool", call.what, `${call.tool}(${given})`, [call.failed && "failed", `${call.seconds} s`]);
    made.append(textPage(call.text, more(desk, of, call.path)));
    return made;
  },
  step(desk, of, call) {
    const made = callBox("of-step", call.what, call.name, ["recorded"]), list = make("ul", "values");
    list.append(valueLine(desk, of, [], { ...call.value, label: "" }));
    made.append(list);
    return made;
  },
};

function callBox(kind, what, name, dim) {
  const made = make("div", `entry ${kind}`), who = make("p", "who");
  who.append(make("strong", "", name), make("span", "", what), make("span", "", dim.filter(Boolean).join(" \u00B7 ")));
  made.append(who);
  return made;
}

function messageBox(desk, of, message) {
  const made = make("div", "spoken"), said = make("div", "said");
  made.append(make("span", "role", message.role), said);
  if (message.text) said.append(textPage(message.text, more(desk, of, message.path)));
  if (message.value) said.append(make("pre", "", message.value.short));
  said.append(...message.calls.map((call) => make("pre", "asks", `calls ${call}`)));
  return made;
}

const more = (desk, of, path) => (given) => desk.ask("value", { ...of, path, ...given }).then(({ page }) => page);
