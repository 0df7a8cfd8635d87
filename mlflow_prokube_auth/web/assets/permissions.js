// Create, copy and revoke the access key. Three clicks at most: create, expiry, copy.
import { at, callOrShow, timeElement } from "./dom.js";
import { clearKey, fillKey, localDate, untilDay } from "./key.js";

const fact = (name) => document.querySelector(`[data-fact="${name}"]`);

// --- panels -------------------------------------------------------------------------------

const openedBy = { "key-presets": "create-key", "revoke-confirm": "revoke-key" };

// One panel at a time, or none. A key that was just made steps back meanwhile: nobody can see it a second time.
function open(panel) {
  for (const [id, button] of Object.entries(openedBy)) {
    at(id).hidden = id !== panel;
    at(button).setAttribute("aria-expanded", String(id === panel));
  }
  at("new-key-panel").hidden = Boolean(panel) || !at("new-key").value;
  if (panel) at("key-revoked").hidden = true;
}

function openPresets() {
  at("date-form").reset();
  at("key-note").value = fact("note").textContent; // the next key is for the same, mostly
  document.querySelectorAll("[data-until]").forEach((each) => { each.textContent = untilDay(Number(each.dataset.until)); });
  open("key-presets");
  at("presets-title").focus();
}

function close() {
  const panel = Object.keys(openedBy).find((id) => !at(id).hidden);
  if (!panel) return;
  open(null);
  at(openedBy[panel]).focus();
}

function busy(on) {
  document.querySelectorAll("#key-presets button, #confirm-revoke").forEach((button) => { button.disabled = on; });
}

// --- create -------------------------------------------------------------------------------

function haveKey(have) {
  at("key-expiry")?.remove();
  at("key-none").hidden = have;
  if (!have) fact("note").textContent = "";
  at("key-facts").hidden = at("revoke-key").hidden = at("replace-warning").hidden = !have;
  at("create-key").textContent = have ? "Replace access key" : "Create access key";
}

function showKey(answer) {
  fillKey(answer);
  fact("key_id").textContent = answer.key_id;
  fact("note").textContent = answer.note;
  at("key-note-fact").hidden = !answer.note;
  fact("created_at").replaceChildren(timeElement(new Date().toISOString()));
  fact("expires_at").replaceChildren(timeElement(answer.expires_at));
  fact("expires_at").previousElementSibling.textContent = "Expires";
  fact("last_used_at").textContent = "never";
  at("replace-last-use").textContent = "It was never used.";
  haveKey(true);
  open(null);
  at("copy-key").focus();
  at("new-key-panel").scrollIntoView({ block: "nearest" });
}

async function create(body) {
  const pressed = document.activeElement;
  busy(true);
  const answer = await callOrShow("POST", "api/access-key", { ...body, note: at("key-note").value.trim() });
  busy(false);
  if (answer) showKey(answer);
  else pressed.focus();
}

async function revoke() {
  busy(true);
  const answer = await callOrShow("DELETE", "api/access-key");
  busy(false);
  if (!answer) {
    at("confirm-revoke").focus();
    return;
  }
  clearKey();
  haveKey(false);
  open(null);
  at("key-revoked").hidden = false;
  at("copy-status").textContent = at("key-revoked").textContent;
  at("create-key").focus();
}

// --- wiring -------------------------------------------------------------------------------

document.querySelectorAll("[data-days]").forEach((button) =>
  button.addEventListener("click", () => create({ days: Number(button.dataset.days) })));
at("create-key").addEventListener("click", () => {
  if (at("key-presets").hidden) openPresets();
  else close();
});
at("date-form").addEventListener("submit", (event) => {
  event.preventDefault();
  create({ expires_on: at("expires-on").value });
});
at("expires-on").min = localDate(1);
at("expires-on").max = localDate(Number(at("date-form").dataset.maxDays));
at("revoke-key").addEventListener("click", () => {
  if (at("revoke-confirm").hidden) {
    open("revoke-confirm");
    at("cancel-revoke").focus();
  } else close();
});
at("cancel-create").addEventListener("click", close);
at("cancel-revoke").addEventListener("click", close);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented) close();
});
at("confirm-revoke").addEventListener("click", revoke);

// Until here a click would have been lost.
at("create-key").disabled = at("revoke-key").disabled = false;
const openByHash = () => { if (location.hash === "#create-key") openPresets(); };
window.addEventListener("hashchange", openByHash);
openByHash();
// The browser focuses the fragment's button when the page has loaded; the presets come after it.
window.addEventListener("load", () => setTimeout(openByHash));
