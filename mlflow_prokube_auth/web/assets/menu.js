// Runs inside MLflow's own page: menu items, and bars above the application that tell of a session that ended, of a
// missing access key and of one that expires soon. It stands before MLflow's script, which is deferred as modules are,
// and such scripts run in the order of the page (HTML, 4.12.1.1).
import { base, framed, logOut, own, send } from "./http.js";
import { extendPage, toShare } from "./pages.js";
import { KEY, LEAVE, PEOPLE, extendSidebar } from "./sidebar.js";

// So says the server with the page; a change shows with the next load.
const isAdmin = "admin" in document.querySelector("script[data-shared]").dataset;

const sheet = document.createElement("link");
sheet.rel = "stylesheet";
sheet.href = new URL("menu.css", import.meta.url);
document.head.append(sheet);

// --- bars ---------------------------------------------------------------------------------

function bar(id, className, text, link) {
  const box = document.createElement("div");
  box.id = id;
  box.className = "prokube-bar " + className;
  box.setAttribute("role", "status");
  box.append(text, link);
  return box;
}

// In the layout's flow: an overlay would hide the top of MLflow's page.
function show(box) {
  if (!document.body || document.getElementById(box.id)) return;
  document.body.insertBefore(box, document.getElementById("root"));
  document.body.classList.add("prokube-with-bar");
}

function drop(id) {
  document.getElementById(id)?.remove();
  if (!document.querySelector(".prokube-bar")) document.body?.classList.remove("prokube-with-bar");
}

function anchor(text, href) {
  const link = document.createElement("a");
  link.textContent = text;
  link.href = href;
  return link;
}

function signedOut() {
  const link = anchor("Log in again", own("login"));
  // At the click, not now: MLflow's router changes the hash meanwhile.
  const aim = () => { link.href = own("login?next=" + encodeURIComponent(location.hash)); };
  for (const event of ["pointerdown", "focus", "click", "auxclick"]) link.addEventListener(event, aim);
  if (framed) link.target = "_top";
  show(bar("prokube-signed-out", "prokube-warning", "You were logged out.", link));
}

// --- the end of a session -----------------------------------------------------------------

const current = new URL(base + "ajax-api/2.0/mlflow/users/current", location.href);

async function probe() {
  const response = await send(current, { credentials: "same-origin" }).catch(() => null);
  if (response?.status === 401) signedOut();
  else if (response?.ok) drop("prokube-signed-out");
}

window.fetch = async function fetch(...args) {
  if (!isAdmin && isForAssistant(args[0])) return new Response("{}", { status: 403, headers: { "Content-Type": "application/json" } });
  const response = await send(...args);
  if (response.status === 401) {
    const url = new URL(response.url || location.href, location.href);
    // The gateway hands on its provider's 401, which says nothing about our session.
    if (url.origin === location.origin) {
      if (url.pathname.includes("/gateway/")) probe();
      else signedOut();
    }
  }
  return response;
};

// MLflow's UI does not poll: a tab that comes back asks once.
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") probe();
});

// --- the access key -----------------------------------------------------------------------

let keys = own("permissions");

function remembered(name) {
  try { return localStorage.getItem(name); } catch { return null; }
}
function remember(name, value) {
  try { localStorage.setItem(name, value); } catch { /* Then the hint comes again. */ }
}

function keyWords(key) {
  if (key === null) return ["You have no access key.", "Create one"];
  if (key.state === "expired") return ["Your access key has expired.", "Replace it"];
  const days = key.days_left;
  if (days < 1) return ["Your access key expires in less than a day.", "Replace it"];
  return [`Your access key expires in ${days} day${days === 1 ? "" : "s"}.`, "Replace it"];
}

async function askWhoIAm() {
  const response = await send(own("api/me"), { credentials: "same-origin" });
  if (!response.ok) return;
  const { username, key } = await response.json();
  // One click less for who has none.
  if (key === null) keys = own("permissions#create-key");
  extend();
  hintAtKey(username, key);
}

function hintAtKey(username, key) {
  if (key !== null && !key.expires_soon) return;

  const name = `prokube-auth-hint-${username}`;
  const about = key === null ? "none" : `${key.key_id} ${key.state}`;
  if (remembered(name) === about) return;

  const [text, action] = keyWords(key);
  const box = bar("prokube-key-hint", key === null ? "" : "prokube-warning", text, anchor(action, own("permissions#create-key")));
  const close = document.createElement("button");
  close.type = "button";
  close.id = "prokube-key-hint-dismiss";
  close.textContent = "\u00d7";
  close.setAttribute("aria-label", "Dismiss");
  close.addEventListener("click", () => {
    remember(name, about);
    drop(box.id);
  });
  box.addEventListener("keydown", (event) => { if (event.key === "Escape") close.click(); });
  box.append(close);
  show(box);
}

// --- MLflow's avatar menu -----------------------------------------------------------------

function menuItem(sibling, id, text, activate) {
  const item = document.createElement(typeof activate === "string" ? "a" : "div");
  item.id = id;
  item.className = sibling.className + " prokube-item";
  item.setAttribute("role", "menuitem");
  item.tabIndex = -1;
  item.textContent = text;
  if (typeof activate === "string") item.href = activate;
  else item.addEventListener("click", activate);
  // As Radix does with its own items: the pointer moves the focus.
  item.addEventListener("pointermove", () => item.focus({ preventScroll: true }));
  return item;
}

function openMenu() {
  for (const button of document.querySelectorAll('button[aria-label^="Account menu for "]')) {
    const menu = button.id && document.querySelector(`[role="menu"][aria-labelledby="${CSS.escape(button.id)}"]`);
    if (menu) return menu;
  }
  return null;
}

function extendMenu(share) {
  const menu = openMenu();
  if (!menu) return;
  const siblings = menu.querySelectorAll('[role="menuitem"][data-component-id^="mlflow.sidebar."]');
  const last = siblings[siblings.length - 1];
  if (!last) return;
  const wanted = [
    share && ["prokube-menu-share", `Share this ${share.word}`, share.href],
    ["prokube-menu-permissions", "Permissions & access keys", keys],
    isAdmin ? ["prokube-menu-admin", "Administration", own("admin")] : null,
    ["prokube-menu-logout", "Log out", logOut],
  ].filter(Boolean);
  const there = [...menu.querySelectorAll(".prokube-item")];
  const same = there.length === wanted.length && wanted.every(([id, , where], place) =>
    there[place].id === id && (typeof where !== "string" || there[place].getAttribute("href") === where));
  if (same) return;
  const focused = there.find((item) => item === document.activeElement)?.id;
  there.forEach((item) => item.remove());
  last.parentElement.append(...wanted.map((item) => menuItem(last, ...item)));
  if (focused) document.getElementById(focused)?.focus();
}

// Radix's arrow keys know only its own items, so all of the menu's keys are answered here, before React.
window.addEventListener("keydown", (event) => {
  const menu = event.target instanceof Element && event.target.closest('[role="menu"]');
  if (!menu || !menu.querySelector("#prokube-menu-permissions")) return;
  const items = [...menu.querySelectorAll('[role="menuitem"]:not([aria-disabled="true"])')].filter((item) => item.offsetParent);
  const here = items.indexOf(document.activeElement);
  const end = items.length - 1;
  const next = {
    ArrowDown: Math.min(here + 1, end),
    ArrowUp: here < 0 ? end : Math.max(here - 1, 0),
    Home: 0,
    End: end,
  }[event.key];
  if (next !== undefined) items[next].focus();
  else if ((event.key === "Enter" || event.key === " ") && items[here]?.classList.contains("prokube-item")) items[here].click();
  else return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);

const sideEntries = () => [
  { id: "prokube-side-permissions", text: "Permissions & keys", title: "Permissions & access keys", path: KEY, href: keys },
  isAdmin ? { id: "prokube-side-admin", text: "Administration", path: PEOPLE, href: own("admin") } : null,
  { id: "prokube-side-logout", text: "Log out", path: LEAVE, href: own("logout"), act: logOut },
].filter(Boolean);

// --- what is administrators' alone --------------------------------------------------------

// MLflow's assistant runs programs on the server: for others it neither opens by itself, nor has a button, nor is asked.
// The style sheet hides what else would be refused to them.
if (!isAdmin) {
  remember("mlflow.assistant.fab.autoOpenedOnFirstLoad_v1", "true");
  remember("mlflow.assistant.panelOpen_v1", "false");
  document.documentElement.classList.add("prokube-no-admin");
}

function isForAssistant(asked) {
  const url = new URL(asked instanceof Request ? asked.url : asked, document.baseURI);
  return url.origin === location.origin && url.pathname.includes("/mlflow/assistant/");
}

// --- all of it, whenever MLflow's page changes --------------------------------------------

function extend() {
  const share = toShare(extend);
  extendMenu(share);
  extendSidebar(sideEntries());
  extendPage(share, keys);
}

let waiting = false;

function extendSoon() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    extend();
  });
}

new MutationObserver(extendSoon).observe(document.documentElement, { childList: true, subtree: true });
// Whoever goes back before the next page is there sees the one before, in which nothing has changed.
addEventListener("popstate", extendSoon);

document.addEventListener("DOMContentLoaded", () => {
  askWhoIAm().catch(() => { /* A hint is worth no error. */ });
});
