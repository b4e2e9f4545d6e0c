// A node and its neighbours, the rest dimmed.
const HOPS = 2;

export function neighbourhood(desk, told) {
  let centre = null, hops = 0;
  function paint() {
    if (!desk.drawn.nodes.has(centre)) hops = 0;
    const kept = hops ? within(desk, centre, hops) : null;
    desk.drawn.nodes.forEach((group, name) => fade(group, kept && !kept.has(name)));
    desk.drawn.edges.forEach(({ group }, index) => fade(group, kept && !desk.canvas.ends(index).every((name) => kept.has(name))));
    told(hops, centre);
  }
  return {
    next(name) {
      hops = name === centre ? (hops + 1) % (HOPS + 1) : 1;
      centre = name;
      paint();
    },
    off() {
      const was = hops > 0;
      hops = 0;
      paint();
      return was;
    },
    again: paint,
  };
}

const fade = (group, faded) => group.classList.toggle("nbgraph-faded", Boolean(faded));

function within(desk, centre, hops) {
  const { after, before } = desk.canvas.ways(), kept = new Set([centre]);
  for (let hop = 0; hop < hops; hop += 1) {
    const dots = [...kept].flatMap((name) => dotsOf(desk, name));
    [...kept].forEach((name) => [after, before].forEach((map) => map.get(name)?.forEach((other) => kept.add(other))));
    dots.forEach((name) => kept.add(name));
  }
  return kept;
}

// START and END, which no way stops at
function dotsOf(desk, name) {
  const beside = [...desk.drawn.edges.keys()].map(desk.canvas.ends).filter((ends) => ends.includes(name)).flat();
  return beside.filter((other) => desk.drawn.nodes.get(other)?.matches(".nbgraph-start, .nbgraph-end"));
}
