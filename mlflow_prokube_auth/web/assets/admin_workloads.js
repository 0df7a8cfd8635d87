// The tokens of trusted issuers that are a service account: a part of the account's panel.
import { attempt, button, done, problemBox } from "./acts.js";
import { ask, call, field, quiet, tag, time } from "./admin.js";
import { element } from "./dom.js";

const EXAMPLE = "sub = system:serviceaccount:team-a:trainer";
const path = (name, more = {}) => `accounts/workloads?${new URLSearchParams({ user: name, ...more })}`;
const lines = (claims) => Object.entries(claims).map(([claim, value]) => element("div", {}, element("code", {}, `${claim} = ${value}`)));

// "name = value" on each line.
function claimsOf(text) {
  return text.split("\n").filter((line) => line.trim()).map((line) => {
    const [name, ...value] = line.split("=");
    return [name.trim(), value.join("=").trim()];
  });
}

function item(panel, name, binding) {
  const remove = button("Remove", () => ask(panel, {
    text: [`Tokens of ${binding.issuer} with these claims are refused at once:`, ...lines(binding.claims)],
    action: "Remove it now",
    run: async () => {
      await call("DELETE", path(name, { id: binding.id }));
      await panel.again();
      done(`Removed the binding of ${name}.`);
    },
  }), "small");
  const until = binding.expires_at ? [", until ", time(binding.expires_at)] : [];
  return element("li", { data: { workload: binding.id } }, element("span", {}, ...lines(binding.claims),
    quiet(binding.issuer, ", for ", binding.audience, ...until, ", last used: ", time(binding.last_used_at)),
    binding.state === "active" ? null : [" ", tag(binding.state, "bad")]), remove);
}

const choice = (values) => element("select", {}, ...values.map((value) => element("option", { value }, value)));

function form(name, { issuers, audiences }, again) {
  const box = problemBox();
  const issuer = choice(issuers);
  const audience = choice(audiences);
  const claims = element("textarea", { rows: 3, required: true, spellcheck: false, placeholder: EXAMPLE });
  const until = element("input", { type: "date" });
  const made = element("form", { data: { workload: "new" } },
    element("div", { className: "actions" }, field("Issuer", issuer), field("Audience (aud)", audience), field("Last day (optional)", until)),
    field("Claims, one on each line", claims), box,
    element("p", { className: "actions" }, element("button", { type: "submit", className: "button" }, "Bind to these tokens")));
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(made, box, async () => {
      const given = claimsOf(claims.value);
      if (new Set(given.map(([claim]) => claim)).size < given.length) {
        box.replaceChildren("Name each claim once.");
        box.hidden = false;
        return;
      }
      const sent = { issuer: issuer.value, audience: audience.value, claims: Object.fromEntries(given), expires_on: until.value || null };
      await call("POST", path(name), sent);
      await again();
      done(`Tokens of ${issuer.value} with these claims now log in as ${name}.`);
    });
  });
  return made;
}

// Nothing where the server trusts no issuer, and the account is bound to none.
export function workloads(panel, name) {
  const box = element("div", { data: { workloads: name } });
  async function fill() {
    const answer = await call("GET", path(name));
    const { items, issuers } = answer;
    if (!items.length && !issuers.length) return;
    box.replaceChildren(
      element("h4", {}, "Workloads"),
      element("p", { className: "quiet" }, "A workload logs in with the token (JWT) that its platform gives it, without a key. It is this account if its token has these claims: in Kubernetes ",
        element("code", {}, EXAMPLE), ", in GitHub Actions ", element("code", {}, "repository = org/repo"), " and ", element("code", {}, "ref = refs/heads/main"), ". A * at the end stands for anything."),
      items.length ? element("ul", { className: "plain" }, ...items.map((each) => item(panel, name, each))) : element("p", { className: "quiet" }, "Not bound to any token."),
      ...(issuers.length ? [form(name, answer, fill)] : []),
    );
  }
  attempt(box, null, fill);
  return box;
}
