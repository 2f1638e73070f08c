import { createServer as createHttp } from "node:http";
import { type AddressInfo, createServer, type Server as Listener } from "node:net";

import { enter, PASSWORD } from "./enter";
import { accessible, expect, OWNER, test } from "./server";
import { expectNoSidewaysScroll } from "./walk";

async function portOf(server: Listener): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** A mail server that takes every mail (RFC 5321), and keeps it. */
async function mailServer() {
  const mails: string[] = [];
  const server = createServer((socket) => {
    let [text, mail, isMail] = ["", "", false];
    const say = (line: string) => socket.write(`${line}\r\n`);
    socket.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => {
      text += bytes.toString();
      for (let end = text.indexOf("\r\n"); end >= 0; end = text.indexOf("\r\n")) {
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        if (isMail && line === ".") {
          mails.push(mail);
          [mail, isMail] = ["", false];
          say("250 taken");
        } else if (isMail) {
          mail += `${line}\n`;
        } else if (line === "DATA") {
          isMail = true;
          say("354 go on");
        } else {
          say(line === "QUIT" ? "221 bye" : "250 localhost");
        }
      }
    });
    say("220 localhost");
  });
  return { mails, port: await portOf(server), close: () => server.close() };
}

/** A provider of OpenID Connect as far as it says how it is used. */
async function provider() {
  const keys = { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", use: "sig", alg: "EdDSA" };
  let issuer = "";
  const server = createHttp((request, response) => {
    const configuration = {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/keys`,
      response_types_supported: ["code"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["EdDSA"],
    };
    const told = request.url === "/keys" ? { keys: [keys] } : configuration;
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(told));
  });
  issuer = `http://127.0.0.1:${await portOf(server)}`;
  return { issuer, close: () => server.close() };
}

test("lengths of time are set, and what makes no sense is refused at its field", async ({ page, server, complaints }) => {
  await server.open(page, "/settings");
  await expect(page).toHaveURL(`${server.url}/settings/sign-in`);
  await accessible(page);
  const idle = page.getByLabel("Signed out after so long without doing anything");
  await expect(idle).toHaveValue("12h");
  await idle.fill("a while");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("alert")).toContainText("Write a length of time as");
  await idle.fill("5s");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("it has to be from one minute to thirty days").first()).toBeVisible();
  await expect(idle).toHaveAttribute("aria-invalid", "true");
  await idle.fill("30m");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved.")).toBeVisible();
  expect(await server.call("GET", "/settings/sign-in")).toMatchObject({ idle_timeout: "30m" });

  await page.getByRole("link", { name: "Retention" }).click();
  await page.getByLabel("Log lines are kept for").fill("10d");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved.")).toBeVisible();
  expect(await server.call("GET", "/settings/retention")).toMatchObject({ logs: "10d", runs: "400d" });
  await accessible(page);

  await page.getByRole("link", { name: "Connection checks" }).click();
  await page.getByLabel("One that failed is tried again after").fill("15m");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved.")).toBeVisible();
  expect(await server.call("GET", "/settings/connection-checks")).toMatchObject({ every: "6h", failing_every: "15m" });
  await page.reload();
  await expect(page.getByLabel("One that failed is tried again after")).toHaveValue("15m");
  await accessible(page);
  complaints.length = 0;
});

test("a mail server is set, tried, and forgotten", async ({ page, server, complaints }) => {
  const post = await mailServer();
  await server.open(page, "/settings/mail");
  await expect(page.getByLabel("Port")).toHaveValue("587");
  await accessible(page);
  await page.getByLabel("Mail server").fill("127.0.0.1");
  await page.getByLabel("Port").fill(String(post.port));
  await page.getByLabel("Encryption").selectOption("none");
  await page.getByLabel("Sender").fill("nobody");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("it has to be a mail address, with or without a name before it").first()).toBeVisible();
  await page.getByLabel("Sender").fill("Backstay <backup@example.org>");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByLabel("E-mail address")).toHaveValue(OWNER.email);
  await page.getByRole("button", { name: "Send a test mail" }).click();
  await expect(page.getByText(`The mail server took the mail to ${OWNER.email}.`)).toBeVisible();
  expect(post.mails).toHaveLength(1);
  expect(post.mails[0]).toContain("Subject: A test from Backstay");
  await accessible(page);
  post.close();
  await page.getByRole("button", { name: "Send a test mail" }).click();
  await expect(page.getByRole("alert")).toContainText("That did not work");
  await page.getByRole("button", { name: "Forget the mail server" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Forget the mail server" }).click();
  await expect(page.getByRole("button", { name: "Send a test mail" })).toHaveCount(0);
  await expect(page.getByLabel("Mail server")).toHaveValue("");
  complaints.length = 0;
});

test("a provider is asked before it is saved, and people are unlinked from it", async ({ page, server, complaints }) => {
  const office = await provider();
  const grace = await server.call("POST", "/people", { name: "Grace", email: "grace@example.org", password: PASSWORD });
  await server.open(page, "/settings/single-sign-on");
  await expect(page.getByLabel("Address to register at the provider")).toHaveValue(/\/api\/v1\/oidc\/callback$/);
  await accessible(page);
  await page.getByLabel("Issuer").fill("http://127.0.0.1:9");
  await page.getByLabel("Client ID").fill("backstay");
  await page.getByLabel("Client secret").fill("a secret");
  await page.getByLabel("Name of the provider").fill("Büro <b>");
  await page.getByRole("button", { name: "Add a value" }).click();
  await page.getByLabel("Value 1", { exact: true }).fill("admins");
  await page.getByLabel("Role for value 1").selectOption("admin");
  await page.getByRole("button", { name: "Ask the provider and save" }).click();
  await expect(page.getByText("Name the claim that the values are of.")).toBeVisible();
  await page.getByLabel("Claim (optional)").fill("groups");
  await page.getByRole("button", { name: "Ask the provider and save" }).click();
  await expect(page.getByRole("alert")).toContainText("the provider does not say how it is used");
  await expect(page.getByLabel("Client secret")).toHaveValue("a secret");
  await page.getByLabel("Issuer").fill(office.issuer);
  await page.getByRole("button", { name: "Ask the provider and save" }).click();
  await expect(page.getByRole("button", { name: "Forget the provider" })).toBeVisible();
  expect(await server.call("GET", "/settings/oidc")).toMatchObject({
    issuer: office.issuer,
    client_secret_set: true,
    roles: { claim: "groups", values: { admins: "admin" } },
    create_people: false,
  });
  await accessible(page);

  await page.goto(`${server.url}/people/${grace.id}`);
  await page.getByRole("button", { name: "Unlink" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Unlink" }).click();
  await expect(page.getByRole("alert")).toContainText("account of this person at a provider");

  await page.goto(`${server.url}/settings/single-sign-on`);
  await page.getByRole("button", { name: "Forget the provider" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Forget the provider" }).click();
  await expect(page.getByLabel("Issuer")).toHaveValue("");
  office.close();
  complaints.length = 0;
});

test("the key of the vault is rotated", async ({ page, server }) => {
  await server.plan("Letters");
  await server.open(page, "/settings/vault");
  const primary = page.getByRole("row").filter({ hasText: "Primary" }).locator("code");
  const before = await primary.textContent();
  await accessible(page);
  await page.getByRole("button", { name: "Rotate the key" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Rotate the key" }).click();
  await expect(page.getByText(/\d+ values? (is|are) sealed anew\./)).toBeVisible();
  await expect(primary).not.toHaveText(before ?? "");
  expect((await server.items("/vault"))[0]?.id).not.toBe(before);
});

test("the settings are shown to owners of the server only", async ({ page, server, complaints }) => {
  const [home] = await server.items("/projects");
  await server.open(page);
  await enter(page, server, "adam@example.org", [{ project: home?.id ?? "", role: "admin" }], "/settings/mail");
  await expect(page.getByText("The settings belong to the owners of the server")).toBeVisible();
  await expect(page.getByLabel("Mail server")).toHaveCount(0);
  await expect(page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Settings" })).toHaveCount(0);
  await expect(page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Audit" })).toBeVisible();
  expect(complaints).toEqual([]);
});

test("on a narrow screen the parts of the settings are one row, and the one that is shown is in sight", async ({ page, server }) => {
  await page.setViewportSize({ width: 390, height: 800 });
  const parts = page.getByRole("navigation", { name: "Sections of the settings" });
  const tab = (name: string) => parts.getByRole("link", { name, exact: true });
  for (const [path, shown] of [["/settings/sign-in", "Sign-in"], ["/settings/retention", "Retention"], ["/settings/vault", "Vault"]] as const) {
    await server.open(page, path);
    await expect(tab(shown)).toBeInViewport({ ratio: 0.98 });
    expect((await parts.boundingBox())?.height).toBeLessThan(45);
    await expectNoSidewaysScroll(page);
  }
  await accessible(page);
  await expect(tab("Sign-in")).not.toBeInViewport({ ratio: 0.9 });

  // The keyboard brings what it comes to into sight.
  await tab("Vault").focus();
  for (const name of ["Receiver", "Connection checks", "Retention", "Single sign-on", "Mail", "Sign-in"]) {
    await page.keyboard.press("Shift+Tab");
    await expect(tab(name)).toBeFocused();
    await expect(tab(name)).toBeInViewport({ ratio: 0.98 });
  }
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(`${server.url}/settings/sign-in`);
  await expect(tab("Vault")).not.toBeInViewport({ ratio: 0.9 });
});
