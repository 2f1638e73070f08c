import { expect, OWNER, test } from "./server";

test("a passkey is made on the account's page, and signs in from then on", async ({ page, server, complaints }) => {
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
  await server.open(page, "/account");
  await page.getByLabel("Name of a new passkey").fill("My laptop");
  await page.getByLabel("Your password").fill(OWNER.password);
  await page.getByRole("button", { name: "Make a passkey" }).click();
  await expect(page.getByText("My laptop – for localhost, not used yet")).toBeVisible();
  await page.getByRole("button", { name: "Sign out" }).click();

  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Nothing is protected yet");
  await page.goto(`${server.url}/account`);
  await page.getByRole("button", { name: "Remove My laptop" }).click();
  await expect(page.getByText("My laptop")).toHaveCount(0);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await expect(page.getByRole("alert")).toContainText("this passkey does not open an account here");
  // A refusal is an error to the console.
  complaints.length = 0;
});
