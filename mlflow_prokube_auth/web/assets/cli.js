// Allow a login on the command line: get the code, and take it to the waiting command or show it.
"use strict";
(() => {
  const { base } = window.prokubePage;
  const at = (id) => document.getElementById(id);

  function showProblem(text, withLogin) {
    const box = at("page-error");
    box.textContent = text;
    if (withLogin) {
      const link = document.createElement("a");
      link.href = location.href; // without a session it leads through login and back
      link.textContent = "Log in again";
      box.append(" ", link, ".");
    }
    box.hidden = false;
    at("allow").disabled = false;
    at("allow").focus();
  }

  function showCode(code) {
    at("code").value = code;
    at("consent").hidden = true;
    at("code-card").hidden = false;
    at("copy-code").focus();
  }

  // The server never names another place; this page would not go there either.
  function isLoopback(address) {
    const url = new URL(address);
    return url.protocol === "http:" && url.hostname === "127.0.0.1";
  }

  async function allow() {
    at("allow").disabled = true;
    at("page-error").hidden = true;
    let response;
    try {
      response = await fetch(base + "prokube-auth/api/cli/consent", {
        method: "POST",
        credentials: "same-origin",
        headers: { Accept: "application/json", "Content-Type": "application/json" },
        body: JSON.stringify(Object.fromEntries(new URLSearchParams(location.search))),
      });
    } catch {
      showProblem("The server does not answer. Check your connection and try again.");
      return;
    }
    const answer = await response.json().catch(() => ({}));
    if (response.status === 401) showProblem("You were logged out.", true);
    else if (answer.redirect && isLoopback(answer.redirect)) location.replace(answer.redirect);
    else if (answer.code) showCode(answer.code);
    else showProblem(answer.message || `The server answered ${response.status}. Try again.`);
  }

  at("allow").addEventListener("click", allow);
  at("code").addEventListener("focus", (event) => event.target.select());
  at("allow").disabled = false;
  // Back from the command's page, out of the browser's cache: the button works again.
  window.addEventListener("pageshow", (event) => { if (event.persisted) at("allow").disabled = false; });
})();
