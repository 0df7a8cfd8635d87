// Entries in MLflow's side bar, on every page: its avatar menu lies below the fold inside an experiment.

const SVG = "http://www.w3.org/2000/svg";

export const KEY = "M5.5 5a3 3 0 1 0 2.83 4H10v1.5h1.5V9H13v1.5h1.5V9H16V7.5H8.33A3 3 0 0 0 5.5 5m0 1.5a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3";
export const PEOPLE = "M6 2a3 3 0 1 1 0 6 3 3 0 0 1 0-6m0 1.5a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3M0 14c0-3 2.5-5 6-5s6 2 6 5h-1.5c0-2-1.9-3.5-4.5-3.5S1.5 12 1.5 14zM11 2.2a3 3 0 0 1 0 5.6V6.1a1.5 1.5 0 0 0 0-2.2zM12.5 9.5c2.2.7 3.5 2.3 3.5 4.5h-1.5c0-1.3-.8-2.3-2-2.9z";
export const LEAVE = "M2 2h6v1.5H3.5v9H8V14H2zM10.2 4.7 13.5 8l-3.3 3.3-1.06-1.06 1.49-1.49H6v-1.5h4.63L9.14 5.760z";

// MLflow's own links at the foot of the bar. React draws them anew as it likes, so nothing of them is kept.
function foot() {
  const avatar = document.querySelector('aside button[aria-label^="Account menu for "]');
  const settings = document.querySelector('aside a[href="#/settings"]');
  for (const list of [avatar?.parentElement?.parentElement, settings?.closest("li")?.parentElement]) {
    const links = [...(list?.querySelectorAll(":scope > li:not(.prokube-side) > a") ?? [])];
    // The page that is open has another look.
    const model = links.find((link) => !link.hasAttribute("aria-current")) ?? links[0];
    if (model) return { list, model, isCollapsed: !model.textContent.trim() };
  }
  return null;
}

function icon(model, path) {
  const box = model.querySelector('[role="img"]')?.cloneNode(false) ?? document.createElement("span");
  const picture = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({ width: "1em", height: "1em", fill: "none", viewBox: "0 0 16 16", "aria-hidden": "true" })) {
    picture.setAttribute(name, value);
  }
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  line.setAttribute("fill", "currentColor");
  picture.append(line);
  box.append(picture);
  return box;
}

function entry(model, isCollapsed, { id, text, title, path, href, act }) {
  const link = document.createElement("a");
  link.id = id;
  link.className = model.className;
  link.href = href;
  link.append(icon(model, path));
  if (title || isCollapsed) link.title = title || text;
  if (isCollapsed) link.setAttribute("aria-label", title || text);
  else link.append(text);
  if (act) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      act();
    });
  }
  const item = document.createElement("li");
  item.className = "prokube-side";
  item.append(link);
  return item;
}

// Put the entries above MLflow's links at the foot, once; each is { id, text, title, path, href, act }, of which
// title (the text in full) and act (in the place of the link) may be absent.
export function extendSidebar(entries) {
  const found = foot();
  if (!found) return;
  const { list, model, isCollapsed } = found;
  const state = [isCollapsed, model.className, ...entries.map(({ id, href }) => id + href)].join(" ");
  const there = [...document.querySelectorAll("aside .prokube-side")];
  if (there.length === entries.length && there.every((item) => item.parentElement === list) && list.dataset.prokube === state) return;
  const focused = there.find((item) => item.contains(document.activeElement))?.firstChild.id;
  there.forEach((item) => item.remove());
  list.prepend(...entries.map((each) => entry(model, isCollapsed, each)));
  list.dataset.prokube = state;
  if (focused) document.getElementById(focused)?.focus();
}
