// What every part is made with.
const CLASS = "nbgraph-", NUMBERS = new Intl.NumberFormat("en"); // made once: to make one takes longer than to paint

export const own = (map, key) => (map && Object.hasOwn(map, key) ? map[key] : undefined); // a node may be called `constructor`
export const pairs = (update) => Object.entries(update).map(([key, value]) => `${key} = ${value}`).join("\n");
export const grouped = (number) => NUMBERS.format(number); // 12,345
export const count = (number, word) => `${grouped(number)} ${word}${number === 1 ? "" : "s"}`;

// An element with text, never with HTML: names, values and what models write come from anywhere.
export function make(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className.split(" ").map((each) => CLASS + each).join(" ");
  if (text !== "") made.textContent = text;
  return made;
}

export function button(className, label, tip, act) {
  const made = make("button", `button ${className}`, label);
  made.type = "button";
  if (tip) made.title = tip;
  made.onclick = () => act(made);
  return made;
}

export function table(heads, rows) {
  const made = make("table"), body = made.createTBody();
  made.createTHead().insertRow().append(...heads.map((head) => make("th", "", head)));
  rows.forEach((row) => body.insertRow().append(...row.map((cell) => make("td", "", String(cell)))));
  return made;
}

// an id that no other element of the page has
export const named = () => `nbgraph-${Math.random().toString(36).slice(2)}`;
