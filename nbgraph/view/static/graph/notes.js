// What is wrong with the graph, and how much of it is not written yet.
import { count, make } from "./make.js";

export function notes() {
  const root = make("div", "notes");
  return {
    root,
    draw({ notes: problems = [], undefined: missing }) {
      root.replaceChildren(...problems.map((note) => make("p", "problem", note)));
      if (missing) root.append(make("p", "dim", `${count(missing, "node")} not written yet`));
    },
  };
}
