// Names to choose from below a field: of people whom the reader shares something with, for administrators of everybody.
import { element } from "./dom.js";
import { call } from "./http.js";

const MOST = 20;
let made = 0;

// `others` are names that are offered beside those of people, such as teams.
export function suggestPeople(input, others = []) {
  const list = element("datalist", { id: `people-${++made}` });
  const fixed = others.map((name) => element("option", { value: name }, "team"));
  list.append(...fixed);
  input.setAttribute("list", list.id);
  input.after(list);
  let asked = 0;
  let waiting;

  async function ask() {
    const number = ++asked;
    try {
      const { items } = await call("GET", "api/people", { search: input.value.trim(), size: MOST });
      if (number !== asked) return; // a later question was faster
      list.replaceChildren(...fixed, ...items.map(({ username, display_name: shown }) => element("option", { value: username }, shown)));
    } catch {
      // Then names are typed without help.
    }
  }

  input.addEventListener("focus", ask, { once: true });
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(ask, 200);
  });
}

// The same for all fields of a page that are marked.
export const suggestWhereMarked = () => document.querySelectorAll("input[data-people]").forEach((input) => suggestPeople(input));
