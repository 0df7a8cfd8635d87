// Teams, their members and their rules.
import { attempt, button, done } from "./acts.js";
import {
  ask, askForSuccessor, call, field, inherited, list, onSubmit, page, quiet, section, successorOf, tag, unfoldButton,
} from "./admin.js";
import { at, element, link } from "./dom.js";
import { suggestPeople } from "./suggest.js";

const kinds = JSON.parse(page.kinds);
const levels = JSON.parse(page.levels);
const words = JSON.parse(page.words);
const { provider } = document.documentElement.dataset;
let table = null;
// The rule that was checked and not added.
let draft = null;

const code = (text) => element("code", {}, text);
const ruleText = (rule) => [
  tag(rule.level), ` on every ${kinds[rule.kind] || rule.kind} whose name begins with `, code(rule.prefix), ", now and later: ", words[rule.level],
];

function members(panel, team, known, again) {
  const remove = (name) => button("Remove", () => ask(panel, {
    text: `${name} loses the permissions of the team ${team} at once.`,
    action: "Remove it now",
    run: async () => {
      await call("DELETE", "team-members", { team, user: name });
      await again(`${name} is no longer in the team ${team}.`, async () => {
        await call("POST", "team-members", { team, user: name });
        await again(`${name} is in the team ${team} again.`);
      });
    },
  }), "small", { removeMember: name });
  const rows = known.members.map((name) => element("li", {}, element("span", {}, name), known.by_hand.includes(name) ? remove(name) : null));
  const input = element("input", {
    type: "text", required: true, maxLength: 255, spellcheck: false, autocomplete: "off", name: "user",
    placeholder: known.from_keycloak ? "service account" : "name@example.com",
    label: known.from_keycloak ? `A service account for ${team}` : `A member for ${team}`,
  });
  const form = element("form", { className: "actions", data: { add: "member" } }, input, element("button", { type: "submit", className: "button" }, "Add"));
  suggestPeople(input);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(panel.element, null, async () => {
      const user = input.value.trim();
      await call("POST", "team-members", { team, user });
      await again(`${user} is now in the team ${team}.`);
    });
  });
  return [
    element("h4", {}, "Members"),
    known.from_keycloak ? element("p", { className: "quiet" }, `Members come from the group in ${provider}: change them there. Add service accounts here, since they are in no group.`) : null,
    rows.length ? element("ul", { className: "plain" }, ...rows) : element("p", { className: "quiet" }, "No members."),
    form,
  ];
}

const names = (list, most = 20) => list.slice(0, most).join(", ") + (list.length > most ? ` and ${list.length - most} more` : "");

// What a rule would open and close.
function showEffects({ kind, prefix }, { members: whom, matched, opens, closes, outsiders, other_teams: others, warning }) {
  const word = kinds[kind] || kind;
  const rest = matched - opens.length;
  return element("div", { id: "rule-effects" },
    warning ? element("p", { className: "notice warning" }, warning) : null,
    element("h4", {}, "It opens"),
    element("p", {}, whom.length
      ? `${matched} ${word}${matched === 1 ? "" : "s"} that ${matched === 1 ? "is" : "are"} there now, to the members: ${names(whom)}.`
      : `${matched} ${word}${matched === 1 ? "" : "s"} that ${matched === 1 ? "is" : "are"} there now, to nobody yet: the team has no members.`),
    opens.length ? element("ul", { className: "plain" }, ...opens.map(({ name, managers }) =>
      element("li", {}, element("span", {}, name), quiet(`managed by ${names(managers, 3) || "nobody"}`))),
    rest > 0 ? element("li", {}, quiet(`and ${rest} more`)) : null) : null,
    element("h4", {}, "It closes"),
    element("p", {}, "New names that begin with ", code(prefix), ` (${closes}), to everyone except members and administrators.`),
    outsiders.length ? element("p", {}, `Not in the team, but manage resources with such a name now: ${names(outsiders)}. They keep them, but only administrators among them can create such names.`) : null,
    others.length ? element("p", {}, `Other teams with a rule for some of these names, which can still use them: ${names(others)}.`) : null,
  );
}

function rules(panel, team, found, again) {
  const rows = found.map((rule) => element("li", {}, element("span", {}, ...ruleText(rule)), button("Delete", () => ask(panel, {
    text: `The team ${team} loses the permissions from this rule on every ${kinds[rule.kind] || rule.kind} named ${rule.prefix}…, and other people can use such names again.`,
    action: "Delete it now",
    run: async () => {
      await call("DELETE", "team-rules", { id: rule.id });
      await again(`The rule for ${rule.prefix} is deleted.`);
    },
  }), "small", { deleteRule: rule.id })));
  const kind = element("select", { name: "kind", label: "Kind" }, ...Object.entries(kinds).map(([value, text]) => element("option", { value }, text)));
  const level = element("select", { name: "level", label: "Level" });
  const offer = () => level.replaceChildren(...levels[kind.value].map((value) => element("option", { value }, `${value}: ${words[value]}`)));
  kind.addEventListener("change", offer);
  offer();
  const prefix = element("input", { type: "text", name: "prefix", required: true, maxLength: 200, spellcheck: false, autocomplete: "off", placeholder: `${team}-` });
  const form = element("form", { className: "actions end", data: { add: "rule" } },
    field("Every", kind), field("whose name begins with", prefix), field("gives the team", level),
    element("button", { type: "submit", className: "button" }, "Check the rule"));
  if (draft?.team === team) {
    kind.value = draft.kind;
    offer();
    [level.value, prefix.value] = [draft.level, draft.prefix];
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(panel.element, null, async () => {
      // As it was typed, it is there again after "Cancel".
      draft = { team, kind: kind.value, prefix: prefix.value, level: level.value };
      const sent = { ...draft, prefix: draft.prefix.trim() };
      const effects = await call("GET", "team-rules/effects", sent);
      ask(panel, {
        text: [`Add the rule: the team ${team} has `, ...ruleText(sent), "?"],
        extra: showEffects(sent, effects),
        action: "Add it now",
        run: async () => {
          const made = await call("POST", "team-rules", sent);
          draft = null;
          await again(`Added the rule. It applies to ${made.matched} existing resource${made.matched === 1 ? "" : "s"}.`);
        },
      });
    });
  });
  return [
    element("h4", {}, "Rules"),
    element("p", { className: "quiet" }, "A rule gives the members a level on everything whose name begins with a prefix. Other people can no longer create such names."),
    rows.length ? element("ul", { className: "plain" }, ...rows) : element("p", { className: "quiet" }, "None."),
    form,
  ];
}

function manage(item) {
  return async (panel) => {
    const { team } = item;
    const known = await call("GET", "team-members", { team });
    // The row may be another by now: its button is the one that opens again.
    const again = async (text, undo) => {
      await table.refresh(team);
      document.activeElement.click();
      done(text, undo);
    };
    const remove = button("Delete team", () => ask(panel, {
      text: `Deletes the team ${team} with its rules and permissions; its members lose them at once. ` +
        "The resources stay. You cannot undo this." +
        (item.from_keycloak ? ` The next login of a member creates the team again from ${provider}, without rules and permissions.` : ""),
      action: "Delete it now",
      conflict: (more) => askForSuccessor(more, "New owner of the resources that only its members manage"),
      run: async (more) => {
        const successor = successorOf(more);
        const answer = await call("DELETE", "teams", successor ? { team, successor } : { team });
        await table.refresh(team);
        done(`The team ${team} is deleted.${inherited(answer)}`);
      },
    }), "danger", { action: "delete" });
    panel.show(
      ...members(panel, team, known, again), ...rules(panel, team, item.rules, again),
      element("p", { className: "actions end" }, remove, link("What it may do", section("permissions", { team }))),
    );
  };
}

table = list({
  path: "teams",
  data: ({ team }) => ({ name: team }),
  columns: [
    { label: "Team", cell: ({ team }) => element("strong", {}, team) },
    { label: "Members", cell: ({ from_keycloak: keycloak }) => (keycloak ? `follow ${provider}` : "chosen here") },
    { label: "Rules", cell: ({ rules: found }) => (found.length ? found.flatMap((rule, place) => [place ? element("br", {}) : null, `${rule.level}: ${kinds[rule.kind] || rule.kind} `, code(rule.prefix + "…")]) : quiet("none")) },
    { label: "Change", hidden: true, cell: (item) => unfoldButton("Manage", item.team, manage(item)) },
  ],
});

onSubmit(at("create"), async ({ team }) => {
  const made = await call("POST", "teams", { team: team.trim() });
  at("create").reset();
  await table.refresh(made.team);
  done(`Created the team ${made.team}. Add members and rules under Manage.`);
});
