// The pages speak with the API. What stands behind `#` in a link is a token: browsers keep it to themselves.
"use strict";

const texts = JSON.parse(document.body.dataset.texts);
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
    throw { detail: texts.unreachable };
  }
  const text = await response.text();
  let answer = {};
  try {
    answer = text === "" ? {} : JSON.parse(text);
  } catch {
    answer = { detail: texts.senseless };
  }
  if (!response.ok) {
    throw answer;
  }
  return answer;
}

const kind = (problem) => String(problem.type).replace("urn:backstay:problem:", "");

function complain(problem) {
  // The server's own words are English.
  say(texts[kind(problem)] ?? [problem.detail || texts.wrong, problem.hint].filter(Boolean).join(" – "));
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
    say(texts.link_needed);
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
    throw { detail: texts.no_answer };
  }
}

async function enterByPasskey(next) {
  const { ceremony, options } = await call("POST", "/sign-in/passkey/begin");
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  const credential = await withDevice(() => navigator.credentials.get({ publicKey }));
  try {
    await call("POST", "/sign-in/passkey", { ceremony, credential: credential.toJSON() });
  } catch (problem) {
    throw kind(problem) === "sign_in_failed" ? { detail: texts.unknown_passkey } : problem;
  }
  location.replace(next);
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
    say(texts.mailed, true);
  });
  onSubmit(choose, async (fields) => {
    await call("POST", "/password-reset/confirm", { token, ...fields });
    history.replaceState(null, "", "/reset");
    choose.hidden = true;
    say(texts.set, true);
  });
  show(token === "" ? ask : choose);
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
}
