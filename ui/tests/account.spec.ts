import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";

import { accessible, expect, OWNER, test } from "./server";

/** The one-time code of a moment (RFC 6238), as an authenticator app makes it. */
function codeOf(secret: string, time = Date.now()): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret].map((letter) => letters.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(time / 30_000)));
  const mac = createHmac("sha1", key).update(step).digest();
  const place = (mac.at(-1) ?? 0) & 15;
  return String((mac.readUInt32BE(place) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

test("the name is changed, and the password, which ends other sessions", async ({ page, server, complaints }) => {
  await server.open(page, "/me");
  await expect(page).toHaveURL(`${server.url}/me/profile`);
  const name = "Ada <b>Lovelace</b> عدا 艾达";
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("link", { name })).toBeVisible();
  await accessible(page);
  await page.getByRole("link", { name: "Password" }).click();
  await expect(page).toHaveURL(`${server.url}/me/password`);
  await accessible(page);
  await page.getByLabel("Current password").fill("not the password");
  await page.getByLabel("New password", { exact: true }).fill("another long password");
  await page.getByLabel("New password again").fill("another long");
  await page.getByRole("button", { name: "Change the password" }).click();
  await expect(page.getByText("This differs from the new password.")).toBeVisible();
  await page.getByLabel("New password again").fill("another long password");
  await page.getByRole("button", { name: "Change the password" }).click();
  await expect(page.locator("p", { hasText: "that is not your password" }).first()).toBeVisible();
  await expect(page.getByLabel("New password", { exact: true })).toHaveValue("another long password");
  await page.getByLabel("Current password").fill(OWNER.password);
  await page.getByRole("button", { name: "Change the password" }).click();
  await expect(page.getByText("Your other sessions have ended.")).toBeVisible();
  expect((await server.call("GET", "/me")).person).toMatchObject({ name });
  const signIn = (password: string) =>
    fetch(`${server.url}/api/v1/sign-in`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email: OWNER.email, password }),
    });
  expect((await signIn("another long password")).status).toBe(200);
  expect((await signIn(OWNER.password)).status).toBe(401);
  complaints.length = 0;
});

test("a second factor is set up with its recovery codes, and switched off", async ({ page, server, complaints }) => {
  await server.open(page, "/me/second-factor");
  await page.getByRole("button", { name: "Set up a second factor" }).click();
  await expect(page.getByRole("img", { name: "QR code of the secret" })).toBeVisible();
  const secret = await page.getByLabel("Secret", { exact: true }).inputValue();
  await expect(page.getByRole("link", { name: "Open in an authenticator app" })).toHaveAttribute("href", new RegExp(`^otpauth://totp/.*secret=${secret}`));
  await accessible(page);
  await page.getByLabel("Code", { exact: true }).fill("12");
  await page.getByRole("button", { name: "Switch on the second factor" }).click();
  await expect(page.getByText("The code has six digits.")).toBeVisible();
  await page.getByLabel("Code", { exact: true }).fill(codeOf(secret));
  await page.getByRole("button", { name: "Switch on the second factor" }).click();
  const codes = (await page.getByLabel("Recovery codes").inputValue()).split("\n");
  expect(codes).toHaveLength(10);
  const downloading = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download the codes" }).click();
  expect(await readFile(await (await downloading).path(), "utf8")).toBe(`${codes.join("\n")}\n`);
  await accessible(page);
  page.once("dialog", (asked) => void asked.dismiss());
  await page.getByRole("link", { name: "Sessions" }).click();
  await expect(page).toHaveURL(`${server.url}/me/second-factor`);
  await page.getByRole("button", { name: "I have kept them" }).click();
  await page.reload();
  await expect(page.getByText("The second factor is on. 10 recovery codes are left.")).toBeVisible();
  await expect(page.getByText(codes[0] ?? "")).toHaveCount(0);
  await accessible(page);
  await page.getByLabel("Your password").fill("wrong");
  await page.getByRole("button", { name: "Switch off the second factor" }).click();
  await expect(page.getByText("that is not your password").first()).toBeVisible();
  await page.getByLabel("Your password").fill(OWNER.password);
  await page.getByRole("button", { name: "Switch off the second factor" }).click();
  await expect(page.getByRole("button", { name: "Set up a second factor" })).toBeVisible();
  complaints.length = 0;
});

test("a passkey is made, signs in from then on, and no more once it is deleted", async ({ page, server, complaints }) => {
  const devices = await page.context().newCDPSession(page);
  await devices.send("WebAuthn.enable");
  await devices.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  await server.open(page, "/me/passkeys");
  await expect(page.getByText("No passkeys yet")).toBeVisible();
  await page.getByLabel("Name of the new passkey").fill("My laptop");
  await page.getByLabel("Your password").fill(OWNER.password);
  await page.getByRole("button", { name: "Make a passkey" }).click();
  const row = page.getByRole("row", { name: "My laptop" });
  await expect(row).toContainText("localhost");
  await expect(row).toContainText("never");
  await accessible(page);
  const enter = async () => {
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  };
  await enter();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Nothing is protected yet");
  await page.goto(`${server.url}/me/passkeys`);
  await expect(row).not.toContainText("never");
  await page.getByRole("button", { name: "Delete: My laptop" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("No passkeys yet")).toBeVisible();
  await enter();
  await expect(page.getByRole("alert")).toContainText("This passkey does not open an account here");
  // A refusal is an error to the console.
  complaints.length = 0;
});

test("other sessions are ended, one or all of them", async ({ page, server }) => {
  const cookies: string[] = [];
  for (const agent of ["curl/8.5.0", "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/140.0"]) {
    const response = await fetch(`${server.url}/api/v1/sign-in`, {
      method: "POST",
      headers: { "content-type": "application/json", "user-agent": agent },
      body: JSON.stringify({ email: OWNER.email, password: OWNER.password }),
    });
    cookies.push(response.headers.get("set-cookie")?.split(";")[0] ?? "");
  }
  const status = async (cookie = "") => (await fetch(`${server.url}/api/v1/me`, { headers: { cookie } })).status;
  await server.open(page, "/me/sessions");
  // The set-up page began one too.
  await expect(page.getByRole("row")).toHaveCount(5);
  await accessible(page);
  await page.getByRole("row", { name: "curl/8.5.0" }).getByRole("button", { name: "End" }).click();
  await expect(page.getByRole("row")).toHaveCount(4);
  expect(await status(cookies[0])).toBe(401);
  expect(await status(cookies[1])).toBe(200);
  await page.getByRole("button", { name: "End all other sessions" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "End all other sessions" }).click();
  await expect(page.getByRole("row")).toHaveCount(2);
  await expect(page.getByText("This session")).toBeVisible();
  expect(await status(cookies[1])).toBe(401);
});

test("a token is made, shown once, limited as was chosen, and deleted", async ({ page, server }) => {
  await server.open(page, "/me/tokens");
  await expect(page.getByText("No API tokens yet")).toBeVisible();
  const described = await page.getByRole("link", { name: "OpenAPI" }).getAttribute("href");
  expect((await fetch(`${server.url}${described}`)).status).toBe(200);
  await page.getByRole("button", { name: "Make a token" }).click();
  await expect(page.getByText("This is needed.")).toBeVisible();
  await page.getByLabel("What it is for").fill("Monitoring");
  await page.getByLabel("Expires").selectOption("30");
  await page.getByRole("button", { name: "Make a token" }).click();
  const key = await page.getByLabel("Key", { exact: true }).inputValue();
  const call = (method: string, path: string) =>
    fetch(`${server.url}/api/v1${path}`, { method, headers: { authorization: `Bearer ${key}` } });
  expect((await call("GET", "/plans")).status).toBe(200);
  expect((await call("GET", "/settings/sign-in")).status).toBe(403);
  const [token] = await server.items("/me/tokens");
  expect(token).toMatchObject({ name: "Monitoring", role: "viewer" });
  const days = (Date.parse(String(token?.expires)) - Date.now()) / 86_400_000;
  expect(Math.round(days)).toBe(30);
  await accessible(page);
  await page.reload();
  await expect(page.getByRole("row", { name: "Monitoring" })).toBeVisible();
  await expect(page.getByLabel("Key", { exact: true })).toHaveCount(0);
  await page.getByRole("button", { name: "Delete: Monitoring" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("No API tokens yet")).toBeVisible();
  expect((await call("GET", "/plans")).status).toBe(401);
});
