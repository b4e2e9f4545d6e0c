// Nearer and farther, and along: the picture in a box that scrolls.
const LEAST = 0.05, MOST = 8, READABLE = 0.72, HIGH = 900;

export function zoomable(root) {
  let chosen = null; // null: as wide as there is room for
  const svg = () => root.firstElementChild;
  const width = () => Number(svg().getAttribute("width")) || 1, height = () => Number(svg().getAttribute("height")) || 1;
  const scale = () => svg().getBoundingClientRect().width / width();

  function put(wanted) {
    chosen = wanted;
    root.classList.toggle("nbgraph-zoomed", wanted !== null);
    root.style.setProperty("--readable", `${READABLE * width()}px`); // where there is less room, the inspector stands below
    Object.assign(svg().style, wanted === null
      ? { width: "", maxWidth: "", minWidth: `${READABLE * width()}px` } // smaller its labels would be hard to read, so it scrolls
      : { width: `${wanted * width()}px`, maxWidth: "none", minWidth: "0" });
    root.classList.toggle("nbgraph-loose", root.scrollWidth > root.clientWidth + 1 || root.scrollHeight > root.clientHeight + 1);
  }

  // what is below the point stays there; without one what is in the middle
  function by(factor, x, y) {
    const box = root.getBoundingClientRect(), was = svg().getBoundingClientRect();
    const [at, on] = [x ?? box.left + box.width / 2, y ?? box.top + box.height / 2];
    put(Math.min(Math.max(scale() * factor, LEAST), MOST));
    const now = svg().getBoundingClientRect();
    root.scrollLeft += now.left + ((at - was.left) / was.width) * now.width - at;
    root.scrollTop += now.top + ((on - was.top) / was.height) * now.height - on;
  }

  function fit() {
    const whole = Math.min(1, root.clientWidth / width(), Math.min(HIGH, innerHeight * 0.85) / height());
    put(chosen === whole || whole === Math.min(1, Math.max(READABLE, root.clientWidth / width())) ? null : whole);
  }

  function reveal(group) {
    const box = root.getBoundingClientRect(), shape = group.getBoundingClientRect();
    const off = (from, to, least, most) => (from < least || to > most ? (from + to - least - most) / 2 : 0);
    pan(off(shape.left, shape.right, box.left + 20, box.right - 20), off(shape.top, shape.bottom, box.top + 20, box.bottom - 20));
  }

  const pan = (across, down) => root.scrollBy(across, down);
  heedWheel(root, by);
  heedDrag(root, pan);
  heedPinch(root, by);
  return { by, fit, pan, reveal, scale, again: () => put(chosen) };
}

function heedWheel(root, by) {
  let waiting = null;
  root.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    const { deltaY, deltaMode, clientX, clientY } = event, pixels = deltaY * (deltaMode ? 24 : 1);
    if (waiting) return void (waiting.factor *= factorOf(pixels));
    waiting = { factor: factorOf(pixels) };
    requestAnimationFrame(() => { by(waiting.factor, clientX, clientY); waiting = null; });
  }, { passive: false });
}

const factorOf = (pixels) => Math.exp(-Math.max(-120, Math.min(120, pixels)) / 300);

function heedDrag(root, pan) {
  root.addEventListener("pointerdown", (event) => {
    if (event.button || event.pointerType === "touch" || event.target.closest("[role=button]")) return;
    const drag = (move) => pan(-move.movementX, -move.movementY);
    const drop = () => { root.removeEventListener("pointermove", drag); root.classList.remove("nbgraph-held"); };
    root.setPointerCapture(event.pointerId);
    root.classList.add("nbgraph-held");
    root.addEventListener("pointermove", drag);
    ["pointerup", "pointercancel"].forEach((end) => root.addEventListener(end, drop, { once: true }));
    event.preventDefault(); // selects no text
  });
}

function heedPinch(root, by) {
  let apart = null;
  root.addEventListener("touchmove", (event) => {
    if (event.touches.length !== 2) return;
    event.preventDefault();
    const [one, other] = event.touches;
    const now = Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
    if (apart) by(now / apart, (one.clientX + other.clientX) / 2, (one.clientY + other.clientY) / 2);
    apart = now;
  }, { passive: false });
  ["touchend", "touchcancel"].forEach((end) => root.addEventListener(end, () => { apart = null; }));
}
