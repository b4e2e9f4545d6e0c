// The graph by keyboard: one stop of the Tab key, from which arrows follow the edges.
export const KEYS = [
  ["arrows along the edges", "follow an edge on, or back"], ["the other two arrows", "what stands beside it"],
  ["e", "the edges of the node, one after another, with why each was taken or not"],
  ["Home, End", "the first and the last node"], ["Enter", "inspect the node, or close the inspector"],
  ["o", "open or close a subgraph"], ["f", "only its neighbours; again: theirs too; again: all"],
  ["/", "search; Enter goes to the next match"], ["+ \u2212", "zoom; also Ctrl or \u2318 with the wheel"],
  ["0", "the whole picture; again: as it was"], ["Shift+arrows", "move the picture; also by dragging"],
  ["[ ]", "one step back or on in the run"], ["Escape", "close what is open, show all"], ["?", "these keys"],
];
const ALONG = {
  LR: { ArrowRight: "after", ArrowLeft: "before" },
  TB: { ArrowDown: "after", ArrowUp: "before" },
};
const TOWARDS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
const PAN = 60, NEARER = 1.25;

export function keyboard(desk, root) {
  let at = null;
  const stops = () => [...desk.drawn.nodes].filter(([, group]) => group.getAttribute("role") === "button");
  const put = (name) => {
    desk.drawn.nodes.get(at)?.setAttribute("tabindex", "-1");
    at = name;
    desk.drawn.nodes.get(at)?.setAttribute("tabindex", "0");
  };
  const go = (name) => {
    const group = desk.drawn.nodes.get(name);
    if (group?.getAttribute("role") !== "button") return;
    put(name);
    desk.canvas.zoom.reveal(group);
    group.focus({ preventScroll: true });
  };
  root.addEventListener("focusin", ({ target }) => {
    const { node } = target.closest("[data-node][role=button]")?.dataset || {};
    if (node !== undefined && node !== at) put(node);
  });
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = TOWARDS[event.key] ? () => move(desk, event, at, go, stops) : acts(desk, event, { at, go, stops })[event.key];
    if (act) event.preventDefault();
    if (act || /^[a-z0-9]$/i.test(event.key)) event.stopPropagation(); // the notebook has commands for letters: `d d` deletes
    act?.();
  });
  return {
    at: () => at,
    put,
    focus: () => go(at),
    settle: () => put(desk.drawn.nodes.get(at)?.getAttribute("role") === "button" ? at : stops()[0]?.[0] ?? null),
  };
}

function acts(desk, { target }, { at, go, stops }) {
  const { zoom, near } = desk.canvas;
  const bigger = () => zoom.by(NEARER), names = stops().map(([name]) => name);
  return {
    "+": bigger, "=": bigger, "-": () => zoom.by(1 / NEARER), 0: zoom.fit,
    Home: () => go(names[0]), End: () => go(names.at(-1)), o: () => desk.canvas.toggle(at), f: () => near.next(at),
    e: () => nextEdge(desk, at, edgeOf(target)),
    "/": () => desk.canvas.search.focus(), "?": () => desk.canvas.panel("keys"),
    Escape: () => (edgeOf(target) === null ? desk.canvas.close() : go(at)),
  };
}

const edgeOf = (target) => target.closest("[data-edge]")?.dataset.edge ?? null;

function nextEdge(desk, at, edge) {
  const { edges } = desk.drawn, ends = (index) => desk.canvas.ends(index);
  const [out, into] = [0, 1].map((side) => [...edges.keys()].filter((index) => ends(index)[side] === at));
  const all = [...new Set([...out, ...into])], next = all[(all.indexOf(Number(edge ?? -1)) + 1) % all.length];
  edges.get(next)?.group.focus();
}

function move(desk, { key, shiftKey, target }, at, go, stops) {
  const [across, down] = TOWARDS[key], edge = edgeOf(target);
  if (shiftKey) return desk.canvas.zoom.pan(PAN * across, PAN * down);
  const { ways, direction } = desk.canvas, { after, before } = ways(), along = ALONG[direction || "LR"][key];
  const next = (map, name) => map.get(name) || [];
  if (edge !== null) return along ? go(desk.canvas.ends(edge)[along === "after" ? 1 : 0]) : nextEdge(desk, at, edge);
  if (along) return go(nearest(desk, at, next(ways()[along], at), TOWARDS[key], false));
  const beside = [...next(before, at).flatMap((name) => next(after, name)), ...next(after, at).flatMap((name) => next(before, name))];
  return go(nearest(desk, at, beside, TOWARDS[key], true) ?? nearest(desk, at, stops().map(([name]) => name), TOWARDS[key], true));
}

// of those the one that is straight ahead; `only` there, or, where an edge leads back, wherever it is
function nearest(desk, at, names, [across, down], only) {
  const middle = (name) => {
    const { left, right, top, bottom } = desk.drawn.nodes.get(name).getBoundingClientRect();
    return [(left + right) / 2, (top + bottom) / 2];
  };
  const [x, y] = middle(at);
  const rated = names.filter((name) => name !== at && desk.drawn.nodes.has(name)).map((name) => {
    const [right, below] = middle(name).map((value, side) => value - (side ? y : x));
    const ahead = right * across + below * down, aside = Math.abs(right * down) + Math.abs(below * across);
    return [name, ahead > 1, ahead > 1 ? ahead + 2 * aside : -ahead + 2 * aside];
  });
  const fit = only ? rated.filter(([, ahead]) => ahead) : rated;
  return fit.sort((one, other) => other[1] - one[1] || one[2] - other[2])[0]?.[0];
}
