// Acts that begin with a press: buttons are off while they work, a question comes before what ends something, and the
// page says what happened. It has the boxes "page-error" and "page-done".
import { at, element, showProblem } from "./dom.js";

export function button(text, run, look = "", data = {}) {
  const made = element("button", { type: "button", className: `button ${look}`.trim(), data }, text);
  made.addEventListener("click", () => run(made));
  return made;
}

// What went wrong, in the page's own box.
export function failed(problem) {
  at("page-done").hidden = true;
  showProblem(at("page-error"), problem);
}

// What happened; with `undo`, a button that takes it back.
export function done(text, undo) {
  const box = at("page-done");
  at("page-error").hidden = true;
  box.replaceChildren(text);
  if (undo) box.append(" ", button("Undo", () => attempt(box, null, undo), "small", { undo: "" }));
  box.hidden = false;
}

export const problemBox = () => element("p", { className: "notice error", role: "alert", hidden: true });

// Work that begins with a press: nothing is pressed twice, what goes wrong is told in `box` (or the page's own), and
// the focus stays where it was unless the work moves it.
export async function attempt(within, box, work) {
  const pressed = document.activeElement;
  const buttons = [...within.querySelectorAll("button:not([disabled])")];
  buttons.forEach((each) => { each.disabled = true; });
  if (box) box.hidden = true;
  try {
    await work();
  } catch (problem) {
    if (box) showProblem(box, problem);
    else failed(problem);
  } finally {
    buttons.forEach((each) => { each.disabled = false; });
    // A button that is off loses the focus.
    if (pressed?.isConnected && document.activeElement === document.body) pressed.focus();
  }
}

// The question before something is done; Cancel is to be focused, so that a second Enter does nothing. `within` holds
// the buttons that are off meanwhile, `run` and `conflict` get the element that `extra` is in.
export function question(within, { text, action, extra, run, conflict, cancel }) {
  const box = problemBox();
  const more = element("div", {}, ...(extra ? [extra] : []));
  const go = button(action, () => attempt(within, box, async () => {
    try {
      await run(more);
    } catch (problem) {
      if (problem.status === 409 && conflict) conflict(more);
      throw problem;
    }
  }), "danger", { confirm: "" });
  const stop = button("Cancel", cancel);
  stop.setAttribute("aria-describedby", "question");
  const asked = element("p", { id: "question", data: { question: "" } }, ...[text].flat());
  return { parts: [asked, more, box, element("p", { className: "actions" }, go, stop)], stop };
}
