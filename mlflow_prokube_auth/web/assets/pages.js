// What stands on MLflow's own pages: Share beside the page's menu, and the way from MLflow's account page to ours.
// Where a release builds its page otherwise, nothing is put there: the avatar's menu and the side bar have it all.
import { own, send } from "./http.js";

const PAGE_MENU = 'main [data-testid="overflow-menu-trigger"], main [data-component-id="mlflow.prompts.details.actions"]';
const ACCOUNT_TABS = 'main [role="tablist"][data-component-id="account.tabs"]';

const shared = JSON.parse(document.querySelector("script[data-shared]").dataset.shared)
  .map(([address, kind, word]) => [new RegExp(`^#/${address}`), kind, word]);

// What MLflow's page shows at this moment: its router changes the hash, and nothing else.
function shown() {
  for (const [pattern, kind, word] of shared) {
    const found = pattern.exec(location.hash);
    if (!found) continue;
    try {
      return { word, query: String(new URLSearchParams({ kind, id: decodeURIComponent(found[1]) })) };
    } catch {
      return null;
    }
  }
  return null;
}

async function mayShare(query) {
  const response = await send(own("api/level?" + query), { credentials: "same-origin" });
  return response.ok && (await response.json()).may_share;
}

let asked = { query: null, may: false };

// { word, href } of what the page shows, for whoever may share it, else null. The server is asked once for each page
// that is opened; then() is called when its answer is yes.
export function toShare(then) {
  const here = shown();
  const query = here?.query ?? null;
  if (asked.query !== query) {
    const question = asked = { query, may: false };
    if (query !== null) {
      mayShare(query).then((may) => {
        question.may = may;
        if (may) then();
      }).catch(() => { /* Without an answer there is no button. */ });
    }
  }
  return asked.may ? { word: here.word, href: own("share?" + query) } : null;
}

// Put what make() returns before an anchor of MLflow's, once; without an anchor it goes.
function place(id, anchor, state, make) {
  const there = document.getElementById(id);
  if (there && anchor && there.nextElementSibling === anchor && there.dataset.state === state) return;
  there?.remove();
  if (!anchor) return;
  const made = make();
  made.id = id;
  made.dataset.state = state;
  anchor.before(made);
}

function link(text, href) {
  const made = document.createElement("a");
  made.textContent = text;
  made.href = href;
  return made;
}

export function extendPage(share, keys) {
  place("prokube-share", share && document.querySelector(PAGE_MENU), share?.href ?? "", () => link(`Share ${share.word}`, share.href));
  const tabs = location.hash.startsWith("#/account") ? document.querySelector(ACCOUNT_TABS) : null;
  place("prokube-account", tabs?.closest("[dir][data-orientation]:not([role])"), "", () => {
    const note = document.createElement("p");
    note.append("This page shows only ids. ", link("Permissions & access keys", keys), " shows the names, and has your access key.");
    return note;
  });
}
