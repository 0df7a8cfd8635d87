// Teams, their members and their rules.
"use strict";
(() => {
  const {
    ask, askForHeir, at, attempt, button, call, done, element, field, heirOf, inherited, link, list, onSubmit, page, quiet, section, tag,
    unfoldButton,
  } = window.prokubeAdmin;
  const kinds = JSON.parse(page.kinds);
  const levels = JSON.parse(page.levels);
  const words = JSON.parse(page.words);
  let table = null;

  const code = (text) => element("code", {}, text);
  const ruleText = (rule) => [
    tag(rule.level), ` on every ${kinds[rule.kind] || rule.kind} whose name begins with `, code(rule.prefix), ", now and later: ", words[rule.level],
  ];

  function members(panel, team, known, again) {
    const remove = (name) => button("Remove", () => ask(panel, {
      text: `${name} loses what the team ${team} gives, at once.`,
      action: "Remove it now",
      run: async () => {
        await call("DELETE", "team-members", { team, user: name });
        await again(`${name} is no longer in the team ${team}.`);
      },
    }), "small", { removeMember: name });
    const rows = known.members.map((name) => element("li", {}, element("span", {}, name), known.by_hand.includes(name) ? remove(name) : null));
    const input = element("input", {
      type: "text", required: true, maxLength: 255, spellcheck: false, autocomplete: "off", name: "user",
      placeholder: known.from_keycloak ? "service account" : "name@example.com",
      label: known.from_keycloak ? `A service account for ${team}` : `A member for ${team}`,
    });
    const form = element("form", { className: "actions", data: { add: "member" } }, input, element("button", { type: "submit", className: "button" }, "Add"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      attempt(panel.element, null, async () => {
        const user = input.value.trim();
        await call("POST", "team-members", { team, user });
        await again(`${user} is in the team ${team} now.`);
      });
    });
    return [
      element("h4", {}, "Members"),
      known.from_keycloak ? element("p", { className: "quiet" }, "Members follow Keycloak: change them in its group. Service accounts, which are in no group, are added here.") : null,
      rows.length ? element("ul", { className: "plain" }, ...rows) : element("p", { className: "quiet" }, "Nobody."),
      form,
    ];
  }

  function rules(panel, team, found, again) {
    const rows = found.map((rule) => element("li", {}, element("span", {}, ...ruleText(rule)), button("Delete", () => ask(panel, {
      text: `The team ${team} loses what this rule gave it on every ${kinds[rule.kind]} named ${rule.prefix}…, and others may use such names again.`,
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
      field("Every", kind), field("whose name begins with", prefix), field("is to the team", level),
      element("button", { type: "submit", className: "button" }, "Add rule"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      attempt(panel.element, null, async () => {
        const made = await call("POST", "team-rules", { team, kind: kind.value, prefix: prefix.value, level: level.value });
        await again(`The rule holds. ${made.matched} of that name ${made.matched === 1 ? "is" : "are"} there already.`);
      });
    });
    return [
      element("h4", {}, "Rules"),
      element("p", { className: "quiet" }, "A rule gives the members what bears a name, and nobody else may use such a name."),
      rows.length ? element("ul", { className: "plain" }, ...rows) : element("p", { className: "quiet" }, "None."),
      form,
    ];
  }

  function manage(item) {
    return async (panel) => {
      const { team } = item;
      const known = await call("GET", "team-members", { team });
      // The row may be another by now: its button is the one that opens again.
      const again = async (text) => {
        await table.refresh(team);
        document.activeElement.click();
        done(text);
      };
      const remove = button("Delete team", () => ask(panel, {
        text: `Deletes the team ${team} with its rules and everything that was granted to it; its members lose that at once. ` +
          "The resources stay. This cannot be undone." +
          (item.from_keycloak ? " With the next login of a member Keycloak brings the team back, without rules and grants." : ""),
        action: "Delete it now",
        conflict: (more) => askForHeir(more, "Who manages from then on what only its members manage"),
        run: async (more) => {
          const heir = heirOf(more);
          const answer = await call("DELETE", "teams", heir ? { team, heir } : { team });
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
      { label: "Members", cell: ({ from_keycloak: keycloak }) => (keycloak ? "follow Keycloak" : "chosen here") },
      { label: "Rules", cell: ({ rules: found }) => (found.length ? found.flatMap((rule, place) => [place ? element("br", {}) : null, `${rule.level}: ${kinds[rule.kind]} `, code(rule.prefix + "…")]) : quiet("none")) },
      { label: "Change", hidden: true, cell: (item) => unfoldButton("Manage", item.team, manage(item)) },
    ],
  });

  onSubmit(at("create"), async ({ team }) => {
    const made = await call("POST", "teams", { team: team.trim() });
    at("create").reset();
    await table.refresh(made.team);
    done(`The team ${made.team} is there. Add members and rules under Manage.`);
  });
})();
