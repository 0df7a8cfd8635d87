// What every page needs: the mark of a scripted page, logout, dates, copy buttons, and the way out of a frame.
"use strict";
(() => {
  const base = document.documentElement.dataset.base;
  const framed = window.self !== window.top;
  document.documentElement.classList.add("js");

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
