// The list of stored runs: it draws what the model's traits say, and tells which button of which run was clicked.
const TIPS = { resume: "go on with", open: "show" };

function make(tag, className = "", text = "") {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}

function button(model, action, run) {
  const made = make("button", "", action[0].toUpperCase() + action.slice(1));
  made.type = "button";
  made.dataset.action = action;
  made.dataset.run = run;
  made.setAttribute("aria-label", `${made.textContent} ${run}`);
  made.title = `${TIPS[action]} ${run}`;
  made.addEventListener("click", () => model.send({ kind: "act", action, run }));
  return made;
}

function row(model, { id, status, cells, actions }) {
  const made = make("tr");
  made.dataset.run = id;
  made.dataset.status = status;
  made.append(...cells.map((cell, index) => make(index ? "td" : "th", "", cell)));
  made.firstChild.scope = "row";
  const last = make("td", "nbgraph-buttons");
  last.append(...actions.map((action) => button(model, action, id)));
  made.append(last);
  return made;
}

function head(heads) {
  const made = make("tr");
  made.append(...heads.map((text) => Object.assign(make("th", "", text), { scope: "col" })), make("td"));
  return made;
}

function draw(table, model) {
  const { action, run } = table.contains(document.activeElement) ? document.activeElement.dataset : {};
  const rows = model.get("rows") || [];
  table.caption.textContent = model.get("headline");
  table.tHead.replaceChildren(...(rows.length ? [head(model.get("heads"))] : []));
  table.tBodies[0].replaceChildren(...rows.map((each) => row(model, each)));
  if (!action) return;
  const same = [...table.querySelectorAll("button")].find((each) => each.dataset.action === action && each.dataset.run === run);
  same?.focus(); // drawn anew, it is still where the keyboard was
}

function render({ model, el }) {
  const frame = make("div", "nbgraph-runs");
  const table = frame.appendChild(make("table"));
  const message = frame.appendChild(make("p", "nbgraph-message"));
  message.setAttribute("role", "status");
  table.append(make("caption"), make("thead"), make("tbody"));
  const all = () => draw(table, model);
  const say = () => { message.textContent = model.get("message"); };
  ["rows", "headline"].forEach((name) => model.on(`change:${name}`, all));
  model.on("change:message", say);
  all();
  say();
  el.append(frame);
  return () => {
    ["rows", "headline"].forEach((name) => model.off(`change:${name}`, all));
    model.off("change:message", say);
  };
}

export default { render };
