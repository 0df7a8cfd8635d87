// What the administrators' pages share: calls, tables page by page, rows that unfold, and the question before
// something is done. Whatever comes from the server becomes text, never markup.
"use strict";
(() => {
  const { base, showTime } = window.prokubePage;
  const at = (id) => document.getElementById(id);
  const page = at("admin").dataset;

  // --- elements -----------------------------------------------------------------------------

  function element(name, properties, ...children) {
    const { data, label, role, ...rest } = properties || {};
    const made = Object.assign(document.createElement(name), rest);
    Object.assign(made.dataset, data);
    if (label) made.setAttribute("aria-label", label);
    if (role) made.setAttribute("role", role);
    made.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return made;
  }

  function button(text, run, look = "", data = {}) {
    const made = element("button", { type: "button", className: `button ${look}`.trim(), data }, text);
    made.addEventListener("click", () => run(made));
    return made;
  }

  const tag = (text, look = "") => element("span", { className: `tag ${look}`.trim() }, text);
  const quiet = (...children) => element("span", { className: "quiet" }, ...children);
  const link = (text, href) => element("a", { href }, text);
  const section = (name, query = {}) => `${base}prokube-auth/admin/${name}?${new URLSearchParams(query)}`;

  function time(iso, otherwise = "never") {
    if (!iso) return quiet(otherwise);
    const made = element("time", { dateTime: iso });
    showTime(made);
    return made;
  }

  // A label above its field.
  function field(text, control) {
    return element("label", { className: "field" }, text, control);
  }

  // --- calls --------------------------------------------------------------------------------

  class Problem extends Error {
    constructor(status, message) {
      super(message);
      this.status = status;
    }
  }

  async function call(method, path, sent) {
    const query = method === "GET" && sent ? "?" + new URLSearchParams(sent) : "";
    let response;
    try {
      response = await fetch(`${base}prokube-auth/api/admin/${path}${query}`, {
        method,
        credentials: "same-origin",
        headers: { Accept: "application/json", "Content-Type": "application/json" },
        body: method === "GET" || !sent ? undefined : JSON.stringify(sent),
      });
    } catch {
      throw new Problem(0, "The server does not answer. Check your connection and try again.");
    }
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer;
    if (response.status === 401) throw new Problem(401, "You were logged out. ");
    throw new Problem(response.status, answer.message || `The server answered ${response.status}. Try again.`);
  }

  function tell(box, problem) {
    if (!(problem instanceof Problem)) throw problem;
    box.replaceChildren(problem.message);
    if (problem.status === 401) {
      const again = link("Log in again", `${base}prokube-auth/login?next=${encodeURIComponent(location.pathname + location.search)}`);
      if (window.self !== window.top) again.target = "_top";
      box.append(again, ".");
    }
    box.hidden = false;
    box.scrollIntoView({ block: "nearest" });
  }

  const failed = (problem) => {
    at("page-done").hidden = true;
    tell(at("page-error"), problem);
  };

  function done(text) {
    at("page-error").hidden = true;
    at("page-done").hidden = false;
    at("page-done").textContent = text;
  }

  const problemBox = () => element("p", { className: "notice error", role: "alert", hidden: true });

  // Work that begins with a press: nothing is pressed twice, and what goes wrong is told in `box`.
  async function attempt(within, box, work) {
    const pressed = document.activeElement;
    const buttons = [...within.querySelectorAll("button:not([disabled])")];
    buttons.forEach((each) => { each.disabled = true; });
    if (box) box.hidden = true;
    try {
      await work();
    } catch (problem) {
      buttons.forEach((each) => { each.disabled = false; });
      if (box) tell(box, problem);
      else failed(problem);
      // Unless the problem has led to a field that is to be filled.
      if (pressed?.isConnected && !document.activeElement?.matches("input, select")) pressed.focus();
      return;
    }
    buttons.forEach((each) => { each.disabled = false; });
  }

  function onSubmit(form, work) {
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

  const unfoldButton = (text, name, fill) => {
    const made = element("button", { type: "button", className: "button small", data: { unfold: name } },
      text, element("span", { className: "sr-only" }, " " + name));
    made.setAttribute("aria-expanded", "false");
    made.addEventListener("click", () => unfold(made, name, fill));
    return made;
  };

  // The question before something is done, in the place of the buttons that led to it.
  function ask(panel, { text, action, extra, run, conflict }) {
    const box = problemBox();
    const more = element("div", {}, ...(extra ? [extra] : []));
    const go = button(action, () => attempt(panel.element, box, async () => {
      try {
        await run(more);
      } catch (problem) {
        if (problem.status === 409 && conflict) conflict(more);
        throw problem;
      }
    }), "danger", { confirm: "" });
    const stop = button("Cancel", panel.again);
    stop.setAttribute("aria-describedby", "question");
    panel.show(element("p", { id: "question", data: { question: "" } }, text), more, box, element("p", { className: "actions" }, go, stop));
    stop.focus();
  }

  // What is to be deleted is the last to manage something: who does from then on.
  function askForHeir(more, text) {
    if (more.querySelector("input")) return;
    const input = element("input", { type: "text", name: "heir", maxLength: 255, spellcheck: false, placeholder: "name@example.com", autocomplete: "off" });
    more.replaceChildren(field(text, input));
    input.focus();
  }

  const heirOf = (more) => more.querySelector("input")?.value.trim();
  const inherited = ({ heir, inherited: number }) => (heir ? ` ${heir} manages ${number} resources of it now.` : "");

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) fold();
  });

  // --- tables -------------------------------------------------------------------------------

  const SIZE = 25;

  // A table of what `path` answers, page by page. Filters are the fields of `form`; they and the page stand in
  // the address, so that a reload and the way back lead to the same rows.
  function list({ path, columns, data, change = (filters) => filters, loaded = () => {} }) {
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
        const answer = await call("GET", path, { ...change(filters), first, size: SIZE });
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
        back.disabled = first === 0;
        next.disabled = first + items.length >= total;
        back.parentElement.hidden = total <= SIZE;
        at("page-error").hidden = true;
        loaded(answer);
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

  window.prokubeAdmin = {
    Problem, ask, askForHeir, at, attempt, base, button, call, done, element, field, heirOf, inherited, link, list,
    onSubmit, page, problemBox, quiet, section, tag, time, unfoldButton,
  };
})();
