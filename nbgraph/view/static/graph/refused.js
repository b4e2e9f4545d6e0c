// What the kernel refused, as a sentence.
import { make } from "./make.js";

export function refused() {
  const root = make("div", "refused");
  root.setAttribute("role", "alert");
  return { root, refused: (text) => { root.textContent = text; } };
}
