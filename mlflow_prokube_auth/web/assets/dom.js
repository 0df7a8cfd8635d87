// What our pages are built with: elements, times in the reader's own language, the box that tells of a problem.
// Whatever comes from the server becomes text, never markup.
import { Problem, call, framed, own } from "./http.js";

export const at = (id) => document.getElementById(id);

export function element(name, properties, ...children) {
  const { data, label, role, ...rest } = properties || {};
  const made = Object.assign(document.createElement(name), rest);
  Object.assign(made.dataset, data);
  if (label) made.setAttribute("aria-label", label);
  if (role) made.setAttribute("role", role);
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

export const link = (text, href) => element("a", { href }, text);

// "5 Mar 2026, 14:05" in the reader's own language and time zone.
export function showTime(time) {
  const moment = new Date(time.dateTime);
  if (Number.isNaN(moment.getTime())) return;
  time.textContent = moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  time.title = time.dateTime;
}

export function timeElement(iso) {
  const made = element("time", { dateTime: iso });
  showTime(made);
  return made;
}

// Whose session has ended comes back to this page.
export function showProblem(box, problem) {
  if (!(problem instanceof Problem)) throw problem;
  box.replaceChildren(problem.message);
  if (problem.status === 401) {
    const again = link("Log in again", own("login?next=" + encodeURIComponent(location.pathname + location.search)));
    if (framed) again.target = "_top";
    box.append(" ", again, ".");
  }
  box.hidden = false;
  box.scrollIntoView({ block: "nearest" });
}

// The answer's JSON, or null after the problem has been shown in the page's own box.
export async function callOrShow(method, path, sent) {
  const box = at("page-error");
  box.hidden = true;
  try {
    return await call(method, path, sent);
  } catch (problem) {
    showProblem(box, problem);
    return null;
  }
}
