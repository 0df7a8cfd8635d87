// What the administrators' pages share: calls, tables page by page, rows that unfold, and the question before
// something is done.
import { attempt, button, failed, question } from "./acts.js";
import { at, element, timeElement } from "./dom.js";
import { call as request, own } from "./http.js";
import { suggestPeople, suggestWhereMarked } from "./suggest.js";

export const page = at("admin").dataset;

// --- elements -----------------------------------------------------------------------------

export const tag = (text, look = "") => element("span", { className: `tag ${look}`.trim() }, text);
export const quiet = (...children) => element("span", { className: "quiet" }, ...children);
export const section = (name, query = {}) => own(`admin/${name}?${new URLSearchParams(query)}`);

export function time(iso, otherwise = "never") {
  return iso ? timeElement(iso) : quiet(otherwise);
}

// A label above its field.
export function field(text, control) {
  return element("label", { className: "field" }, text, control);
}

// --- calls --------------------------------------------------------------------------------

export const call = (method, path, sent) => request(method, "api/admin/" + path, sent);

export function onSubmit(form, work) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(form, null, () => work(Object.fromEntries(new FormData(form))));
  });
  form.querySelectorAll("[disabled]").forEach((each) => { each.disabled = false; });
}

// --- rows that unfold ---------------------------------------------------------------------

let unfolded = null;

function fold(focus = true) {
  if (!unfolded) return;
  const { row, opener } = unfolded;
  unfolded = null;
  row.remove();
  opener.setAttribute("aria-expanded", "false");
  if (focus) opener.focus();
}

// Below the row of `opener`, one at a time. `fill(panel)` puts in what can be done.
function unfold(opener, title, fill) {
  const again = unfolded?.opener === opener;
  fold(again);
  if (again) return;
  at("page-done").hidden = true;
  const above = opener.closest("tr");
  const heading = element("h3", { tabIndex: -1 }, title);
  const content = element("div", {});
  const box = element("div", { className: "panel", role: "group", label: title }, heading, content);
  const row = element("tr", { className: "unfolded" }, element("td", { colSpan: above.children.length }, box));
  const panel = {
    element: box,
    show: (...children) => content.replaceChildren(...children.flat().filter(Boolean)),
    // As it was before a question, or with what is true by now.
    again: () => attempt(box, null, async () => { await fill(panel); heading.focus(); }),
  };
  above.after(row);
  opener.setAttribute("aria-expanded", "true");
  unfolded = { row, opener };
  heading.focus();
  attempt(box, null, () => fill(panel));
}

export const unfoldButton = (text, name, fill) => {
  const made = element("button", { type: "button", className: "button small", data: { unfold: name } },
    text, element("span", { className: "sr-only" }, " " + name));
  made.setAttribute("aria-expanded", "false");
  made.addEventListener("click", () => unfold(made, name, fill));
  return made;
};

// The question before something is done, in the place of the buttons that led to it.
export function ask(panel, asked) {
  const { parts, stop } = question(panel.element, { ...asked, cancel: panel.again });
  panel.show(...parts);
  stop.focus();
}

// What is to be deleted is the last to manage something: who does from then on.
export function askForSuccessor(more, text) {
  if (more.querySelector("input")) return;
  const input = element("input", { type: "text", name: "successor", maxLength: 255, spellcheck: false, placeholder: "name@example.com", autocomplete: "off" });
  more.replaceChildren(field(text, input));
  suggestPeople(input);
  input.focus();
}

export const successorOf = (more) => more.querySelector("input")?.value.trim();
export const inherited = ({ successor, inherited: number }) => (successor ? ` ${successor} now manages ${number} of its resources.` : "");

suggestWhereMarked();
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented) fold();
});

// --- tables -------------------------------------------------------------------------------

const SIZE = 25;

// A table of what `path` answers, page by page. Filters are the fields of `form`; they and the page stand in
// the address, so that a reload and the way back lead to the same rows.
export function list({ path, columns, data, change = (filters) => filters, loaded = () => {} }) {
  const table = at("list");
  const form = at("filters");
  const fields = form ? [...form.elements].filter((each) => each.name) : [];
  const head = element("tr", {}, columns.map(({ label, hidden }) =>
    element("th", { scope: "col" }, hidden ? element("span", { className: "sr-only" }, label) : label)));
  const body = element("tbody", {});
  table.replaceChildren(...table.querySelectorAll("caption"), element("thead", {}, head), body);
  const given = new URLSearchParams(location.search);
  let first = Math.max(0, Number.parseInt(given.get("first") || "0", 10) || 0);
  let asked = 0;
  for (const each of fields) if (given.has(each.name)) each.value = given.get(each.name);

  const back = button("Previous", () => turn(-SIZE), "small");
  const next = button("Next", () => turn(SIZE), "small");
  const where = element("span", { role: "status" });
  at("pager").replaceChildren(where, element("span", { className: "actions" }, back, next));

  function turn(by) {
    first = Math.max(0, first + by);
    at("page-done").hidden = true;
    load();
  }

  function row(item) {
    const made = element("tr", { data: data ? data(item) : {} });
    for (const { label, hidden, cell } of columns) {
      const content = [cell(item)].flat();
      made.append(element("td", { data: hidden ? {} : { label } }, element("div", {}, ...content)));
    }
    return made;
  }

  async function load() {
    const number = ++asked;
    const filters = Object.fromEntries(fields.map((each) => [each.name, each.value.trim()]).filter(([, value]) => value));
    const query = new URLSearchParams(first ? { ...filters, first } : filters).toString();
    history.replaceState(null, "", location.pathname + (query ? "?" + query : ""));
    try {
      const sent = change(filters);
      const answer = await call("GET", path, { ...sent, first, size: SIZE });
      if (number !== asked) return; // a later search was faster
      const { items, total } = answer;
      if (!items.length && first) {
        first = Math.max(0, Math.floor((total - 1) / SIZE) * SIZE);
        await load();
        return;
      }
      fold(false);
      body.replaceChildren(...items.map(row));
      table.hidden = !items.length;
      at("nothing").hidden = Boolean(items.length);
      at("pager").hidden = !items.length;
      where.textContent = items.length ? `${first + 1} to ${first + items.length} of ${total}` : "";
      const held = document.activeElement;
      back.disabled = first === 0;
      next.disabled = first + items.length >= total;
      if (held?.disabled) (held === next ? back : next).focus(); // a button that is off loses the focus
      back.parentElement.hidden = total <= SIZE;
      at("page-error").hidden = true;
      loaded(answer, sent);
    } catch (problem) {
      if (number === asked) failed(problem);
    }
  }

  let waiting;
  form?.addEventListener("input", () => {
    at("page-done").hidden = true;
    clearTimeout(waiting);
    waiting = setTimeout(() => { first = 0; load(); }, 250);
  });
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(waiting);
    first = 0;
    load();
  });

  // After a change: the rows as they are now, and the focus where it was.
  async function refresh(name) {
    await load();
    const opener = [...body.querySelectorAll("[data-unfold]")].find((each) => each.dataset.unfold === name);
    (opener || at("title")).focus();
  }

  load();
  return { load, refresh, body };
}
