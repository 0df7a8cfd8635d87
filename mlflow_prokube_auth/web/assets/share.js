// Share one resource: give, change, remove, hand over. The server answers with all holders; the table shows them.
"use strict";
(() => {
  const { base } = window.prokubePage;
  const at = (id) => document.getElementById(id);
  const { kind, id } = at("sharing").dataset;
  const teams = new Set([...document.querySelectorAll("#share-teams option")].map((option) => option.value));
  const me = [...document.querySelectorAll("#holders tbody td")].map((cell) => cell.textContent).find((text) => text.endsWith(" (you)"))?.slice(0, -6);

  function say(boxId, text) {
    for (const each of ["page-error", "share-done"]) at(each).hidden = each !== boxId;
    at(boxId).textContent = text;
    at(boxId).scrollIntoView({ block: "nearest" });
  }

  // The answer's JSON, or null after the problem has been shown.
  async function call(method, path, body) {
    let response;
    try {
      response = await fetch(base + "prokube-auth/api/sharing" + path, {
        method,
        credentials: "same-origin",
        headers: { Accept: "application/json", "Content-Type": "application/json" },
        body: JSON.stringify({ kind, id, ...body }),
      });
    } catch {
      say("page-error", "The server does not answer. Check your connection and try again.");
      return null;
    }
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer;
    say("page-error", response.status === 401 ? "You were signed out. Log in again." : answer.message || `The server answered ${response.status}. Try again.`);
    return null;
  }

  function element(name, properties, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  function row(holder) {
    const who = (holder.kind === "user" ? "" : holder.kind + " ") + holder.name + (holder.name === me ? " (you)" : "");
    const last = element("td", {});
    if (holder.fixed) last.append(element("span", { className: "quiet" }, "by a rule or on all of its kind"));
    else {
      const button = element("button", { type: "button", className: "button" }, "Remove", element("span", { className: "sr-only" }, " " + holder.name));
      button.dataset.remove = "";
      last.append(button);
    }
    const cells = [element("td", {}, who), element("td", {}, element("span", { className: "tag" }, holder.level)), last];
    cells[0].dataset.label = "Who";
    cells[1].dataset.label = "Level";
    const made = element("tr", {}, ...cells);
    Object.assign(made.dataset, { holder: holder.kind, name: holder.name, fixed: holder.fixed });
    return made;
  }

  const show = (holders) => document.querySelector("#holders tbody").replaceChildren(...holders.map(row));
  const whom = (text) => (teams.has(text) ? { team: text } : { user: text });

  at("share-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const name = at("share-with").value.trim();
    const answer = await call("POST", "", { ...whom(name), level: at("share-level").value });
    if (!answer) return;
    show(answer.holders);
    say("share-done", `${name} has ${at("share-level").value} now.`);
    at("share-with").value = "";
    at("share-with").focus();
  });

  at("holders").addEventListener("click", async (event) => {
    const button = event.target.closest("[data-remove]");
    if (!button) return;
    const { holder, name } = button.closest("tr").dataset;
    button.disabled = true;
    const answer = await call("DELETE", "", { [holder]: name });
    button.disabled = false;
    if (!answer) return;
    show(answer.holders);
    say("share-done", `${name} has no access any more.`);
  });

  at("hand-over-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await call("POST", "/hand-over", { user: at("hand-over-to").value.trim() });
    if (answer) location.assign(base + "prokube-auth/permissions");
  });

  document.querySelectorAll("[disabled]").forEach((button) => { button.disabled = false; });
})();
