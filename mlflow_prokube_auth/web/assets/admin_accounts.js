// Users, service accounts and expiring keys.
import { attempt, button, done, problemBox } from "./acts.js";
import {
  ask, askForSuccessor, call, inherited, list, onSubmit, page, quiet, section, successorOf, tag, time, unfoldButton,
} from "./admin.js";
import { workloads } from "./admin_workloads.js";
import { at, element, link } from "./dom.js";
import { clearKey, fillKey, localDate, untilDay } from "./key.js";

const services = page.section === "service-accounts";
const path = (account, what = "", more = {}) => `accounts${what}?${new URLSearchParams({ user: account.username, ...more })}`;
const { provider } = document.documentElement.dataset;
let table = null;

async function finish(account, text) {
  await table.refresh(account.username);
  done(text);
}

function status(account) {
  const bad = account.status === "blocked" || account.status === "disabled";
  return tag(account.status, bad ? "bad" : "");
}

function key(account) {
  if (account.legacy_key_expires_at) {
    return [
      "old server's, until ", time(account.legacy_key_expires_at),
      element("br", {}), quiet("last used: ", time(account.legacy_key_last_used_at)),
    ];
  }
  if (!account.key_expires_at) return quiet("none");
  const over = new Date(account.key_expires_at) < new Date();
  return [
    account.key_note ? [element("span", {}, account.key_note), ", "] : null,
    over ? "expired " : "until ", time(account.key_expires_at),
    element("br", {}), quiet("last used: ", time(account.key_last_used_at)),
  ].flat();
}

function teams(account) {
  if (!account.teams.length) return quiet("none");
  return account.teams.flatMap((team, place) => [place ? ", " : null, link(team, section("teams", { search: team }))]);
}

// A key that is no more is not shown any longer.
function hideKey(account) {
  if (!services || at("new-key-panel").dataset.of !== account.username) return;
  clearKey();
  at("new-key-panel").hidden = true;
}

// --- what can be done ---------------------------------------------------------------------

const sentences = {
  sessions: (name) => `${name} is logged out everywhere at once and can log in again. The access key keeps working.`,
  revoke: (name) => `Everything that uses the access key of ${name} stops working at once. You cannot undo this; ${name} will need a new key.`,
  block: (name) => `${name} is blocked at once: sessions end, and the access key and logins are refused until you unblock the account. Its resources stay.`,
  unblock: (name) => `${name} can log in again, and the access key works again until it expires.`,
  rebind: (name) => `For a person whose identity in ${provider} is a new one, as after a realm was imported again. The next login with the verified address ${name} gets this account, with its access key and permissions, and its sessions end.`,
  deletePerson: (name) => `Deletes the account ${name} with its access key, sessions and permissions. You cannot undo this. If ${provider} still admits this person, they can log in again, without any permissions.`,
  deleteService: (name) => `Deletes the service account ${name} with its access key and permissions. You cannot undo this, and everything that uses the key stops working.`,
};

function deletion(panel, account) {
  const name = account.username;
  ask(panel, {
    text: services ? sentences.deleteService(name) : sentences.deletePerson(name),
    action: "Delete it now",
    conflict: (more) => askForSuccessor(more, "New owner of the resources that only this account manages"),
    run: async (more) => {
      const successor = successorOf(more);
      const answer = await call("DELETE", path(account, "", successor ? { successor } : {}));
      hideKey(account);
      await finish(account, `${name} is deleted.${inherited(answer)}`);
    },
  });
}

function actions(panel, account) {
  const name = account.username;
  const own = name === page.me;
  const put = (text, what, action, run) => button(text, () => ask(panel, { text: sentences[what](name), action, run }), "", { action: what });
  const found = [];
  if (services) found.push(button(account.key_expires_at ? "Replace key" : "Create key", () => presets(panel, account), "primary", { action: "key" }));
  if (account.key_expires_at || account.legacy_key_expires_at) {
    found.push(put("Revoke key", "revoke", "Revoke it now", async () => {
      await call("DELETE", path(account, "/key"));
      hideKey(account);
      await finish(account, `Revoked the access key of ${name}.`);
    }));
  }
  if (!services) {
    found.push(put("End sessions", "sessions", "End them now", async () => {
      await call("DELETE", path(account, "/sessions"));
      await finish(account, `Ended the sessions of ${name}.`);
    }));
  }
  const change = !own && account.kind !== "local";
  if (account.status === "blocked") {
    found.push(put("Unblock", "unblock", "Unblock it now", async () => {
      await call("POST", path(account, "/unblock"));
      await finish(account, `${name} is unblocked.`);
    }));
  } else if (change && account.status !== "never logged in") {
    found.push(put("Block", "block", "Block it now", async () => {
      await call("POST", path(account, "/block"));
      await finish(account, `${name} is blocked.`);
    }));
  }
  if (change && !services && account.status !== "never logged in") {
    found.push(put("Bind anew", "rebind", "Bind it anew", async () => {
      await call("POST", path(account, "/rebind"), {});
      await finish(account, `The next login as ${name} binds the account, within 30 days.`);
    }));
  }
  if (change) found.push(button("Delete", () => deletion(panel, account), "danger", { action: "delete" }));
  return found;
}

function manage(account) {
  return (panel) => {
    const notes = [];
    if (account.username === page.me) notes.push("This is your own account: only another administrator can block or delete it.");
    if (account.kind === "local") notes.push("Change a local administrator on the server, with mlflow-prokube-auth break-glass.");
    panel.show(
      ...notes.map((text) => element("p", { className: "quiet" }, text)),
      element("p", { className: "actions" }, ...actions(panel, account)),
      services ? membership(panel, account) : null,
      services ? workloads(panel, account.username) : null,
      element("p", {}, link(services ? "What it may do" : "What they may do", section("permissions", { user: account.username }))),
    );
  };
}

// --- service accounts ---------------------------------------------------------------------

async function make(account, sent) {
  const answer = await call("POST", path(account, "/key"), sent);
  fillKey(answer);
  at("new-key-title").textContent = `The new access key of ${account.username}`;
  at("new-key-panel").dataset.of = account.username;
  at("new-key-panel").hidden = false;
  await table.load();
  at("copy-key").focus();
  at("new-key-panel").scrollIntoView({ block: "nearest" });
}

function presets(panel, account) {
  const box = problemBox();
  const note = element("input", { type: "text", maxLength: 60, autocomplete: "off", placeholder: "CI", value: account.key_note });
  const create = (sent) => attempt(panel.element, box, () => make(account, { ...sent, note: note.value.trim() }));
  const days = JSON.parse(page.presets).map((number) =>
    button([`${number} day${number === 1 ? "" : "s"} `, element("small", {}, untilDay(number))], () => create({ days: number }), "primary", { days: number }));
  const on = element("input", { type: "date", required: true, min: localDate(1), max: localDate(Number(page.maxDays)), label: "Date of expiry" });
  const form = element("form", { className: "actions" }, "or until", on, element("button", { type: "submit", className: "button" }, "Create"), button("Cancel", panel.again));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    create({ expires_on: on.value });
  });
  const old = account.key_expires_at
    ? element("p", { className: "notice warning" }, "The old key stops working at once. ",
      ...(account.key_last_used_at ? ["It was last used ", time(account.key_last_used_at), "."] : ["It was never used."]))
    : null;
  const say = element("p", { tabIndex: -1 }, `Create a key for ${account.username} that works for`);
  panel.show(old, element("p", { className: "actions" }, element("label", { className: "field" }, "Note (optional)", note)), say, element("p", { className: "actions" }, ...days), form, box);
  say.focus(); // a second Enter must not make a key
}

function membership(panel, account) {
  const name = account.username;
  const change = (method, team, text) => attempt(panel.element, null, async () => {
    await call(method, "team-members", { team, user: name });
    await table.refresh(name);
    done(text);
  });
  const input = element("input", { type: "text", required: true, maxLength: 150, placeholder: "team", label: `Team for ${name}`, autocomplete: "off" });
  input.setAttribute("list", "team-names");
  const form = element("form", { className: "actions" }, input, element("button", { type: "submit", className: "button" }, "Add to the team"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const team = input.value.trim();
    change("POST", team, `${name} is now in the team ${team}.`);
  });
  const held = account.teams.map((team) => element("li", {}, element("span", {}, team),
    button("Remove", () => ask(panel, {
      text: `${name} loses the permissions of the team ${team} at once.`,
      action: "Remove it now",
      run: async () => {
        await call("DELETE", "team-members", { team, user: name });
        await table.refresh(name);
        done(`${name} is no longer in the team ${team}.`, async () => {
          await call("POST", "team-members", { team, user: name });
          await table.refresh(name);
          done(`${name} is in the team ${team} again.`);
        });
      },
    }), "small")));
  return element("div", {}, element("h4", {}, "Teams"), held.length ? element("ul", { className: "plain" }, ...held) : element("p", { className: "quiet" }, "Not a member of any team."), form);
}

async function knowTeams() {
  const { items } = await call("GET", "teams", { size: 200 });
  at("team-names").replaceChildren(...items.map(({ team }) => element("option", { value: team })));
}

// --- the three pages ----------------------------------------------------------------------

const who = (account) => [
  element("strong", {}, account.username), account.is_admin ? [" ", tag("admin")] : null,
  account.kind === "local" ? [" ", tag("local")] : null,
  account.display_name ? [element("br", {}), quiet(account.display_name)] : null,
].flat();

function showKeys() {
  list({
    path: "expiring-keys",
    data: ({ username }) => ({ name: username }),
    columns: [
      { label: "Account", cell: who },
      { label: "Kind", cell: ({ kind }) => ({ service: "service account", person: "person", local: "local administrator" }[kind]) },
      { label: "Note", cell: ({ key_note: note }) => note || quiet("none") },
      { label: "Expires", cell: (account) => time(account.key_expires_at) },
      { label: "Last used", cell: (account) => time(account.key_last_used_at) },
      { label: "Account's page", hidden: true, cell: ({ kind, username }) => link("Manage", section(kind === "service" ? "service-accounts" : "users", { search: username })) },
    ],
  });
}

function showAccounts() {
  table = list({
    path: page.section,
    data: ({ username }) => ({ name: username }),
    columns: [
      { label: "Name", cell: who },
      { label: "Status", cell: status },
      services ? null : { label: "Last login", cell: (account) => time(account.last_login_at) },
      { label: "Key", cell: key },
      { label: "Teams", cell: teams },
      { label: "Change", hidden: true, cell: (account) => unfoldButton("Manage", account.username, manage(account)) },
    ].filter(Boolean),
  });

  if (services) {
    knowTeams().catch(() => { /* Then names are typed without help. */ });
    onSubmit(at("create"), async ({ name, description }) => {
      const made = await call("POST", "service-accounts", { name: name.trim(), description: description.trim() });
      at("create").reset();
      await table.refresh(made.username);
      done(`Created the service account ${made.username}. To let it log in, open Manage.`);
    });
  }
}

if (page.section === "keys") showKeys();
else showAccounts();
