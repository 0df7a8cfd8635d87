// Share one resource: give, change, remove, hand over. The server answers with all holders; the table shows them.
import { attempt, done, question } from "./acts.js";
import { at, element } from "./dom.js";
import { Problem, call, own } from "./http.js";
import { suggestPeople } from "./suggest.js";

const { kind, id, label, me } = at("sharing").dataset;
const teams = new Set(JSON.parse(at("sharing").dataset.teams));
const resource = `the ${label} ${at("resource-name").textContent}`;
const isMe = (holder, name) => holder === "user" && name === me;

const ask = (method, path, sent) => call(method, "api/sharing" + path, { kind, id, ...sent });
const whom = (name) => (teams.has(name) ? { team: name } : { user: name });
const body = document.querySelector("#holders tbody");
const rowOf = (holder, name) => [...body.rows].find(({ dataset }) => dataset.holder === holder && dataset.name === name);
// What somebody was given here, which a rule or a grant on all of the kind does not take away; null for nothing.
const levelOf = (holder, name) =>
  [...body.rows].find(({ dataset }) => dataset.holder === holder && dataset.name === name && dataset.fixed === "false")?.dataset.level ?? null;

// --- the table ----------------------------------------------------------------------------

function row(holder) {
  const who = (holder.kind === "user" ? "" : holder.kind + " ") + holder.name + (isMe(holder.kind, holder.name) ? " (you)" : "");
  const last = element("td", {});
  if (holder.fixed) last.append(element("span", { className: "quiet" }, "by a rule or on all of its kind"));
  else last.append(element("button", { type: "button", className: "button", data: { remove: "" } }, "Remove", element("span", { className: "sr-only" }, " " + holder.name)));
  const data = { holder: holder.kind, name: holder.name, level: holder.level, fixed: holder.fixed };
  return element("tr", { data },
    element("td", { data: { label: "Who" } }, who),
    element("td", { data: { label: "Level" } }, element("span", { className: "tag" }, holder.level)), last);
}

const show = ({ holders }) => body.replaceChildren(...holders.map(row));

// The focus, where its row is gone: the one that took its place, else the heading.
function focusAt(place) {
  const buttons = body.querySelectorAll("[data-remove]");
  (buttons[Math.min(place, buttons.length - 1)] || at("holders-title")).focus();
}

// --- questions ----------------------------------------------------------------------------

let asked = null;

function close(focus = true) {
  if (!asked) return;
  const { box, opener } = asked;
  asked = null;
  box.remove();
  if (focus && opener.isConnected) opener.focus();
}

// One question at a time; `place(box)` puts it on the page.
function open(opener, words, place) {
  close(false);
  at("page-done").hidden = at("page-error").hidden = true;
  const panel = element("div", { className: "panel", role: "group", label: words.title });
  const { parts, stop } = question(panel, { ...words, cancel: () => close() });
  panel.append(element("h3", {}, words.title), ...parts);
  asked = { box: place(panel), opener };
  stop.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented) close();
});

// The caller may manage it no more. Then nothing is left to do here; else the table shows who has access now.
async function afterLosing(text, undo) {
  close(false);
  try {
    show(await ask("GET", ""));
    done(text, undo);
    at("holders-title").focus();
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.status !== 403) throw problem;
    at("sharing").before(element("p", { className: "notice good", role: "status", id: "page-over", tabIndex: -1 },
      text, " ", element("a", { href: own("permissions") }, "Your permissions"), "."));
    at("sharing").remove();
    at("hand-over").remove();
    at("page-over").focus();
  }
}

// --- give ---------------------------------------------------------------------------------

// What was there before is there again.
const give = async (who, level) => show(await ask(level ? "POST" : "DELETE", "", level ? { ...who, level } : who));

at("share-form").addEventListener("submit", (event) => {
  event.preventDefault();
  close(false);
  at("page-done").hidden = true;
  const name = at("share-with").value.trim();
  const level = at("share-level").value;
  const holder = teams.has(name) ? "team" : "user";
  attempt(at("share-form"), null, async () => {
    const before = levelOf(holder, name);
    await give(whom(name), level);
    done(before && before !== level ? `${name} now has ${level}; it was ${before} before.` : `${name} now has ${level}.`,
      before === level ? null : async () => {
        await give(whom(name), before);
        done(before ? `${name} has ${before} again.` : `${name} has no access any more.`);
        at("share-with").focus();
      });
    at("share-with").value = "";
    at("share-with").focus();
  });
});

// --- remove -------------------------------------------------------------------------------

at("holders").addEventListener("click", (event) => {
  const opener = event.target.closest("[data-remove]");
  if (!opener) return;
  const above = opener.closest("tr");
  const { holder, name, level } = above.dataset;
  const place = [...body.querySelectorAll("[data-remove]")].indexOf(opener);
  const mine = isMe(holder, name);
  const undo = async () => {
    await give({ [holder]: name }, level);
    done(`${name} has ${level} again.`);
    rowOf(holder, name)?.querySelector("[data-remove]")?.focus();
  };
  open(opener, {
    title: `Remove ${holder === "user" ? "" : holder + " "}${name}?`,
    text: mine
      ? `You lose ${level} on ${resource} at once. Another manager or an administrator can give it back.`
      : `${holder === "team" ? `The members of the team ${name} lose` : `${name} loses`} ${level} on ${resource} at once. Other permissions stay.`,
    action: "Remove",
    run: async () => {
      const answer = await ask("DELETE", "", { [holder]: name });
      if (mine) {
        await afterLosing(`Your own permission on ${resource} is removed.`, undo);
        return;
      }
      close(false);
      show(answer);
      done(`${name} is removed.`, undo);
      focusAt(place);
    },
  }, (panel) => {
    const box = element("tr", { className: "unfolded" }, element("td", { colSpan: 3 }, panel));
    above.after(box);
    return box;
  });
});

// --- hand over ----------------------------------------------------------------------------

at("hand-over-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = at("hand-over-to").value.trim();
  const [before, mine] = [levelOf("user", name), levelOf("user", me)];
  open(at("hand-over-button"), {
    title: `Hand over to ${name}?`,
    text: `${name} gets MANAGE on ${resource} and decides who has access. You lose your own permission and cannot take it back unless you also manage it through a team or a rule.`,
    action: "Hand over",
    run: async () => {
      const answer = await ask("POST", "/hand-over", { user: name });
      at("hand-over-form").reset();
      await afterLosing(`${answer.handed_over_to} manages ${resource} now.`, async () => {
        if (mine) await give({ user: me }, mine);
        await give({ user: name }, before);
        done(mine ? `You have ${mine} again.` : "The previous state is restored.");
        at("holders-title").focus();
      });
    },
  }, (panel) => {
    at("hand-over-form").after(panel);
    return panel;
  });
});

suggestPeople(at("share-with"), [...teams]);
suggestPeople(at("hand-over-to"));
document.querySelectorAll("[disabled]").forEach((each) => { each.disabled = false; });
