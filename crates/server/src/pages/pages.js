// The pages speak with the API. What stands behind `#` in a link is a token: browsers keep it to themselves.
"use strict";

const part = (id) => document.getElementById(id);
const token = location.hash.slice(1);

function say(text, good = false) {
  const message = part("message");
  message.textContent = text;
  message.classList.toggle("good", good);
  message.hidden = false;
}

async function call(method, path, body) {
  const request = { method, headers: {} };
  if (body !== undefined) {
    request.headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch("/api/v1" + path, request);
  } catch {
    throw { detail: "The server cannot be reached." };
  }
  const text = await response.text();
  let answer = {};
  try {
    answer = text === "" ? {} : JSON.parse(text);
  } catch {
    answer = { detail: "The server gave an answer that makes no sense." };
  }
  if (!response.ok) {
    throw answer;
  }
  return answer;
}

const kind = (problem) => String(problem.type).replace("urn:backstay:problem:", "");

function complain(problem) {
  say([problem.detail || "Something went wrong.", problem.hint].filter(Boolean).join(" – "));
}

function onSubmit(form, send) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    part("message").hidden = true;
    try {
      await send(Object.fromEntries(new FormData(form)));
    } catch (problem) {
      complain(problem);
    } finally {
      button.disabled = false;
    }
  });
}

function show(form) {
  form.hidden = false;
  form.querySelector("input").focus();
}

async function setup(form) {
  const { open } = await call("GET", "/setup");
  if (!open) {
    location.replace("/sign-in");
    return;
  }
  if (token === "") {
    say("Open the link that the server printed when it was started.");
    return;
  }
  onSubmit(form, async (fields) => {
    await call("POST", "/setup", { token, ...fields });
    location.replace("/");
  });
  show(form);
}

// Browsers that cannot read the options as JSON, and pages that came by an address or without TLS, know no passkeys.
const knowsPasskeys =
  typeof PublicKeyCredential === "function" &&
  typeof PublicKeyCredential.parseRequestOptionsFromJSON === "function" &&
  (location.protocol === "https:" || location.hostname === "localhost") &&
  !/^[\d.]+$|^\[/.test(location.hostname);

async function withDevice(work) {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DOMException)) {
      throw error;
    }
    throw {
      detail:
        error.name === "InvalidStateError"
          ? "This device has a passkey for your account already."
          : "The device made no answer, or was not asked to.",
    };
  }
}

async function enterByPasskey(next) {
  const { ceremony, options } = await call("POST", "/sign-in/passkey/begin");
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  const credential = await withDevice(() => navigator.credentials.get({ publicKey }));
  await call("POST", "/sign-in/passkey", { ceremony, credential: credential.toJSON() });
  location.replace(next);
}

async function makePasskey({ name, password }) {
  const { ceremony, options } = await call("POST", "/me/passkeys/begin", { password });
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  const credential = await withDevice(() => navigator.credentials.create({ publicKey }));
  await call("POST", "/me/passkeys", { ceremony, name, credential: credential.toJSON() });
}

function onClick(button, work) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    part("message").hidden = true;
    try {
      await work();
    } catch (problem) {
      complain(problem);
    } finally {
      button.disabled = false;
    }
  });
}

async function listPasskeys() {
  const { items } = await call("GET", "/me/passkeys");
  const rows = items.map(({ id, name, host, last_used }) => {
    const row = document.createElement("li");
    const used = last_used ? `last used ${new Date(last_used).toLocaleDateString()}` : "not used yet";
    row.textContent = `${name} – for ${host}, ${used}`;
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "other";
    remove.textContent = "Remove";
    remove.setAttribute("aria-label", `Remove ${name}`);
    onClick(remove, async () => {
      await call("DELETE", `/me/passkeys/${id}`);
      await listPasskeys();
    });
    row.append(remove);
    return row;
  });
  part("passkey-list").replaceChildren(...rows);
}

async function passkeys(section) {
  await listPasskeys();
  const form = part("new-passkey");
  form.hidden = !knowsPasskeys;
  onSubmit(form, async (fields) => {
    await makePasskey(fields);
    form.reset();
    await listPasskeys();
    say("The passkey is made. You can sign in with it.", true);
  });
  section.hidden = false;
}

function signIn(form) {
  const passkey = part("passkey");
  if (passkey && knowsPasskeys) {
    onClick(passkey, () => enterByPasskey(form.dataset.next));
    passkey.hidden = false;
  }
  const second = part("second");
  onSubmit(form, async (fields) => {
    if (second.hidden) {
      delete fields.code;
    }
    try {
      await call("POST", "/sign-in", fields);
      location.replace(form.dataset.next);
    } catch (problem) {
      if (kind(problem) !== "code_needed") {
        throw problem;
      }
      second.hidden = false;
      part("code").required = true;
      part("code").focus();
    }
  });
}

function reset(ask, choose) {
  onSubmit(ask, async (fields) => {
    await call("POST", "/password-reset", fields);
    ask.hidden = true;
    say("If there is an account with this address, a mail is on its way.", true);
  });
  onSubmit(choose, async (fields) => {
    await call("POST", "/password-reset/confirm", { token, ...fields });
    history.replaceState(null, "", "/reset");
    choose.hidden = true;
    say("The new password is set. You can sign in with it.", true);
  });
  show(token === "" ? ask : choose);
}

async function home(section) {
  const me = await call("GET", "/me");
  part("who").textContent = `${me.person.name} (${me.person.email})`;
  for (const { name, role } of me.roles) {
    const item = document.createElement("li");
    item.textContent = `${name}: ${role}`;
    part("roles").append(item);
  }
  onClick(part("sign-out"), async () => {
    await call("POST", "/sign-out");
    location.replace("/sign-in");
  });
  if (part("passkeys")) {
    await passkeys(part("passkeys"));
  }
  section.hidden = false;
}

// A link that is pasted into a page that is open changes nothing but what stands behind `#`.
addEventListener("hashchange", () => {
  if (location.hash !== "") {
    location.reload();
  }
});

if (part("setup")) {
  setup(part("setup")).catch(complain);
} else if (part("sign-in")) {
  signIn(part("sign-in"));
} else if (part("ask")) {
  reset(part("ask"), part("choose"));
} else if (part("home")) {
  home(part("home")).catch(complain);
}
