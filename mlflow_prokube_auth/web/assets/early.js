// Before anything is painted, hence no module: the mark of a scripted page, MLflow's colours, and word of a script that
// does not load.
"use strict";
{
  const root = document.documentElement.classList;
  root.add("js");

  // The switch in MLflow's UI; without it the system's colours hold.
  let dark = null;
  try { dark = localStorage.getItem("_mlflow_dark_mode_toggle_enabled"); } catch { /* The browser keeps nothing. */ }
  if (dark !== null) root.add(dark === "true" ? "dark" : "light");

  // Buttons wait for the page's own script; where it or what it imports does not come, they would be dead without a word.
  const sayNotLoaded = () => {
    if (document.getElementById("not-loaded")) return;
    const notice = document.createElement("p");
    notice.id = "not-loaded";
    notice.className = "notice error";
    notice.setAttribute("role", "alert");
    notice.textContent = "A part of this page did not load, so its buttons do not work. Reload the page.";
    document.getElementById("content").prepend(notice);
  };

  // Such errors do not bubble, so they are caught on their way down.
  window.addEventListener("error", (event) => {
    if (!(event.target instanceof HTMLScriptElement)) return;
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", sayNotLoaded);
    else sayNotLoaded();
  }, true);
}
