// What every page does: times in the reader's words, logout, copy buttons, links that need the whole window.
import { at, showTime } from "./dom.js";
import { framed, logOut } from "./http.js";

async function leaveBy(button) {
  button.disabled = true;
  try {
    await logOut();
  } catch {
    button.disabled = false;
    button.textContent = "Log out (no answer, try again)";
  }
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
  const source = at(button.dataset.copy);
  const done = await copyText(source.value ?? source.textContent);
  const label = button.firstChild;
  button.focus();
  at("copy-status").textContent = done ? "Copied" : "Copying failed. Select the text and copy it yourself.";
  if (!done && source.select) source.select();
  label.textContent = done ? "Copied" : "Select and copy";
  setTimeout(() => {
    label.textContent = "Copy";
    at("copy-status").textContent = "";
  }, 2500);
}

document.querySelectorAll("time[datetime]").forEach(showTime);
if (framed) document.querySelectorAll("a[data-top]").forEach((each) => each.setAttribute("target", "_top"));
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-logout]");
  if (button) leaveBy(button);
  const copier = event.target.closest("[data-copy]");
  if (copier) copy(copier);
});
