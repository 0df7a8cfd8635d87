// All permissions and why, what nobody owns, the trash, the audit trail.
"use strict";
(() => {
  const { Problem, at, attempt, base, button, call, done, element, link, list, onSubmit, page, quiet, tag, time } = window.prokubeAdmin;
  const places = { experiment: "experiments", registered_model: "models", prompt: "prompts" };

  function resource({ kind, id, name }) {
    const text = id === "*" ? "all of this kind" : name || id;
    const shown = places[kind] && id !== "*" && name ? link(text, `${base}#/${places[kind]}/${encodeURIComponent(id)}`) : text;
    return name && name !== id ? [shown, " ", quiet(`(id ${id})`)] : [shown];
  }

  const pages = {
    permissions() {
      const why = at("why");
      list({
        path: "permissions",
        columns: [
          { label: "Who", cell: ({ holder, holder_kind: kind }) => (kind === "user" ? holder : [quiet(kind), " ", holder]) },
          { label: "Level", cell: ({ level }) => tag(level) },
          { label: "Kind", cell: (item) => item.kind_label },
          { label: "On", cell: resource },
          { label: "From", cell: ({ fixed, id, holder_kind: kind }) => quiet(id === "*" ? "all of its kind" : fixed ? (kind === "team" ? "a rule" : "a role") : "a grant") },
          { label: "Change", hidden: true, cell: ({ shared, kind, id }) => (shared ? link("Share", `${base}prokube-auth/share?${new URLSearchParams({ kind, id })}`) : null) },
        ],
      });
      onSubmit(why, async ({ user, kind, id }) => {
        at("why-answer").hidden = true;
        const answer = await call("GET", "explain", { user: user.trim(), kind, id: id.trim() });
        at("why-level").replaceChildren(
          element("strong", {}, answer.user), " may do ", ...(answer.level ? [tag(answer.level), " "] : []),
          `on '${answer.name}': ${answer.allows}.`,
        );
        at("why-reasons").replaceChildren(...answer.reasons.map((reason) => element("li", {}, reason)));
        at("why-answer").hidden = false;
        at("why-answer").scrollIntoView({ block: "nearest" });
        at("page-error").hidden = true;
      });
    },

    unowned() {
      const boxes = () => [...document.querySelectorAll("#list [data-choose]")];
      const chosen = () => boxes().filter((box) => box.checked);
      const all = at("choose-all");
      function count() {
        const number = chosen().length;
        at("chosen").textContent = `${number} chosen`;
        all.checked = number > 0 && number === boxes().length;
        all.indeterminate = number > 0 && number < boxes().length;
      }
      const table = list({
        path: "unowned",
        data: ({ kind, id }) => ({ kind, id }),
        columns: [
          { label: "Choose", hidden: true, cell: ({ kind, id, name }) => element("input", { type: "checkbox", data: { choose: "", kind, id }, label: `Choose ${name}` }) },
          { label: "Kind", cell: (item) => item.kind_label },
          { label: "Name", cell: (item) => [...resource(item), ...(item.trashed ? [" ", tag("in the trash")] : [])] },
        ],
        loaded: ({ items }) => {
          at("assign").hidden = !items.length;
          count();
        },
      });
      all.addEventListener("change", () => {
        at("page-error").hidden = true;
        for (const box of boxes()) box.checked = all.checked;
        count();
      });
      at("list").addEventListener("change", () => {
        at("page-error").hidden = true;
        count();
      });
      onSubmit(at("assign"), async ({ user }) => {
        const resources = chosen().map(({ dataset: { kind, id } }) => ({ kind, id }));
        if (!resources.length) throw new Problem(0, "Choose in the list what to give away.");
        const answer = await call("POST", "assign", { user: user.trim(), resources });
        await table.load();
        done(`${answer.user} manages ${answer.assigned} more now.`);
      });
      count();
    },

    trash() {
      const table = list({
        path: "trash",
        data: ({ id }) => ({ id }),
        columns: [
          { label: "Experiment", cell: ({ name, id }) => [name, " ", quiet(`(id ${id})`)] },
          { label: "Managed by", cell: ({ managers }) => managers.join(", ") || quiet("nobody") },
          {
            label: "Change",
            hidden: true,
            cell: ({ name, id }) => {
              const made = button("Restore", (pressed) => attempt(pressed.closest("tr"), null, async () => {
                await call("POST", "restore", { id });
                await table.refresh(name);
                done(`The experiment ${name} is back, with its runs and permissions.`);
              }), "small");
              made.append(element("span", { className: "sr-only" }, " " + name));
              return made;
            },
          },
        ],
      });
    },

    audit() {
      const details = ({ detail: { user, user_id: id, ...detail }, client }) => quiet(Object.entries({ user: user || id, ...detail, from: client })
        .filter(([, value]) => value !== null && value !== undefined && value !== "")
        .map(([name, value]) => {
          const shown = name.endsWith("_at") && Number.isInteger(value) ? new Date(value * 1000).toLocaleDateString(undefined, { dateStyle: "medium" }) : value;
          return `${name.replaceAll("_", " ")}: ${shown}`;
        })
        .join(", "));
      const day = (text, days) => {
        const [year, month, date] = text.split("-").map(Number);
        return Math.floor(new Date(year, month - 1, date + days).getTime() / 1000);
      };
      list({
        path: "audit",
        data: ({ action }) => ({ action }),
        // Days as the reader's clock has them; the last one counts whole.
        change: ({ since, until, ...rest }) => ({
          ...rest, ...(since ? { since: day(since, 0) } : {}), ...(until ? { until: day(until, 1) } : {}),
        }),
        columns: [
          { label: "When", cell: ({ at: iso }) => time(iso) },
          { label: "Who", cell: ({ actor }) => actor },
          { label: "What", cell: ({ action }) => element("code", {}, action) },
          { label: "To", cell: ({ target }) => target },
          { label: "Details", cell: details },
        ],
      });
    },
  };
  pages[page.section]();
})();
