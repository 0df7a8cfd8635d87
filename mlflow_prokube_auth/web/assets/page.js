// What every page needs: the mark of a scripted page, MLflow's colours, logout, dates, copy buttons, and the way out of a frame.
"use strict";
(() => {
  const base = document.documentElement.dataset.base;
  const framed = window.self !== window.top;
  document.documentElement.classList.add("js");

  // The switch in MLflow's UI; without it the system's colours hold.
  let dark = null;
  try { dark = localStorage.getItem("_mlflow_dark_mode_toggle_enabled"); } catch { /* The browser keeps nothing. */ }
  if (dark !== null) document.documentElement.classList.add(dark === "true" ? "dark" : "light");

  // Buttons wait for the page's own script; where it does not come, they would be dead without a word.
  function sayNotLoaded() {
    const notice = document.createElement("p");
    notice.id = "not-loaded";
    notice.className = "notice error";
    notice.setAttribute("role", "alert");
    notice.textContent = "A part of this page did not load, so its buttons do not work. Reload the page.";
    document.getElementById("content").prepend(notice);
  }

  // Such errors do not bubble, so they are caught on their way down.
  window.addEventListener("error", (event) => {
    if (!(event.target instanceof HTMLScriptElement)) return;
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", sayNotLoaded);
    else sayNotLoaded();
  }, true);

  // Keycloak refuses to be framed, so it gets the whole window (Kubeflow's dashboard frames us).
  function leave(url) {
    if (framed) window.top.location.href = url;
    else location.assign(url);
  }

  async function logOut(button) {
    button.disabled = true;
    try {
      const response = await fetch(base + "prokube-auth/logout", {
        method: "POST",
        credentials: "same-origin",
        headers: { Accept: "application/json" },
      });
      const answer = await response.json().catch(() => ({}));
      // Without a session there is nothing to end: the login page is where a logout leads anyway.
      leave(answer.redirect || base + "prokube-auth/login");
    } catch {
      button.disabled = false;
      button.textContent = "Log out (no answer, try again)";
    }
  }

  // "5 Mar 2026, 14:05" in the reader's own language and time zone.
  function showTime(element) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) return;
    element.textContent = moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
    element.title = element.dateTime;
  }

  // navigator.clipboard exists only over https and on localhost.
  async function copyText(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const field = document.createElement("textarea");
      field.value = text;
      field.className = "sr-only";
      document.body.append(field);
      field.select();
      let done = false;
      try { done = document.execCommand("copy"); } catch { /* Then the reader copies by hand. */ }
      field.remove();
      return done;
    }
  }

  async function copy(button) {
    const at = (id) => document.getElementById(id);
    const source = at(button.dataset.copy);
    const done = await copyText(source.value ?? source.textContent);
    const label = button.firstChild;
    button.focus();
    at("copy-status").textContent = done ? "Copied" : "Copying did not work. Select the text and copy it yourself.";
    if (!done && source.select) source.select();
    label.textContent = done ? "Copied" : "Select and copy";
    setTimeout(() => {
      label.textContent = "Copy";
      at("copy-status").textContent = "";
    }, 2500);
  }

  window.prokubePage = { base, showTime };

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("time[datetime]").forEach(showTime);
    if (framed) document.querySelectorAll("a[data-top]").forEach((link) => link.setAttribute("target", "_top"));
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-logout]");
    if (button) logOut(button);
    const copier = event.target.closest("[data-copy]");
    if (copier) copy(copier);
  });
})();
